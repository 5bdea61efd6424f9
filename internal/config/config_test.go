package config_test

import (
	"encoding/json"
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
		{"negative credit", "hold: {credit: -1}\n", "hold.credit = -1, must be in [0, 10000]", nil},
		{"endless credit", "hold:\n  max_wait: 1s\n  credit: 10001\n", "line 3: hold.credit = 10001", nil},
		{"origin with a path", "cors: {allow_origins: ['https://app.example.com/']}\n", `cors.allow_origins[0] = "https://app.example.com/"`, nil},
		{"origin with capitals", "cors: {allow_origins: ['https://App.example.com']}\n", "cors.allow_origins[0]", nil},
		{"origin with the usual port", "cors: {allow_origins: ['http://localhost:3000', 'https://app.example.com:443']}\n", "cors.allow_origins[1]", nil},
		{"origin without a scheme", "cors: {allow_origins: [app.example.com]}\n", "cors.allow_origins[0]", nil},
		{"origin of a file", "cors: {allow_origins: ['null']}\n", "cors.allow_origins[0]", nil},
		{"origin with a pattern", "cors: {allow_origins: ['https://*.example.com']}\n", "cors.allow_origins[0]", nil},
		{"origin with a port that is none", "cors: {allow_origins: ['https://app.example.com:']}\n", "cors.allow_origins[0]", nil},
		{"origin with a password", "cors: {allow_origins: ['https://u:hunter2@app.example.com']}\n", "cors.allow_origins[0]", nil},
		{"origin twice", "cors: {allow_origins: ['https://a.example', 'https://a.example']}\n", "cors.allow_origins[1] = \"https://a.example\" stands twice", nil},
		{"every origin and one", "cors: {allow_origins: ['https://a.example', '*']}\n", `cors.allow_origins[1] = "*"`, nil},
		{"every origin with credentials", "cors: {allow_origins: ['*'], allow_credentials: true}\n", "cors.allow_credentials = true", nil},
		{"browsers never ask again", "cors: {allow_origins: ['*'], max_age: 25h}\n", "cors.max_age = 25h", nil},
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
		{"wake without a kind", "workers: [{name: a, url: 'http://x', wake: {idle: 1m}}]\n", "workers[0].wake.kind is missing", nil},
		{"unknown wake", "workers: [{name: a, url: 'http://x', wake: {kind: magic}}]\n", "workers[0].wake.kind", nil},
		{"process without a command", "workers: [{name: a, url: 'http://x', wake: {kind: process}}]\n", "wake.command is needed", nil},
		{"command of another kind", "workers: [{name: a, url: 'http://x', wake: {kind: http, command: [x]}}]\n", "wake.command is needed", nil},
		{"idle too short", "workers: [{name: a, url: 'http://x', wake: {kind: http, idle: 10ms}}]\n", "wake.idle = 10ms", nil},
		{"negative wake time-out", "workers: [{name: a, url: 'http://x', wake: {kind: http, timeout: -1s}}]\n", "wake.timeout = -1s", nil},
		{"wake elsewhere", "workers: [{name: a, url: 'https://x', wake: {kind: http, url: 'https://y/z'}}]\n", "must be at the worker's own address", nil},
		{"scale of nothing", "workers: [{name: a, url: 'http://x', wake: {kind: kubernetes}}]\n", "wake.kubernetes.object", nil},
		{"no cluster", "workers: [{name: a, url: 'http://x', wake: {kind: kubernetes, kubernetes: {object: o}}}]\n", "does not run in a cluster", nil},
		{"cluster in the clear", "workers: [{name: a, url: 'http://x', wake: {kind: kubernetes, kubernetes: {object: o, server: 'http://10.0.0.1', token_file: /t, namespace: n}}}]\n", "kubernetes.server", nil},
		{"cluster without a token", "workers: [{name: a, url: 'http://x', wake: {kind: kubernetes, kubernetes: {object: o, server: 'https://10.0.0.1'}}}]\n", "token_file and namespace", nil},
		{"kubernetes of another kind", "workers: [{name: a, url: 'http://x', wake: {kind: http, kubernetes: {object: o}}}]\n", "is for kind: kubernetes", nil},
		{"unknown identity", "workers: [{name: a, url: 'https://x', identity: aws}]\n", "workers[0].identity", nil},
		{"ID token in the clear", "workers: [{name: a, url: 'http://x.example', identity: google}]\n", "in the clear", nil},
		{"audience without identity", "workers: [{name: a, url: 'https://x', audience: y}]\n", "is for identity: google", nil},
		{"TLS files without TLS", "workers: [{name: a, url: 'http://x', tls: {ca_file: /ca}}]\n", "is for an https URL", nil},
		{"certificate without key", "workers: [{name: a, url: 'https://x', tls: {cert_file: /c}}]\n", "belong together", nil},
		{"resolving without a pause", "workers: [{name: a, url: 'http://x', resolve: 1ms}]\n", "workers[0].resolve = 1ms", nil},
		{"canary of nobody", "routes: [{method: POST, path: /x, service: a, canary: {pool: b, weight: 5}}]\n", "no worker has that pool", nil},
		{"canary without calls", "workers: [{name: a, url: 'http://x', pool: b}]\nroutes: [{method: POST, path: /x, service: a, canary: {pool: b}}]\n", "takes no calls", nil},
		{"canary above all", "workers: [{name: a, url: 'http://x', pool: b}]\nroutes: [{method: POST, path: /x, service: a, canary: {pool: b, weight: 101}}]\n", "canary.weight = 101", nil},
		{"mirror of what must run once", "workers: [{name: a, url: 'http://x', pool: b}]\nroutes: [{method: POST, path: /x, service: a, mirror: {pool: b}}]\n", "must be idempotent", nil},
		{"hedge of what must run once", "routes: [{method: POST, path: /x, service: a, hedge: 1s}]\n", "must be idempotent", nil},
		{"percentile of what must run once", "routes: [{method: POST, path: /x, service: a, hedge_percentile: 95}]\n", "hedge_percentile runs calls twice", nil},
		{"percentile out of range", "routes: [{method: POST, path: /x, service: a, idempotent: true, hedge_percentile: 100}]\n", "hedge_percentile = 100", nil},
		{"hedge after the end", "routes: [{method: POST, path: /x, service: a, idempotent: true, hedge: 3m}]\n", "hedge = 3m0s", nil},
		{"share above one", "balance: {retry_share: 1.5}\n", "balance.retry_share = 1.5", nil},
		{"share that is no number", "balance: {outlier_max: .nan}\n", "balance.outlier_max", nil},
		{"negative slow start", "balance: {slow_start: -1s}\n", "balance.slow_start", nil},
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
	want.CORS.AllowOrigins = []string{}
	want.OIDC.Audience = []string{}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the example says\n%+v\nthe defaults are\n%+v", got, want)
	}
}

func TestWakeDefaults(t *testing.T) {
	t.Parallel()
	c, err := load(t, `
workers:
  - {name: p, url: "http://127.0.0.1:1", wake: {kind: process, command: [x], env: {SECRET: hunter2}}}
  - {name: h, url: "https://w.run.app/", identity: google, wake: {kind: http, idle: 1m}}
  - {name: k, url: "http://k", wake: {kind: kubernetes, kubernetes: {object: heavy}}}
`, "KUBERNETES_SERVICE_HOST", "10.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	p, h, k := c.Workers[0], c.Workers[1], c.Workers[2]
	if p.Wake.Idle.D() != 5*time.Minute || p.Wake.Timeout.D() != 10*time.Minute || p.Wake.StopGrace.D() != 10*time.Second {
		t.Errorf("process: %+v", p.Wake)
	}
	if h.Wake.URL != "https://w.run.app/internal/health" || h.Audience != "https://w.run.app" || h.Wake.Idle.D() != time.Minute {
		t.Errorf("http: %+v", h)
	}
	if k.Wake.Kubernetes.Resource != "deployments" || k.Wake.Kubernetes.Replicas != 1 {
		t.Errorf("kubernetes: %+v", k.Wake)
	}
	if raw, err := json.Marshal(c.Shown()); err != nil || strings.Contains(string(raw), "hunter2") {
		t.Errorf("the configuration is shown with a secret, or not at all: %v", err)
	}
}

// A quota of 0 is none, for a built-in tier too; one that is absent is the
// built-in tier's.
func TestMonthQuotas(t *testing.T) {
	t.Parallel()
	c, err := config.Parse([]byte("tiers: {pro: {monthly_units: 0}, free: {weight: 2}, own: {requests_per_minute: 5}}"))
	if err != nil {
		t.Fatal(err)
	}
	tiers := c.WithDefaults().Tiers
	for name, want := range map[string]int64{"pro": 0, "free": 100_000, "own": 0, "enterprise": 0} {
		if got := tiers[name].MonthQuota(); got != want {
			t.Errorf("%s: %d, want %d", name, got, want)
		}
	}
}
