// Package deploy checks that the pages about deployment name what exists.
package deploy

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestPagesNameWhatExists(t *testing.T) {
	t.Parallel()
	root := ".."
	makefile := read(t, root, "Makefile")
	script := read(t, root, "deploy", "cloudrun", "deploy.sh")
	paths := regexp.MustCompile("(?:^|[\\s`(])((?:deploy|internal|examples|\\.ci)/[\\w./-]+[\\w])")
	targets := regexp.MustCompile("(?:^|[\\s`])make ([a-z-]+)")
	options := regexp.MustCompile(`cloudrun/deploy\.sh(.*)`)
	for _, page := range []string{"docs/deploy.md", "SECURITY.md"} {
		text := read(t, root, filepath.FromSlash(page))
		n := 0
		for _, m := range paths.FindAllStringSubmatch(text, -1) {
			n++
			if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(m[1]))); err != nil {
				t.Errorf("%s names %s: %v", page, m[1], err)
			}
		}
		for _, m := range targets.FindAllStringSubmatch(text, -1) {
			if n++; !strings.Contains(makefile, "\n"+m[1]+":") {
				t.Errorf("%s names make %s", page, m[1])
			}
		}
		for _, line := range options.FindAllStringSubmatch(text, -1) {
			for _, o := range regexp.MustCompile(`--[a-z-]+`).FindAllString(line[1], -1) {
				if n++; !strings.Contains(script, "\t"+o) && !strings.Contains(script, "| "+o+" ") && !strings.Contains(script, "| "+o+")") {
					t.Errorf("%s gives deploy.sh the option %s", page, o)
				}
			}
		}
		if n < 10 {
			t.Errorf("%s: only %d names found", page, n)
		}
	}
}

// TestAnchors: links within the page, and to sections of others, lead somewhere.
func TestAnchors(t *testing.T) {
	t.Parallel()
	page := read(t, "..", "docs", "deploy.md")
	for _, m := range regexp.MustCompile(`\]\(([\w./-]*)(?:#([\w-]+))?\)`).FindAllStringSubmatch(page, -1) {
		target := page
		if m[1] != "" {
			target = read(t, "..", "docs", filepath.FromSlash(m[1]))
		}
		if m[2] == "" {
			continue
		}
		found := false
		for _, h := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(target, -1) {
			anchor := regexp.MustCompile(`[^\w -]`).ReplaceAllString(strings.ToLower(h[1]), "")
			found = found || strings.ReplaceAll(anchor, " ", "-") == m[2]
		}
		if !found {
			t.Errorf("%s#%s leads nowhere", m[1], m[2])
		}
	}
}

func read(t *testing.T, parts ...string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(parts...))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
