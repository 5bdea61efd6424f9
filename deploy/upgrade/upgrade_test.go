// Package upgrade rolls a running system from one version to the next and back,
// under load, the way an orchestrator does, with the real programs.
package upgrade

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// versions are two builds of this source under different names. They prove the
// procedure: that processes can be replaced one by one, on their own data,
// with two versions serving side by side. That two releases understand each
// other's files is the subject of internal/sqlitedb's tests.
var versions = []string{"v1.0.0", "v1.1.0"}

// programs builds both commands in both versions once.
var programs = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "omni-upgrade-")
	if err != nil {
		return "", err
	}
	for _, version := range versions {
		cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w -X github.com/omni-run/omni/internal/buildinfo.stamped="+version,
			"-o", filepath.Join(dir, version)+string(filepath.Separator), "./cmd/omni-gateway", "./cmd/omni-worker")
		cmd.Dir = "../.."
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return dir, fmt.Errorf("building %s: %w\n%s", version, err, out)
		}
	}
	return dir, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if dir, _ := programs(); dir != "" {
		if err := os.RemoveAll(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
	os.Exit(code)
}

// TestRollingUpgradeAndRollback: worker, then one gateway, then the other, to
// the new version; then all of it back. Not one call fails, and what tenants
// stored is there at the end.
func TestRollingUpgradeAndRollback(t *testing.T) {
	bin, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	old, young := filepath.Join(bin, versions[0]), filepath.Join(bin, versions[1])
	worker := newProcess(t, "omni-worker", nil)
	environment := []string{"OMNI_WORKER_URL=http://" + worker.address}
	a, b := newProcess(t, "omni-gateway", environment), newProcess(t, "omni-gateway", environment)
	for _, p := range []*process{worker, a, b} {
		p.start(old)
	}
	front := newBalancer(t, a.address, b.address)
	store(t, front.address(), "kept", "reset my password")

	load := newLoad(t, front.address())
	load.more(25)
	replaceWorker := func(to string) {
		worker.stop()
		worker.start(to)
		load.more(25)
	}
	replaceGateway := func(g *process, to string) {
		// What the pause before the stop (preStop) brings about: no new connection
		// comes, and those that were on their way have been taken.
		front.remove(g.address)
		load.settle()
		g.stop()
		g.start(to)
		front.add(g.address)
		load.more(25)
	}
	replaceWorker(young)
	replaceGateway(a, young)
	if va, vb := a.version(), b.version(); va == vb {
		t.Errorf("old and new should serve side by side, but both are %s", va)
	}
	replaceGateway(b, young)
	for _, p := range []*process{a, b} {
		if v := p.version(); v != versions[1] {
			t.Errorf("%s runs %s after the upgrade", p.name, v)
		}
	}
	replaceGateway(a, old)
	replaceWorker(old)
	replaceGateway(b, old)
	load.end()
	if v := a.version(); v != versions[0] {
		t.Errorf("%s runs %s after the rollback", a.name, v)
	}
	if id := nearest(t, front.address(), "forgot password"); id != "kept" {
		t.Errorf("what was stored before the upgrade is gone: nearest is %q", id)
	}
}
