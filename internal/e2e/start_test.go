package e2e

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fails starts a binary that must refuse to run and returns what it says.
func fails(t *testing.T, bin string, args, env []string) string {
	t.Helper()
	p := launch(t, bin, args, env)
	if code := p.exit(); code == 0 {
		t.Fatalf("it ran: %s", p.out.tail(1000))
	}
	return p.out.String()
}

func configFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "omni.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestBadConfigurationIsRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, yaml string
		env        []string
		want       []string
	}{
		{"unknown field", "mode: production\nhold:\n  max_wayt: 3s\n", nil, []string{"3 |", "max_wayt", "unknown field"}},
		{"wrong type", "mode: production\njobs:\n  concurrent: many\n", nil, []string{"3 |", "many"}},
		{"not YAML", "mode: [production\n", nil, []string{"1 |"}},
		{"bad duration", "limits:\n  body_timeout: soon\n", nil, []string{"soon"}},
		{"out of range", "limits: {json_depth: 2}\n", nil, []string{"limits.json_depth = 2", "[4, 1000]"}},
		{"two faults", "mode: prod\nlog: {level: loud}\n", nil, []string{"mode", "log.level"}},
		{"unknown store", "keys: {store: redis}\n", nil, []string{"keys.store"}},
		{"demo keys for everybody", "mode: development\nlisten: ':8080'\n", nil, []string{"demo keys", "127.0.0.1"}},
		{"demo keys on Cloud Run", "mode: development\n", []string{"K_SERVICE=gw"}, []string{"refused on Cloud Run"}},
		{"bad port", "", []string{"PORT=http"}, []string{"listen"}},
		{"short master key", "", []string{"MASTER_API_KEY=short-secret"}, []string{"MASTER_API_KEY", "16"}},
		{"a DSN that is none", "listen: 127.0.0.1:0\n", []string{"SENTRY_DSN=https://hunter2@/x"}, []string{"DSN"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			said := fails(t, binaries.gateway, []string{"-config", configFile(t, c.yaml)}, append(c.env, "OMNI_DATA_DIR="+t.TempDir()))
			for _, want := range c.want {
				if !strings.Contains(said, want) {
					t.Errorf("it does not say %q: %s", want, said)
				}
			}
			for _, secret := range []string{"short-secret", "hunter2"} {
				if strings.Contains(said, secret) {
					t.Errorf("it repeats a secret: %s", said)
				}
			}
		})
	}
	if said := fails(t, binaries.gateway, []string{"-config", "/nonexistent/omni.yaml"}, nil); !strings.Contains(said, "no such file") {
		t.Error(said)
	}
	if said := fails(t, binaries.worker, []string{"-listen", "0.0.0.0:0", "-data", t.TempDir()}, nil); !strings.Contains(said, "OMNI_WORKER_TOKEN") {
		t.Error(said)
	}
}

func TestPortInUse(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	data := t.TempDir()
	for bin, args := range map[string][]string{
		binaries.gateway: {"-config", configFile(t, "listen: "+ln.Addr().String()+"\n")},
		binaries.worker:  {"-listen", ln.Addr().String()},
	} {
		if said := fails(t, bin, args, []string{"OMNI_DATA_DIR=" + data}); !strings.Contains(said, "address already in use") {
			t.Error(said)
		}
	}
	if left, err := os.ReadDir(data); err != nil || len(left) > 0 {
		t.Errorf("the data folder was touched: %v %v", left, err)
	}
}

// A data folder that cannot be made or written, even by root.
func TestDataFolderNotWritable(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, folder := range map[string]string{"below a file": filepath.Join(file, "data"), "in /proc": "/proc/omni-data"} {
		for bin, args := range map[string][]string{
			binaries.gateway: {"-config", configFile(t, "listen: 127.0.0.1:0\n")},
			binaries.worker:  {"-listen", "127.0.0.1:0"},
		} {
			if said := fails(t, bin, args, []string{"OMNI_DATA_DIR=" + folder}); !strings.Contains(said, "making the data folder: mkdir /") || strings.Contains(said, "goroutine ") {
				t.Errorf("%s, %s: %s", name, filepath.Base(bin), said)
			}
		}
	}
}

// A second gateway on the same data folder is refused before it touches
// anything of the first one's: above all, the first one's running jobs stay
// its own.
func TestTwoGatewaysOnOneFolder(t *testing.T) {
	t.Parallel()
	work := newGate()
	w := startStub(t, work.handle)
	setup := gatewaySetup{worker: w.URL, data: t.TempDir()}
	g := startGateway(t, setup)
	g.workersReady()
	job := g.want(202, "POST", "/recommend/interactions", proKey, `{}`, "Prefer", "respond-async").field(t, "job_id").(string)
	eventually(t, "the job running", func() bool { return work.entered.Load() == 1 })
	for range 3 {
		said := fails(t, binaries.gateway, []string{"-config", setup.write(t)}, nil)
		if !strings.Contains(said, setup.data) || !strings.Contains(said, "another") {
			t.Errorf("it does not say why: %s", said)
		}
	}
	work.open()
	if j := g.jobEnd(job, proKey); j.Status != "succeeded" {
		t.Fatalf("the first gateway's job: %+v %+v", j, j.Error)
	}
	g.kill()
	startGateway(t, setup) // the dead one's lock is gone with it
}
