// Package systemd checks the units by systemd's own tools.
package systemd

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/omni-run/omni/internal/config"
)

var units = []string{"omni-gateway.service", "omni-worker.service"}

func analyze(t *testing.T, args ...string) (string, error) {
	t.Helper()
	tool, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("no systemd-analyze here")
	}
	out, err := exec.CommandContext(t.Context(), tool, args...).CombinedOutput()
	return string(out), err
}

// installed writes the units as they would lie in /etc/systemd/system, with a
// program that is there in place of ours, for the verification asks for one.
func installed(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, unit := range units {
		raw, err := os.ReadFile(unit)
		if err != nil {
			t.Fatal(err)
		}
		program := strings.TrimSuffix(unit, ".service")
		if !strings.Contains(string(raw), "ExecStart=/usr/local/bin/"+program+" ") {
			t.Errorf("%s does not start %s", unit, program)
		}
		text := strings.ReplaceAll(string(raw), "/usr/local/bin/"+program, "/bin/true")
		if err := os.WriteFile(filepath.Join(dir, unit), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestUnitsAreValid(t *testing.T) {
	t.Parallel()
	dir := installed(t)
	for _, unit := range units {
		out, err := analyze(t, "verify", "--man=no", filepath.Join(dir, unit))
		if err != nil || strings.Contains(out, dir) {
			t.Errorf("%s: %v\n%s", unit, err, out)
		}
	}
	broken := filepath.Join(dir, "broken.service")
	if err := os.WriteFile(broken, []byte("[Service]\nExecStart=/bin/true\nProtectSytem=strict\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, _ := analyze(t, "verify", "--man=no", broken); !strings.Contains(out, "ProtectSytem") {
		t.Errorf("a misspelt setting was let through:\n%s", out)
	}
}

// TestExposure: systemd's own judgement of what the units could still do, from
// 0 (nothing) to 10.
func TestExposure(t *testing.T) {
	t.Parallel()
	dir := installed(t)
	for _, unit := range units {
		out, err := analyze(t, "security", "--offline=true", "--no-pager", "--threshold=20", filepath.Join(dir, unit))
		lines := strings.Split(strings.TrimSpace(out), "\n")
		t.Log(lines[len(lines)-1])
		if err != nil {
			t.Errorf("%s: more exposed than 2.0: %v\n%s", unit, err, out)
		}
	}
}

func TestConfigurationLoads(t *testing.T) {
	t.Parallel()
	env := map[string]string{"OMNI_DATA_DIR": "/var/lib/omni-gateway", "MASTER_API_KEY": "0123456789abcdef", "OMNI_WORKER_TOKEN": "t"}
	c, err := config.Load("omni.yaml", func(name string) string { return env[name] })
	if err != nil {
		t.Fatal(err)
	}
	worker, err := os.ReadFile("omni-worker.service")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(worker), "-listen "+strings.TrimPrefix(c.Workers[0].URL, "http://")+" ") {
		t.Errorf("the gateway calls %s, where the unit does not listen", c.Workers[0].URL)
	}
}
