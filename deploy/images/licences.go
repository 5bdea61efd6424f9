package images

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/google/licensecheck"
)

// Allowed are the licences that may be inside what is shipped. All but the last
// only ask that their text comes along, which is what /licenses in the image is
// for. MPL-2.0 also asks that the source of its own files can be had: that
// holds for modules used as published, so a replaced one is refused.
// Any other licence fails the build.
var Allowed = []string{"0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "ISC", "MIT", "Unlicense", mozilla}

const mozilla = "MPL-2.0"

// legal matches the names of files that hold licences and notices.
var legal = regexp.MustCompile(`(?i)^(licen[cs]e|copying|copyright|notice|patents|authors|unlicense)([-_.].*)?$`)

// grants matches those that can be the licence itself, not a notice beside it.
var grants = regexp.MustCompile(`(?i)^(licen[cs]e|copying|unlicense)`)

// Licence is what a linked module may be used under.
type Licence struct {
	Module, Version string
	// IDs are SPDX identifiers found in the module's licence files.
	IDs []string
	// Files are all legal texts that stand beside or above linked packages, by
	// path in the module.
	Files map[string][]byte
	// replaced is set when go.mod puts another module in its place.
	replaced bool
}

// linked is what go list says of a package.
type linked struct {
	Dir    string
	Module *struct {
		Path, Version, Dir string
		Main               bool
		Replace            *struct{ Path, Version string }
	}
}

// Licences collects the legal texts of every module that a command links, and
// of the Go distribution. A module without a licence, or with one that is not
// in Allowed, is an error.
func Licences(ctx context.Context, s Settings, name, arch string) ([]Licence, error) {
	env := environment(name, arch)
	out, err := command(ctx, s.Source, env, s.Go, "list", "-deps", "-json=Dir,Module", "./cmd/"+name)
	if err != nil {
		return nil, err
	}
	found := map[string]*Licence{}
	for in := json.NewDecoder(bytes.NewReader(out)); ; {
		var p linked
		if err := in.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("reading what go list says: %w", err)
		}
		if p.Module == nil { // the standard library
			continue
		}
		l := found[p.Module.Path]
		if l == nil {
			l = &Licence{Module: p.Module.Path, Version: p.Module.Version, Files: map[string][]byte{}, replaced: p.Module.Replace != nil}
			found[l.Module] = l
		}
		if err := l.gather(p.Dir, p.Module.Dir); err != nil {
			return nil, err
		}
	}
	roots, err := goroot(ctx, s.Go)
	if err != nil {
		return nil, err
	}
	std := &Licence{Module: "std", Files: map[string][]byte{}}
	if err := std.gather(roots, roots); err != nil {
		return nil, err
	}
	found["std"] = std
	return judged(found)
}

func judged(found map[string]*Licence) ([]Licence, error) {
	var (
		all  []Licence
		errs []error
	)
	for _, l := range found {
		errs = append(errs, l.judge())
		all = append(all, *l)
	}
	slices.SortFunc(all, func(a, b Licence) int { return strings.Compare(a.Module, b.Module) })
	return all, errors.Join(errs...)
}

// gather takes the legal texts of a package's folder and of those above it, up
// to the module's root.
func (l *Licence) gather(dir, root string) error {
	for {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return fmt.Errorf("looking for the licence of %s: %w", l.Module, err)
		}
		for _, e := range entries {
			if e.IsDir() || !legal.MatchString(e.Name()) || path.Ext(e.Name()) == ".go" {
				continue
			}
			rel, err := filepath.Rel(root, filepath.Join(dir, e.Name()))
			if err != nil {
				return err
			}
			if l.Files[filepath.ToSlash(rel)], err = os.ReadFile(filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
		if dir == root || !strings.HasPrefix(dir, root) {
			return nil
		}
		dir = filepath.Dir(dir)
	}
}

// judge names the licences in the texts and refuses what is not allowed.
func (l *Licence) judge() error {
	for name, text := range l.Files {
		if !grants.MatchString(path.Base(name)) {
			continue
		}
		for _, m := range licensecheck.Scan(text).Match {
			if !slices.Contains(l.IDs, m.ID) && !m.IsURL {
				l.IDs = append(l.IDs, m.ID)
			}
		}
	}
	slices.Sort(l.IDs)
	if len(l.IDs) == 0 {
		return fmt.Errorf("%s %s: no licence found among %d legal texts", l.Module, l.Version, len(l.Files))
	}
	for _, id := range l.IDs {
		if !slices.Contains(Allowed, id) {
			return fmt.Errorf("%s %s: %s is not an allowed licence", l.Module, l.Version, id)
		}
		if id == mozilla && l.replaced {
			return fmt.Errorf("%s %s: %s, and replaced: the source of what is linked must be offered", l.Module, l.Version, id)
		}
	}
	return nil
}
