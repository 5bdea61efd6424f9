package docscheck

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Problem is a place in a file that needs mending.
type Problem struct {
	File string
	Line int
	Text string
}

// String is the problem as compilers print theirs.
func (p Problem) String() string { return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Text) }

// Pages returns the paths of all Markdown files below root, with slashes,
// sorted; folders of tools and of what was built are left out.
func Pages(root string) ([]string, error) {
	var list []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if skippedFolder(d.Name()) && path != root {
				return filepath.SkipDir
			}
			return nil
		}
		if strings.HasSuffix(path, ".md") {
			rel, err := filepath.Rel(root, path)
			if err != nil {
				return err
			}
			list = append(list, filepath.ToSlash(rel))
		}
		return nil
	})
	slices.Sort(list)
	return list, err
}

func skippedFolder(name string) bool {
	switch name {
	case "bin", "dist", "node_modules", "vendor", "testdata", "omni-data":
		return true
	}
	return strings.HasPrefix(name, ".")
}

// BrokenLinks returns the links of a page that lead nowhere: files that are
// not there, and anchors that their files do not have. Links to other sites
// are not followed.
func BrokenLinks(root, page string) ([]Problem, error) {
	raw, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(page)))
	if err != nil {
		return nil, err
	}
	var problems []Problem
	for _, l := range Parse(string(raw)).Links {
		if why := broken(root, page, l.Target); why != "" {
			problems = append(problems, Problem{File: page, Line: l.Line, Text: l.Target + ": " + why})
		}
	}
	return problems, nil
}

// broken says what is wrong with a link, "" for nothing.
func broken(root, page, target string) string {
	u, err := url.Parse(target)
	switch {
	case err != nil:
		return "it is not an address"
	case u.Scheme != "" || u.Host != "":
		return ""
	case strings.HasPrefix(u.Path, "/"):
		return "an address from the root leads elsewhere on each site that shows this page; make it relative"
	}
	path := filepath.Join(root, filepath.FromSlash(page))
	if u.Path != "" {
		path = filepath.Join(filepath.Dir(path), filepath.FromSlash(u.Path))
	}
	if rel, err := filepath.Rel(root, path); err != nil || rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		return "it leads out of the project"
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "there is no such file"
	case err != nil:
		return "it cannot be read"
	case u.Fragment == "":
		return ""
	case info.IsDir():
		return "a folder has no anchors"
	}
	return brokenAnchor(path, u.Fragment)
}

func brokenAnchor(path, fragment string) string {
	raw, err := os.ReadFile(path)
	if err != nil {
		return "it cannot be read"
	}
	switch filepath.Ext(path) {
	case ".md":
		if !Parse(string(raw)).Anchors[fragment] {
			return "no heading has this anchor"
		}
	case ".html":
		if !strings.Contains(string(raw), ` id="`+fragment+`"`) {
			return "no element has this id"
		}
	}
	return ""
}
