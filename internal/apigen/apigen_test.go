package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestGeneratedFilesAreCurrent fails when the code has moved on.
func TestGeneratedFilesAreCurrent(t *testing.T) {
	t.Parallel()
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	files, err := Generate(root)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is out of date: make openapi", name)
		}
	}
	checkPage(t, files[pageFile])
	checkReferences(t, files[specFile])
	checkCollection(t, files[postmanFile], files[specFile])
}

// checkPage: every error code has its anchor, and nothing comes from elsewhere.
func checkPage(t *testing.T, page []byte) {
	t.Helper()
	for _, code := range []string{"too_few_points", "rate_limited", "invalid_key", "queue_full", "needs_llm", "unknown_field", "dependency_cycle", "llm_refused", "too_many_tasks"} {
		if !strings.Contains(string(page), `<tr id="`+code+`">`) {
			t.Errorf("the page has no place for %s", code)
		}
	}
	if m := regexp.MustCompile(`(src|href)="https?:`).Find(page); m != nil {
		t.Errorf("the page fetches something: %s", m)
	}
}

// checkReferences: every $ref leads somewhere, and nothing internal shows.
func checkReferences(t *testing.T, spec []byte) {
	t.Helper()
	var doc struct {
		Paths      map[string]any `json:"paths"`
		Components struct {
			Schemas map[string]any `json:"schemas"`
		} `json:"components"`
	}
	if err := json.Unmarshal(spec, &doc); err != nil {
		t.Fatal(err)
	}
	for path := range doc.Paths {
		if strings.HasPrefix(path, "/internal") {
			t.Errorf("%s is shown", path)
		}
	}
	for _, m := range regexp.MustCompile(`#/components/schemas/(\w+)`).FindAllSubmatch(spec, -1) {
		if doc.Components.Schemas[string(m[1])] == nil {
			t.Errorf("%s leads nowhere", m[0])
		}
	}
}
