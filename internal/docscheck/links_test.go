package docscheck

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// root is the module's folder.
const root = "../.."

// TestLinksLeadSomewhere: every relative link and anchor of every page.
func TestLinksLeadSomewhere(t *testing.T) {
	t.Parallel()
	pages, err := Pages(root)
	if err != nil {
		t.Fatal(err)
	}
	links := 0
	for _, page := range pages {
		problems, err := BrokenLinks(root, page)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range problems {
			t.Error(p)
		}
		raw, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(page)))
		if err != nil {
			t.Fatal(err)
		}
		links += len(Parse(string(raw)).Links)
	}
	if len(pages) < 30 || links < 50 {
		t.Errorf("only %d pages and %d links were found", len(pages), links)
	}
}

// TestMapIsWhole: docs/README.md leads to every page and folder beside it.
func TestMapIsWhole(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(filepath.Join(root, "docs", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{"README.md": true}
	for _, l := range Parse(string(raw)).Links {
		path, _, _ := strings.Cut(l.Target, "#")
		listed[path] = true
	}
	pages, err := Pages(filepath.Join(root, "docs"))
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range pages {
		folder, _, inFolder := strings.Cut(page, "/")
		if !listed[page] && !(inFolder && listed[folder]) {
			t.Errorf("docs/README.md does not lead to %s", page)
		}
	}
}
