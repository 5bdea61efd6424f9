package f32

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestGeneratedFilesAreCurrent compares the vector kernels with what gen.go
// makes of the templates.
func TestGeneratedFilesAreCurrent(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("the go command is not on the path")
	}
	dir := t.TempDir()
	if out, err := exec.CommandContext(t.Context(), "go", "run", "gen.go", dir).CombinedOutput(); err != nil {
		t.Fatalf("go run gen.go: %v\n%s", err, out)
	}
	made, err := os.ReadDir(dir)
	if err != nil || len(made) != 10 {
		t.Fatalf("gen.go made %d files (%v), want 10", len(made), err)
	}
	for _, f := range made {
		want, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(f.Name()); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what gen.go makes (%v): run go generate", f.Name(), err)
		}
	}
}
