package config_test

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/omni-run/omni/internal/config"
)

func env(pairs ...string) func(string) string {
	m := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return func(k string) string { return m[k] }
}

func load(t *testing.T, text string, pairs ...string) (config.Config, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "omni.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return config.Load(path, env(pairs...))
}

func TestDefaultsAreValid(t *testing.T) {
	t.Parallel()
	c, err := config.Load("", env())
	if err != nil {
		t.Fatal(err)
	}
	free := c.Tiers["free"]
	if c.Mode != config.ModeProduction || c.Listen != ":8080" || free.RequestsPerMinute != 100 || free.Burst != 20 || c.Tiers["enterprise"].Burst != 1000 {
		t.Fatalf("%+v", c)
	}
	if len(c.Routes) < 25 {
		t.Fatalf("only %d routes", len(c.Routes))
	}
}

func TestFileAndEnvironment(t *testing.T) {
	t.Parallel()
	_, err := load(t, `
mode: development
hold: {max_wait: 30s}
tiers:
  free: {requests_per_minute: 60}
  gold: {requests_per_minute: 5000, weight: 9}
workers:
  - {name: native, url: "http://127.0.0.1:9090"}
routes:
  - {method: POST, path: /predict/revenue, service: heavy, timeout: 5m}
  - {method: POST, path: /heavy/echo, service: heavy}
`, "PORT", "9000", "OMNI_WORKER_TOKEN", "secret")
	// PORT alone would open development mode to the network; Listen was not given.
	if err == nil || !strings.Contains(err.Error(), "demo keys") {
		t.Fatalf("want a refusal of development mode on all interfaces, got %v", err)
	}
	c, err := load(t, "mode: development\nlisten: 127.0.0.1:1\nhold: {max_wait: 30s}\ntiers: {gold: {requests_per_minute: 5000, weight: 9}}\nworkers: [{name: native, url: 'http://127.0.0.1:9090'}]\nroutes: [{method: POST, path: /predict/revenue, service: heavy, timeout: 5m}]\n",
		"PORT", "9000", "OMNI_WORKER_TOKEN", "secret")
	if err != nil {
		t.Fatal(err)
	}
	if c.Listen != "127.0.0.1:9000" || c.Hold.MaxWait.D() != 30*time.Second || c.Workers[0].Token != "secret" || c.Tiers["gold"].Burst != 500 {
		t.Fatalf("%+v", c)
	}
	for _, r := range c.Routes {
		if r.Path == "/predict/revenue" && (r.Service != "heavy" || r.Timeout.D() != 5*time.Minute) {
			t.Fatalf("the built-in route was not replaced: %+v", r)
		}
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, yaml, want string
		env              []string
	}{
		{"unknown field", "lisen: :80\n", "lisen", nil},
		{"its line", "mode: production\nhold:\n  max_wayt: 3s\n", "3 |", nil},
		{"bad duration", "hold: {max_wait: soon}\n", "soon", nil},
		{"a port that is no number", "listen: 127.0.0.1:http\n", "listen = 127.0.0.1:http", nil},
		{"a port too large", "", "listen = :99999", []string{"PORT", "99999"}},
		{"bad mode", "mode: prod\n", `mode = "prod"`, nil},
		{"negative wait", "hold: {max_wait: -3s}\n", "hold.max_wait", nil},
		{"tenant above whole", "hold: {max_requests: 5, tenant_requests: 9}\n", "hold.tenant_requests = 9", nil},
		{"body above cap", "tiers: {free: {max_body: 99999999999}}\n", "tiers.free.max_body", nil},
		{"burst below a route's cost", "tiers: {free: {burst: 5}}\n", "tiers.free.burst = 5", nil},
		{"worker scheme", "workers: [{name: a, url: 'ftp://x'}]\n", "workers[0].url", nil},
		{"worker twice", "workers: [{name: a, url: 'http://x'}, {name: a, url: 'http://y'}]\n", "stands twice", nil},
		{"credentials in a URL", "workers: [{name: a, url: 'http://u:hunter2@x'}]\n", "workers[0].url", nil},
		{"reserved path", "routes: [{method: POST, path: /admin/keys, service: a}]\n", "belongs to the gateway", nil},
		{"internal path", "routes: [{method: POST, path: /internal/x, service: a}]\n", "belongs to the gateway", nil},
		{"route twice", "no_default_routes: true\nroutes: [{method: GET, path: /x, service: a}, {method: GET, path: /x, service: b}]\n", "", nil},
		{"development on Cloud Run", "mode: development\n", "refused on Cloud Run", []string{"K_SERVICE", "gw"}},
		{"development on Kubernetes", "mode: development\n", "refused on Kubernetes", []string{"KUBERNETES_SERVICE_HOST", "10.0.0.1"}},
		{"development on all interfaces", "mode: development\nlisten: ':8080'\n", "demo keys", nil},
		{"cluster name on Cloud Run", "workers: [{name: a, url: 'http://w.ns.svc.cluster.local'}]\n", "cannot be reached from Cloud Run", []string{"K_SERVICE", "gw"}},
		{"short master key", "", "MASTER_API_KEY", []string{"MASTER_API_KEY", "short"}},
		{"missing token file", "workers: [{name: a, url: 'http://x', token_file: /nonexistent}]\n", "token_file", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := load(t, c.yaml, c.env...)
			if c.want == "" { // the later of two routes in the file wins
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want it to name %q", err, c.want)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Fatal("the error holds a password")
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("mode: development\nhold: {max_wait: 3s}\n"))
	f.Add([]byte("routes: [{method: GET, path: /x, service: a}]"))
	f.Add([]byte("tiers: {free: {burst: -1}}"))
	f.Fuzz(func(_ *testing.T, raw []byte) {
		c, err := config.Parse(raw)
		if err != nil {
			return
		}
		_ = c.WithDefaults().Validate(env()) // must not panic, whatever was parsed
	})
}

// TestExampleShowsTheDefaults keeps examples/omni.yaml, which is the reference
// of every field, equal to what the code does.
func TestExampleShowsTheDefaults(t *testing.T) {
	t.Parallel()
	got, err := config.Load("../../examples/omni.yaml", env())
	if err != nil {
		t.Fatal(err)
	}
	want, err := config.Load("", env())
	if err != nil {
		t.Fatal(err)
	}
	want.Workers = []config.Worker{{Name: "native", URL: "http://127.0.0.1:9090", Services: []string{}}}
	want.TrustedProxies = []string{}
	want.OIDC.Audience = []string{}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the example says\n%+v\nthe defaults are\n%+v", got, want)
	}
}
