//go:build unix

package docscheck

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	variable  = regexp.MustCompile(`\bOMNI_[A-Z_]*[A-Z]\b`)
	commandIn = regexp.MustCompile("`(?:bin/)?omni ([^`]+)`")
	plainWord = regexp.MustCompile(`^[a-z][a-z-]*$`)
	longFlag  = regexp.MustCompile(`^--[a-z][a-z-]*$`)
)

// TestNamedVariablesExist: no page names a variable of the environment that
// nothing reads.
func TestNamedVariablesExist(t *testing.T) {
	t.Parallel()
	read := map[string]bool{}
	for _, top := range []string{"cmd", "internal", "deploy", "examples"} {
		err := filepath.WalkDir(filepath.Join(root, top), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || strings.HasSuffix(path, "_test.go") || strings.HasSuffix(path, ".md") {
				return err
			}
			raw, err := os.ReadFile(path)
			for _, name := range variable.FindAllString(string(raw), -1) {
				read[name] = true
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	pages, err := commandPages()
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range pages {
		for _, name := range variable.FindAllString(text(t, page), -1) {
			if !read[name] {
				t.Errorf("%s names %s, which nothing reads", page, name)
			}
		}
	}
}

// TestNamedCommandsExist: each command and option that a sentence names is one
// of omni's.
func TestNamedCommandsExist(t *testing.T) {
	t.Parallel()
	pages, err := commandPages()
	if err != nil {
		t.Fatal(err)
	}
	named := map[string][]string{} // sub-command → its options
	for _, page := range pages {
		for _, m := range commandIn.FindAllStringSubmatch(text(t, page), -1) {
			command, options := takeApart(m[1])
			named[command] = append(named[command], options...)
		}
	}
	if len(named) < 15 {
		t.Errorf("only %d commands were found", len(named))
	}
	bin := filepath.Join(binaries(t), "omni")
	for name, options := range named {
		path := strings.Fields(name)
		out, code := command(t, t.TempDir(), environment(), bin, append(slices.Clone(path), "--help")...)
		if code != 0 || !strings.Contains(out, strings.TrimSpace("omni "+name)+" ") {
			t.Errorf("there is no omni %s", name)
			continue
		}
		for _, o := range options {
			if !strings.Contains(out, o+" ") {
				t.Errorf("omni %s has no %s", name, o)
			}
		}
	}
}

// takeApart splits a command line into the sub-command, as far as it is made
// of plain words, and the long options.
func takeApart(line string) (name string, options []string) {
	words := strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(" =[]()", r) })
	var path []string
	for i, w := range words {
		switch {
		case longFlag.MatchString(w):
			options = append(options, w)
		case plainWord.MatchString(w) && len(path) == i:
			path = append(path, w)
		}
	}
	return strings.Join(path, " "), options
}
