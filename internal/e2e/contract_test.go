package e2e

import (
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/omni-run/omni/internal/cli/contracttest"
)

// Both workers of this project keep the contract as the suite for strangers
// words it.
func TestWorkersKeepTheContract(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		command []string
		target  contracttest.Target
	}{
		"native": {
			[]string{binaries.worker, "-listen", "127.0.0.1:{port}", "-data", filepath.Join(t.TempDir(), "data")},
			contracttest.Target{Method: "POST", Path: "/internal/anomaly/detect", Body: detect},
		},
		"heavy": {
			[]string{"python3", filepath.Join("..", "..", "examples", "heavy-worker", "worker.py"), "--port", "{port}", "--load-seconds", "1"},
			contracttest.Target{Method: "POST", Path: "/internal/heavy/echo", Body: `{"numbers":[360]}`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := exec.LookPath(c.command[0]); err != nil {
				t.Skipf("%s is not here", c.command[0])
			}
			out := &output{}
			c.target.Patience = patience
			results, err := contracttest.RunLife(t.Context(), contracttest.Life{Command: c.command, Output: out, ReadyWithin: patience}, c.target)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range results {
				if r.Outcome == contracttest.Failed {
					t.Errorf("%s: %s", r.Check, r.Found)
				}
			}
			if t.Failed() {
				t.Log(out.tail(6000))
			}
		})
	}
}
