// Command apigen writes the OpenAPI document, the documentation page, a Postman
// collection and the list of error codes from the code: types and their
// comments from package api, paths, scopes and costs from the route table,
// error codes from the places that raise them.
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	root, err := moduleRoot()
	if err == nil {
		err = write(root)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "apigen:", err)
		os.Exit(1)
	}
}

func write(root string) error {
	files, err := Generate(root)
	if err != nil {
		return err
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(root, filepath.FromSlash(name)), content, 0o644); err != nil { //nolint:gosec // source files, readable by all
			return err
		}
	}
	return nil
}

// Names of the generated files, from the module's root.
const (
	specFile    = "api/spec/openapi.json"
	pageFile    = "api/spec/docs.html"
	postmanFile = "api/spec/postman.json"
	errorsFile  = "docs/errors.md"
)

// Generate returns the generated files of the module at root by their names.
func Generate(root string) (map[string][]byte, error) {
	types, err := parseTypes(filepath.Join(root, "api"))
	if err != nil {
		return nil, err
	}
	codes, err := findErrorCodes(root)
	if err != nil {
		return nil, err
	}
	ops, err := allOperations()
	if err != nil {
		return nil, err
	}
	doc, err := document(types, ops)
	if err != nil {
		return nil, err
	}
	spec, err := encode(doc)
	if err != nil {
		return nil, err
	}
	page, err := render(types, ops, codes)
	if err != nil {
		return nil, err
	}
	requests, err := postman(spec, ops)
	if err != nil {
		return nil, err
	}
	return map[string][]byte{specFile: spec, pageFile: page, postmanFile: requests, errorsFile: errorList(codes)}, nil
}

// moduleRoot walks up to the folder that holds go.mod.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", fmt.Errorf("no go.mod above the working folder")
		}
		dir = up
	}
}
