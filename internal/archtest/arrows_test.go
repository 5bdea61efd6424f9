// Package archtest holds the tests that keep the house in order: which package
// may import which, and what the gateway's binary may contain.
package archtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/omni-run/omni"

// layers are the floors of the house, lowest first. A package may import
// packages of its own floor's exceptions and of the floors below, never above.
// The longest matching prefix decides a package's floor.
var layers = []struct {
	name     string
	prefixes []string
}{
	{"vocabulary", []string{"api"}},
	{"numerics", []string{"internal/ml", "models"}},
	{"foundations", []string{"internal/buildinfo", "internal/sqlitedb", "internal/observe", "internal/metricsmerge", "internal/config", "internal/llm", "internal/lockfile", "internal/jsonscan", "internal/otlp", "internal/postgres", "internal/tlsfiles", "internal/httpfield", "internal/http1"}},
	{"state", []string{"internal/state"}},
	{"capability", []string{"internal/service", "internal/tool"}},
	{"edge parts", []string{"internal/authn", "internal/ratelimit", "internal/pool", "internal/jobs", "internal/idempotency", "internal/respcache", "internal/webhook", "internal/usage", "internal/admin"}},
	{"shells", []string{"internal/edge", "internal/worker"}},
	{"client", []string{"client"}},
	{"composition", []string{"internal/gateway", "internal/nativeworker"}},
	{"commands", []string{"cmd", "models/churn/train", "models/embed/train", "models/sentiment/train", "bench", "examples", "internal/cli", "internal/e2e", "internal/apigen", "internal/archtest", "internal/docscheck", "internal/monitoring", "models/forecast-selector/train"}},
}

// pkg is what go list says of a package.
type pkg struct {
	ImportPath   string
	Imports      []string
	TestImports  []string
	XTestImports []string
}

func goList(t *testing.T, args ...string) []pkg {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"list", "-json=ImportPath,Imports,TestImports,XTestImports"}, args...)...)
	cmd.Dir = root(t)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var list []pkg
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return list
		} else if err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
}

func root(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Dir(filepath.Dir(dir))
}

func floor(path string) (index int, name string) {
	rel := strings.TrimPrefix(strings.TrimPrefix(path, module), "/")
	best, length := -1, -1
	for i, l := range layers {
		for _, p := range l.prefixes {
			if (rel == p || strings.HasPrefix(rel, p+"/")) && len(p) > length {
				best, length = i, len(p)
			}
		}
	}
	if best < 0 {
		return -1, ""
	}
	return best, layers[best].name
}

func TestArrowsRunOneWay(t *testing.T) {
	t.Parallel()
	for _, p := range goList(t, "./...") {
		from, fromName := floor(p.ImportPath)
		if from < 0 {
			t.Errorf("%s stands on no floor: give it one in layers", p.ImportPath)
			continue
		}
		for _, imported := range p.Imports {
			if !strings.HasPrefix(imported, module) {
				continue
			}
			if to, toName := floor(imported); to > from {
				t.Errorf("%s (%s) imports %s (%s): arrows run downwards only", p.ImportPath, fromName, imported, toName)
			}
		}
	}
}

// TestNeighboursAreStrangers: within these floors no package knows another one
// of the same floor, except the root they share and their own sub-packages.
func TestNeighboursAreStrangers(t *testing.T) {
	t.Parallel()
	for _, p := range goList(t, "./internal/...") {
		rel := strings.TrimPrefix(p.ImportPath, module+"/")
		for _, area := range []string{"internal/service/"} {
			own, ok := strings.CutPrefix(rel, area)
			if !ok {
				continue
			}
			own, _, _ = strings.Cut(own, "/")
			for _, imported := range p.Imports {
				other, ok := strings.CutPrefix(imported, module+"/"+area)
				if !ok {
					continue
				}
				if other, _, _ = strings.Cut(other, "/"); other != own {
					t.Errorf("%s imports %s: services meet through small interfaces only", p.ImportPath, imported)
				}
			}
		}
	}
}

func TestHalvesDoNotKnowEachOther(t *testing.T) {
	t.Parallel()
	edgeParts := []string{"authn", "ratelimit", "pool", "jobs", "idempotency", "usage", "admin", "edge", "gateway"}
	for command, forbidden := range map[string][]string{
		"./cmd/omni-gateway": {"internal/ml", "internal/service", "internal/state", "internal/worker", "internal/nativeworker", "models"},
		"./cmd/omni-worker":  prefixed("internal/", edgeParts),
	} {
		for _, dep := range goDeps(t, command) {
			rel := strings.TrimPrefix(dep, module+"/")
			for _, f := range forbidden {
				if rel == f || strings.HasPrefix(rel, f+"/") {
					t.Errorf("%s links %s", command, dep)
				}
			}
		}
	}
}

func prefixed(prefix string, names []string) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = prefix + n
	}
	return out
}

func goDeps(t *testing.T, target string) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", target)
	cmd.Dir = root(t)
	cmd.Stderr = os.Stderr
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list -deps %s: %v", target, err)
	}
	deps := strings.Fields(string(out))
	slices.Sort(deps)
	return deps
}

// TestGatewayDependencies compares what the gateway links with the list that
// is checked in: a new dependency of the edge is a decision, not an accident.
// Regenerate with: make gateway-deps
func TestGatewayDependencies(t *testing.T) {
	t.Parallel()
	const list = "gateway-deps.txt"
	raw, err := os.ReadFile(list)
	if err != nil {
		t.Fatal(err)
	}
	want, got := strings.Fields(string(raw)), goDeps(t, "./cmd/omni-gateway")
	for _, d := range got {
		if !slices.Contains(want, d) {
			t.Errorf("the gateway now links %s; if that is meant: make gateway-deps", d)
		}
	}
	for _, d := range want {
		if !slices.Contains(got, d) {
			t.Errorf("the gateway no longer links %s; make gateway-deps", d)
		}
	}
}

// TestNames keeps drawers out of the house.
func TestNames(t *testing.T) {
	t.Parallel()
	for _, p := range goList(t, "./...") {
		switch base := filepath.Base(p.ImportPath); base {
		case "util", "utils", "common", "helpers", "types", "misc":
			t.Errorf("%s: %q says nothing about what is inside", p.ImportPath, base)
		}
	}
}
