package e2e

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/omni-run/omni/internal/monitoring"
)

// silent are expressions that say nothing of a platform that is well and has
// no Redis; of all others a real Prometheus must get figures.
var silent = []string{"api_errors_total", "retries_total", "failures_total", "refusals_total{", "omni_gateway_refusals_total"}

// A real Prometheus scrapes the running product, loads the shipped rules and
// evaluates every expression of every dashboard.
func TestMonitoringAgainstPrometheus(t *testing.T) {
	t.Parallel()
	prometheus, err := exec.LookPath("prometheus")
	if err != nil {
		t.Skip("prometheus is not here")
	}
	p := startPlatform(t, gatewaySetup{})
	base := runPrometheus(t, prometheus, p.addr)
	eventually(t, "rates of what is scraped", func() bool {
		p.want(200, "POST", "/predict/revenue-lstm", enterpriseKey, revenue, "Cache-Control", "no-store") // past the cache, to the model
		return len(ask(t, base, `rate(model_requests_total{model_type="revenue_lstm"}[5m]) > 0`)) > 0
	})
	variables := strings.NewReplacer("$endpoint", ".*", "$worker", ".*", "$model", ".*")
	for _, d := range monitoring.Dashboards() {
		for _, panel := range d.Panels {
			for _, q := range panel.Queries {
				expr := variables.Replace(q.Expr)
				figures := ask(t, base, expr)
				if len(figures) == 0 && !mayBeSilent(expr) {
					eventually(t, fmt.Sprintf("a figure for %s, %q: %s", d.UID, panel.Title, expr), func() bool { return len(ask(t, base, expr)) > 0 })
				}
			}
		}
	}
	var rules struct {
		Data struct {
			Groups []struct {
				Rules []struct{ Name, Health, LastError, State string }
			}
		}
	}
	eventually(t, "every rule evaluated", func() bool {
		getJSON(t, base+"/api/v1/rules", &rules)
		for _, g := range rules.Data.Groups {
			for _, r := range g.Rules {
				if r.Health == "unknown" {
					return false
				}
			}
		}
		return len(rules.Data.Groups) == len(monitoring.Groups())
	})
	for _, g := range rules.Data.Groups {
		for _, r := range g.Rules {
			if r.Health != "ok" || r.State == "firing" {
				t.Errorf("rule %s: %+v", r.Name, r)
			}
		}
	}
}

func mayBeSilent(expr string) bool {
	for _, s := range silent {
		if strings.Contains(expr, s) {
			return true
		}
	}
	return false
}

// runPrometheus scrapes the gateway every second and returns its own URL.
func runPrometheus(t *testing.T, path, gateway string) string {
	t.Helper()
	rules, err := filepath.Abs(filepath.Join("..", "..", "deploy", "prometheus", "omni.rules.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	text := fmt.Sprintf("global: {scrape_interval: 1s, evaluation_interval: 1s}\nrule_files: [%q]\nscrape_configs: [{job_name: omni, static_configs: [{targets: [%q]}]}]\n", rules, gateway)
	config := filepath.Join(dir, "prometheus.yaml")
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	launch(t, path, []string{"--config.file=" + config, "--storage.tsdb.path=" + filepath.Join(dir, "data"), "--web.listen-address=" + address}, nil)
	base := "http://" + address
	eventually(t, "Prometheus ready", func() bool {
		res, err := client.Get(base + "/-/ready")
		if err != nil {
			return false
		}
		_ = res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
	return base
}

// ask evaluates an expression and returns the series of the answer.
func ask(t *testing.T, base, expr string) []any {
	t.Helper()
	var a struct {
		Status, Error string
		Data          struct{ Result []any }
	}
	getJSON(t, base+"/api/v1/query?query="+url.QueryEscape(expr), &a)
	if a.Status != "success" {
		t.Errorf("%s: %s", expr, a.Error)
	}
	return a.Data.Result
}

func getJSON(t *testing.T, address string, into any) {
	t.Helper()
	res, err := client.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if err := json.NewDecoder(res.Body).Decode(into); err != nil {
		t.Fatalf("%s: %v", address, err)
	}
}
