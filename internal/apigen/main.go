// Command apigen writes api/spec/openapi.json and api/spec/docs.html from the
// code: types and their comments from package api, paths, scopes and costs
// from the route table, error codes from the places that raise them.
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
	spec, page, err := Generate(root)
	if err != nil {
		return err
	}
	for name, content := range map[string][]byte{"openapi.json": spec, "docs.html": page} {
		if err := os.WriteFile(filepath.Join(root, "api", "spec", name), content, 0o644); err != nil { //nolint:gosec // source files, readable by all
			return err
		}
	}
	return nil
}

// Generate returns the OpenAPI document and the page for the module at root.
func Generate(root string) (spec, page []byte, err error) {
	types, err := parseTypes(filepath.Join(root, "api"))
	if err != nil {
		return nil, nil, err
	}
	codes, err := findErrorCodes(root)
	if err != nil {
		return nil, nil, err
	}
	ops, err := allOperations()
	if err != nil {
		return nil, nil, err
	}
	doc, err := document(types, ops)
	if err != nil {
		return nil, nil, err
	}
	if spec, err = encode(doc); err != nil {
		return nil, nil, err
	}
	page, err = render(types, ops, codes)
	return spec, page, err
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
