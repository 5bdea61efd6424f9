// Package spec holds what describes the HTTP interface to people and programs:
// the OpenAPI document and the page made from it. Both are generated from the
// types of package api, the route table and the error codes in the source, and
// a test fails when they are out of date. Regenerate with: make openapi
package spec

import _ "embed"

//go:generate go run github.com/omni-run/omni/internal/apigen

var (
	//go:embed openapi.json
	openAPI []byte
	//go:embed docs.html
	docsHTML []byte
)

// OpenAPI returns the OpenAPI 3.1 document as JSON. It must not be changed.
func OpenAPI() []byte { return openAPI }

// DocsHTML returns the documentation page, which needs nothing from the
// network. It must not be changed.
func DocsHTML() []byte { return docsHTML }
