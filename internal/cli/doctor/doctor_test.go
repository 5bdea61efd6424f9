package doctor_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/omni-run/omni/internal/authn"
	"github.com/omni-run/omni/internal/authn/sqlitestore"
	"github.com/omni-run/omni/internal/cli/doctor"
	"github.com/omni-run/omni/internal/ratelimit/redislimit/redistest"
)

// examine writes a configuration and returns the findings by subject.
func examine(t *testing.T, yaml string, env map[string]string) map[string]doctor.Finding {
	t.Helper()
	path := filepath.Join(t.TempDir(), "omni.yaml")
	if err := os.WriteFile(path, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	out := map[string]doctor.Finding{}
	for _, f := range doctor.Run(t.Context(), doctor.Options{
		ConfigPath: path, Getenv: func(k string) string { return env[k] }, Now: time.Now, Patience: 5 * time.Second,
	}) {
		if (f.Outcome == doctor.Well) != (f.Mend == "") || f.Found == "" {
			t.Errorf("%+v", f)
		}
		if old, ok := out[f.Subject]; !ok || old.Outcome == doctor.Well {
			out[f.Subject] = f
		}
	}
	return out
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// worker keeps the contract as far as the doctor looks.
func worker(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch r.URL.Path {
		case "/internal/health":
			_, _ = fmt.Fprint(w, `{"status":"ok","services_ready":true,"services":{"forecast":{"state":"ready","seconds":0}},"in_flight":0,"max_concurrency":2,"version":"1"}`)
		case "/internal/metrics":
			_, _ = fmt.Fprint(w, "up 1\n")
		default:
			w.WriteHeader(404)
			_, _ = fmt.Fprintf(w, `{"status":"error","error":"not_found","message":"no","request_id":%q}`, r.Header.Get("X-Request-ID"))
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func expect(t *testing.T, findings map[string]doctor.Finding, subject string, outcome doctor.Outcome, text string) {
	t.Helper()
	f, ok := findings[subject]
	if !ok || f.Outcome != outcome || !strings.Contains(f.Found, text) {
		t.Errorf("%s: want %s with %q, got %+v", subject, outcome, text, f)
	}
}

func TestAllIsWell(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	store, err := sqlitestore.Open(t.Context(), filepath.Join(dir, "keys.db"))
	if err != nil {
		t.Fatal(err)
	}
	issuer := authn.Issuer{Store: store, Tiers: []string{"pro"}}
	if _, err := issuer.CreateTenant(t.Context(), authn.Tenant{ID: "acme", Tier: "pro"}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := issuer.CreateKey(t.Context(), authn.NewKey{Tenant: "acme"}); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	f := examine(t, fmt.Sprintf("listen: %s\ndata_dir: %q\nworkers: [{name: one, url: %q}]\n", freeAddress(t), dir, worker(t)), map[string]string{"MASTER_API_KEY": "0123456789abcdef0"})
	expect(t, f, "configuration", doctor.Well, "1 workers")
	expect(t, f, "data folder", doctor.Well, "can be written")
	expect(t, f, "port", doctor.Well, "is free")
	expect(t, f, "key store", doctor.Well, "1 tenants, 1 keys valid now of 1")
	expect(t, f, "limit store", doctor.Well, "memory")
	expect(t, f, "worker one", doctor.Well, "keeps the contract")
	expect(t, f, "services", doctor.Warning, "sentiment")
}

func TestFaults(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() })
	f := examine(t, fmt.Sprintf("listen: %s\ndata_dir: /proc/no-such-folder\nkeys: {store: file, path: /no/keys.json}\nlimit_store: {url: \"redis://:hidden@%s/0\"}\nworkers: [{name: gone, url: \"http://%s\"}, {name: cluster, url: \"http://w.ns.svc.cluster.local:80\"}]\n",
		taken.Addr(), freeAddress(t), freeAddress(t)), nil)
	expect(t, f, "data folder", doctor.Fault, "cannot write")
	expect(t, f, "port", doctor.Fault, "cannot be taken")
	expect(t, f, "key store", doctor.Fault, "does not exist")
	expect(t, f, "limit store", doctor.Fault, "cannot be reached")
	expect(t, f, "worker gone", doctor.Fault, "does not answer")
	expect(t, f, "worker cluster", doctor.Fault, "name is not known")
	expect(t, f, "master key", doctor.Warning, "none")
	for _, x := range f {
		if strings.Contains(x.Found+x.Mend, "hidden") {
			t.Errorf("a password is told: %+v", x)
		}
	}
	expect(t, examine(t, "listen: [", nil), "configuration", doctor.Fault, "")
	expect(t, examine(t, "mode: development\n", nil), "workers", doctor.Fault, "none is configured")
	expect(t, examine(t, "mode: development\n", nil), "mode", doctor.Warning, "demo keys")
}

func TestRedis(t *testing.T) {
	t.Parallel()
	r := redistest.Start(t)
	f := examine(t, fmt.Sprintf("limit_store: {url: %q, timeout: 5s}\nworkers: [{name: one, url: %q}]\n", r.URL(), worker(t)), nil)
	expect(t, f, "limit store", doctor.Well, "redis answers")
}
