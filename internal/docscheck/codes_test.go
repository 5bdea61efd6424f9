package docscheck

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	// listed is a row of docs/errors.md, which is made from the source.
	listed = regexp.MustCompile(`(?m)^\| \[(\w+)\]\(\S+\) \| ([\d, ]+) \|`)
	// explained is a code in the first cell of a row of docs/troubleshooting.md.
	explained = regexp.MustCompile("`([a-z0-9_]+)`")
)

// TestErrorCodesAreExplained: every code that is not about a call's body has an
// entry in docs/troubleshooting.md, and every entry is about a code that exists.
func TestErrorCodesAreExplained(t *testing.T) {
	t.Parallel()
	codes := map[string]bool{} // whether it needs an entry
	for _, m := range listed.FindAllStringSubmatch(text(t, "docs/errors.md"), -1) {
		for status := range strings.SplitSeq(m[2], ", ") {
			codes[m[1]] = codes[m[1]] || status != "400" && status != "404" && status != "422"
		}
	}
	if len(codes) < 150 {
		t.Fatalf("only %d codes in docs/errors.md", len(codes))
	}
	entries := map[string]bool{}
	inCodes := false
	for line := range strings.Lines(text(t, "docs/troubleshooting.md")) {
		cell, isRow := strings.CutPrefix(line, "|")
		if !isRow {
			inCodes = false
			continue
		}
		cell, _, _ = strings.Cut(strings.TrimSpace(cell), " | ")
		if cell == "code" {
			inCodes = true
		}
		if !inCodes {
			continue
		}
		for _, m := range explained.FindAllStringSubmatch(cell, -1) {
			entries[m[1]] = true
			if _, known := codes[m[1]]; !known {
				t.Errorf("docs/troubleshooting.md explains %s, which the source does not raise", m[1])
			}
		}
	}
	for code, needed := range codes {
		if needed && !entries[code] {
			t.Errorf("docs/troubleshooting.md has no entry for %s: what is seen, the cause, the mend", code)
		}
	}
}

func text(t *testing.T, name string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
