package monitoring_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/omni-run/omni/internal/monitoring"
)

const deploy = "../../deploy"

func TestFilesAreUpToDate(t *testing.T) {
	t.Parallel()
	files, err := monitoring.Files()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join(deploy, name))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what the code writes (%v): go generate ./internal/monitoring/...", name, err)
		}
	}
}

func TestPromtool(t *testing.T) {
	t.Parallel()
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not here: the rules are checked where Prometheus is installed")
	}
	for _, args := range [][]string{{"check", "rules", "omni.rules.yaml"}, {"test", "rules", "omni.test.yaml"}} {
		cmd := exec.CommandContext(t.Context(), promtool, args...)
		cmd.Dir = filepath.Join(deploy, "prometheus")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("promtool %q: %v\n%s", args, err, out)
		}
	}
}

var headings = regexp.MustCompile(`(?m)^### (\w+)$`)

// Every alert has its entry in the runbook, and no entry is left of an alert
// that is gone.
func TestRunbook(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/runbook.md")
	if err != nil {
		t.Fatal(err)
	}
	entries := map[string]bool{}
	for _, m := range headings.FindAllSubmatch(text, -1) {
		entries[string(m[1])] = true
	}
	alerts := map[string]bool{}
	for _, g := range monitoring.Groups() {
		for _, r := range g.Rules {
			if r.Alert == "" {
				continue
			}
			if alerts[r.Alert] {
				t.Errorf("%s stands twice", r.Alert)
			}
			alerts[r.Alert] = true
			if r.Labels["severity"] == "" || r.Annotations["summary"] == "" || r.Annotations["description"] == "" {
				t.Errorf("%s says too little: %+v", r.Alert, r)
			}
		}
	}
	if !maps.Equal(entries, alerts) {
		t.Errorf("the runbook has %q,\nthe rules %q", slices.Sorted(maps.Keys(entries)), slices.Sorted(maps.Keys(alerts)))
	}
}

// Panels lie beside each other, not over each other, and fit the page.
func TestDashboardLayout(t *testing.T) {
	t.Parallel()
	for _, d := range monitoring.Dashboards() {
		text, err := d.JSON()
		if err != nil {
			t.Fatal(err)
		}
		var page struct {
			UID    string
			Panels []struct {
				ID      int
				Title   string
				GridPos struct{ X, Y, W, H int }
			}
		}
		if err := json.Unmarshal(text, &page); err != nil || page.UID != d.UID || len(page.Panels) != len(d.Panels) {
			t.Fatalf("%s: %v", d.UID, err)
		}
		taken := map[[2]int]string{}
		for _, p := range page.Panels {
			if p.GridPos.X+p.GridPos.W > 24 || p.GridPos.W == 0 || p.GridPos.H == 0 {
				t.Errorf("%s %q does not fit: %+v", d.UID, p.Title, p.GridPos)
			}
			for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
				for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
					if other := taken[[2]int{x, y}]; other != "" {
						t.Fatalf("%s: %q lies over %q", d.UID, p.Title, other)
					}
					taken[[2]int{x, y}] = p.Title
				}
			}
		}
	}
}
