//go:build unix

package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The page shows the programs as they are, and they are run by TestUp.
func TestDocsShowTheExamples(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	page, err := os.ReadFile(filepath.Join(root, "docs", "clients.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"examples/curl/quickstart.sh", "examples/python/quickstart.py", "examples/javascript/quickstart.mjs"} {
		program, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(path)))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(page), "\n"+strings.TrimSpace(string(program))+"\n```") {
			t.Errorf("docs/clients.md does not show %s as it is", path)
		}
	}
}

// Every command and option that the quickstart names exists.
func TestQuickstartNamesWhatExists(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "quickstart.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"up", "demo", "forecast", "detect", "backtest", "usage", "workers drain", "config check", "loadtest", "gateway", "worker", "tenants create", "keys create", "keys revoke", "keys rotate"} {
		if !strings.Contains(string(page), "omni "+command) {
			t.Errorf("the quickstart does not name omni %s", command)
		}
		if out, errs, code := omni(t, nil, append(strings.Fields(command), "--help")...); code != 0 || !strings.Contains(out, "Usage:") {
			t.Errorf("omni %s --help: exit %d %s", command, code, errs)
		}
	}
}
