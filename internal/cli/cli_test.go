package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image/png"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/cli"
	"github.com/omni-run/omni/internal/postgres/postgrestest"
)

// omni runs a command in this process.
func omni(t *testing.T, stdin string, env map[string]string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	code = cli.Run(t.Context(), cli.Env{
		Args: args, Stdin: strings.NewReader(stdin), Stdout: &out, Stderr: &errs,
		Getenv: func(name string) string { return env[name] },
	})
	return out.String(), errs.String(), code
}

const sales = "sample/data/sales.csv"

func TestForecast(t *testing.T) {
	t.Parallel()
	out, errs, code := omni(t, "", nil, "forecast", sales, "--horizon", "3", "--plot", "--ascii", "--level", "50,90")
	if code != 0 || errs != "" {
		t.Fatalf("exit %d: %s", code, errs)
	}
	for _, want := range []string{"revenue: 48 values, 2022-01-01 to 2025-12-01", "2026-01-01", "2026-03-01", "lo-50", "hi-90", "model", "why", "back-test", "candidate", "o", ":"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if strings.Contains(out, "\x1b") || strings.ContainsAny(out, "⣀░┊") {
		t.Errorf("colour or unicode in a plain chart:\n%s", out)
	}
}

func TestForecastAsJSON(t *testing.T) {
	t.Parallel()
	args := []string{"forecast", "-", "--horizon", "5", "--json", "--seed", "7"}
	out, errs, code := omni(t, "v\n1\n3\n2\n4\n\n3\nNA\n4\n6\n5\n7\n6\n8\n7\n9\n", nil, args...)
	if code != 0 || !strings.Contains(errs, "1 of 14 values are missing; filled in by: linear") {
		t.Fatalf("exit %d: %s", code, errs)
	}
	var a api.ForecastAnswer
	if err := json.Unmarshal([]byte(out), &a); err != nil {
		t.Fatal(err)
	}
	if a.Status != "success" || len(a.Forecast) != 5 || len(a.Intervals["lo-80"]) != 5 || len(a.Timestamps) != 0 {
		t.Fatalf("%+v", a)
	}
	for i, v := range a.Forecast {
		if math.IsNaN(v) || v < a.Intervals["lo-80"][i] || v > a.Intervals["hi-80"][i] {
			t.Errorf("step %d: %v", i, v)
		}
	}
	again, _, _ := omni(t, "v\n1\n3\n2\n4\n\n3\nNA\n4\n6\n5\n7\n6\n8\n7\n9\n", nil, args...)
	var b api.ForecastAnswer
	if err := json.Unmarshal([]byte(again), &b); err != nil || b.Forecast[4] != a.Forecast[4] {
		t.Errorf("the same seed gives %v and %v", a.Forecast, b.Forecast)
	}
}

// A few values are enough: the network reads fewer.
func TestForecastOfAShortFile(t *testing.T) {
	t.Parallel()
	out, errs, code := omni(t, "10\n12\n11\n13\n", nil, "forecast", "-", "--horizon", "2")
	if code != 0 || !strings.Contains(out, "forecast") {
		t.Fatalf("exit %d: %s%s", code, out, errs)
	}
}

func TestDetect(t *testing.T) {
	t.Parallel()
	out, errs, code := omni(t, "", nil, "detect", "sample/data/metrics.csv", "--plot")
	if code != 0 || !strings.Contains(out, "3 of 168 points are unusual, judged with a season of 24 points") || !strings.Contains(out, "●") {
		t.Fatalf("exit %d: %s%s", code, out, errs)
	}
	if _, errs, code = omni(t, "", nil, "detect", "sample/data/metrics.csv", "--fail"); code != 1 || !strings.Contains(errs, "3 unusual points") {
		t.Fatalf("exit %d: %s", code, errs)
	}
	quiet := "v\n" + strings.Repeat("10\n11\n12\n11\n", 20)
	if out, _, code = omni(t, quiet, nil, "detect", "-", "--fail"); code != 0 || !strings.Contains(out, "nothing unusual") {
		t.Fatalf("exit %d: %s", code, out)
	}
	out, _, code = omni(t, "", nil, "detect", "sample/data/metrics.csv", "--json")
	var a api.DetectAnswer
	if err := json.Unmarshal([]byte(out), &a); err != nil || code != 0 || a.Count != 3 {
		t.Fatalf("%v %s", err, out)
	}
}

func TestBacktest(t *testing.T) {
	t.Parallel()
	out, errs, code := omni(t, "", nil, "backtest", sales, "--horizon", "6", "--windows", "2", "--models", "naive,seasonal_naive,ets")
	if code != 0 || !strings.Contains(out, "best") || !strings.Contains(out, "seasonal_naive") || strings.Contains(out, "lstm") {
		t.Fatalf("exit %d: %s%s", code, out, errs)
	}
}

func TestBacktestPicture(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	picture, drawing := filepath.Join(folder, "x.png"), filepath.Join(folder, "x.svg")
	out, errs, code := omni(t, "", nil, "backtest", sales, "--horizon", "6", "--windows", "3", "--step", "4", "--models", "naive,ets,auto",
		"--plot", "--ascii", "--png", picture, "--svg", drawing)
	if code != 0 || !strings.Contains(out, "o") || !strings.Contains(out, "back-test") || !strings.Contains(out, "auto") {
		t.Fatalf("exit %d: %s%s", code, out, errs)
	}
	raw, err := os.ReadFile(picture)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := png.Decode(bytes.NewReader(raw)); err != nil {
		t.Fatal(err)
	}
	if raw, err = os.ReadFile(drawing); err != nil || !strings.Contains(string(raw), "Back-test of") {
		t.Fatalf("%v: %.200s", err, raw)
	}
}

// A refusal names its field once.
func TestARefusalIsSaidOnce(t *testing.T) {
	t.Parallel()
	_, errs, code := omni(t, "", nil, "forecast", sales, "--level", "200")
	if code != 1 || strings.Count(errs, "level[0]") != 1 {
		t.Errorf("exit %d: %s", code, errs)
	}
}

// Every failure is one line that says what to do; usage errors exit with 2.
func TestFailures(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		args  []string
		stdin string
		code  int
		want  string
	}{
		{"no such command", []string{"forcast"}, "", 2, "did you mean forecast"},
		{"no such sub-command", []string{"keys", "steal"}, "", 2, "keys steal"},
		{"no such flag", []string{"forecast", "-", "--horizont", "3"}, "", 2, "horizont"},
		{"no file named", []string{"forecast"}, "", 2, "the CSV file is missing"},
		{"two files", []string{"forecast", "a", "b"}, "", 2, `"b" is one argument too many`},
		{"bad horizon", []string{"forecast", "-", "--horizon", "0"}, "", 2, "1 to 10000"},
		{"bad mode", []string{"forecast", "-", "--mode", "guess"}, "", 2, "auto, global"},
		{"bad height", []string{"forecast", "-", "--height", "1"}, "1\n2\n", 2, "6 to 100"},
		{"no such file", []string{"forecast", "nowhere.csv"}, "", 1, "cannot read nowhere.csv"},
		{"a folder", []string{"forecast", "sample"}, "", 1, "sample"},
		{"bad line", []string{"forecast", "-"}, "date,v\n2025-01-02,1\n2025-01-01,2\n", 1, "line 3"},
		{"too short", []string{"forecast", "-", "--sequence-length", "10"}, "1\n2\n3\n", 1, "needs at least"},
		{"bad level", []string{"forecast", "-", "--level", "0"}, "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n", 1, "level"},
		{"bad freq", []string{"forecast", "-", "--freq", "fortnight"}, "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n", 1, "frequency"},
		{"refused missing", []string{"forecast", "-", "--impute", "none"}, "1\nNA\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n", 1, "[1]"},
		{"too few to detect", []string{"detect", "-"}, "1\n2\n", 1, "points"},
		{"bad sensitivity", []string{"detect", "-", "--sensitivity", "101"}, "1\n2\n", 1, "sensitivity"},
		{"bad detect mode", []string{"detect", "-", "--mode", "first"}, "1\n2\n", 2, "changepoint"},
		{"no tenant", []string{"keys", "create"}, "", 2, "--tenant is missing"},
		{"no master key", []string{"keys", "list", "--url", "http://127.0.0.1:1"}, "", 1, "MASTER_API_KEY"},
		{"two places", []string{"keys", "list", "--url", "http://127.0.0.1:1", "--data", "x"}, "", 2, "one of them"},
		{"no keys yet", []string{"keys", "list", "--data", "nowhere"}, "", 1, "omni tenants create"},
		{"not a URL", []string{"demo", "--url", "localhost:8080"}, "", 2, "want something like http"},
		{"nobody there", []string{"demo", "--url", "http://127.0.0.1:1"}, "", 1, "start it with `omni up`"},
		{"nobody to load", []string{"loadtest", "http://127.0.0.1:1"}, "", 1, "nothing answers at 127.0.0.1:1"},
		{"unbounded load", []string{"loadtest", "http://127.0.0.1:1", "--requests", "99999999"}, "", 2, "1000000"},
		{"usage of another", []string{"usage", "--tenant", "acme"}, "", 1, "MASTER_API_KEY"},
		{"no such config", []string{"config", "check", "nowhere.yaml"}, "", 1, "nowhere.yaml"},
		{"data folder is a file", []string{"up", "--listen", "127.0.0.1:0", "--data", "cli.go"}, "", 1, "choose another with --data"},
		{"bad log", []string{"up", "--log", "xml"}, "", 2, "text, json"},
		{"bad listen", []string{"up", "--listen", "8080"}, "", 1, "listen"},
		{"demo keys for everybody", []string{"up", "--listen", "0.0.0.0:0"}, "", 1, "demo keys"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			out, errs, code := omni(t, c.stdin, nil, c.args...)
			last := errs[strings.LastIndex(strings.TrimSuffix(errs, "\n"), "\n")+1:]
			if code != c.code || !strings.Contains(errs, c.want) || !strings.HasPrefix(last, "omni: ") || strings.Contains(errs, "goroutine") {
				t.Fatalf("exit %d, want %d: %q, want %q", code, c.code, errs, c.want)
			}
			if out != "" {
				t.Errorf("a failure printed %q", out)
			}
		})
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	out, _, code := omni(t, "", nil)
	for _, want := range []string{"up", "demo", "forecast", "detect", "backtest", "keys", "tenants", "audit", "usage", "workers", "config", "loadtest", "version", "gateway", "worker"} {
		if code != 0 || !strings.Contains(out, "  "+want) {
			t.Errorf("no %s in\n%s", want, out)
		}
	}
	if out, _, code = omni(t, "", nil, "keys"); code != 0 || !strings.Contains(out, "rotate") {
		t.Errorf("exit %d\n%s", code, out)
	}
	if out, _, code = omni(t, "", nil, "version"); code != 0 || strings.TrimSpace(out) == "" {
		t.Errorf("exit %d %q", code, out)
	}
}

// TestKeys walks a key through its life, in each kind of store.
func TestKeys(t *testing.T) {
	t.Parallel()
	for _, store := range []string{"sqlite", "file", "postgres"} {
		t.Run(store, func(t *testing.T) {
			t.Parallel()
			env := map[string]string{"OMNI_KEYS_STORE": store}
			if store == "postgres" {
				env["OMNI_KEYS_URL"] = postgrestest.Start(t).URL("postgres")
			}
			data := filepath.Join(t.TempDir(), "data")
			run := func(want int, args ...string) (string, string) {
				t.Helper()
				out, errs, code := omni(t, "", env, append(args, "--data", data)...)
				if code != want {
					t.Fatalf("%v: exit %d: %s%s", args, code, out, errs)
				}
				return out, errs
			}
			run(0, "tenants", "create", "acme", "--tier", "pro", "--name", "Acme Corp.")
			if _, errs := run(1, "tenants", "create", "acme"); !strings.Contains(errs, "already") {
				t.Error(errs)
			}
			if _, errs := run(1, "tenants", "create", "x", "--tier", "gold"); !strings.Contains(errs, "gold") {
				t.Error(errs)
			}
			if out, _ := run(0, "tenants", "list"); !strings.Contains(out, "Acme Corp.") {
				t.Error(out)
			}
			key, errs := run(0, "keys", "create", "--tenant", "acme", "--scopes", "predict,usage", "--expires", "24h")
			if !strings.HasPrefix(key, "omni_pro_") || strings.Contains(errs, key) {
				t.Fatalf("%q %q", key, errs)
			}
			id := strings.Split(key, "_")[2]
			second, _ := run(0, "keys", "rotate", id, "--overlap", "1h")
			if _, errs := run(1, "keys", "rotate", id); !strings.Contains(errs, "rotated before") {
				t.Error(errs)
			}
			run(0, "keys", "revoke", strings.Split(second, "_")[2])
			list, _ := run(0, "keys", "list", "--tenant", "acme")
			if strings.Count(list, "active") != 1 || strings.Count(list, "revoked") != 1 || strings.Contains(list, strings.TrimSpace(key)) || !strings.Contains(list, "predict,usage") {
				t.Error(list)
			}
			if _, errs := run(1, "keys", "revoke", "nosuchkey"); !strings.Contains(errs, "no key nosuchkey") {
				t.Error(errs)
			}
			if _, errs := run(1, "keys", "create", "--tenant", "nobody"); !strings.Contains(errs, "no tenant nobody") {
				t.Error(errs)
			}
			run(1, "keys", "create", "--tenant", "acme", "--scopes", "everything")

			if _, errs := run(1, "keys", "create", "--tenant", "acme", "--allow", "10.0.0.1/8"); !strings.Contains(errs, "10.0.0.0/8 is the network") {
				t.Error(errs)
			}
			third, _ := run(0, "keys", "create", "--tenant", "acme", "--allow", "10.0.0.0/8,192.0.2.7")
			if list, _ := run(0, "keys", "list"); !strings.Contains(list, "10.0.0.0/8,192.0.2.7/32") {
				t.Error(list)
			}
			thirdID := strings.Split(third, "_")[2]
			if out, _ := run(0, "keys", "update", thirdID, "--allow-everywhere", "--scopes", "agi"); !strings.Contains(out, "scopes agi, allowed from everywhere") {
				t.Error(out)
			}
			run(2, "keys", "update", thirdID)
			run(2, "keys", "update", thirdID, "--allow", "::1", "--allow-everywhere")
			if out, _ := run(0, "tenants", "update", "acme", "--tier", "enterprise"); !strings.Contains(out, "enterprise, enabled") {
				t.Error(out)
			}
			if out, _ := run(0, "tenants", "disable", "acme"); !strings.Contains(out, "disabled since") {
				t.Error(out)
			}
			if out, _ := run(0, "tenants", "enable", "acme"); !strings.Contains(out, "enabled") {
				t.Error(out)
			}
			run(1, "tenants", "disable", "nobody")
			run(2, "tenants", "update", "acme")
			checkAudit(t, run, key, third)
			ownLimits(t, run)
		})
	}
}

// ownLimits gives the tenant of TestKeys limits of its own and takes them away.
func ownLimits(t *testing.T, run func(int, ...string) (string, string)) {
	t.Helper()
	if out, _ := run(0, "tenants", "update", "acme", "--burst", "70", "--monthly-units", "0"); !strings.Contains(out, "own limits: burst=70 monthly_units=0") {
		t.Error(out)
	}
	if out, _ := run(0, "tenants", "update", "acme", "--burst", "tier"); !strings.Contains(out, "own limits: monthly_units=0") {
		t.Error(out)
	}
	if out, _ := run(0, "tenants", "list"); !strings.Contains(out, "monthly_units=0") {
		t.Error(out)
	}
	for _, bad := range []string{"0", "-1", "100000001", "2"} { // 2 is less than the dearest route costs
		if _, errs := run(1, "tenants", "update", "acme", "--burst", bad); !strings.Contains(errs, "limits.burst = "+bad) {
			t.Error(errs)
		}
	}
	if _, errs := run(1, "tenants", "create", "own", "--tier", "pro", "--burst", "2"); !strings.Contains(errs, "limits.burst = 2") {
		t.Error(errs)
	}
	if out, _ := run(0, "tenants", "create", "own", "--tier", "pro", "--burst", "70", "--weight", "tier"); !strings.Contains(out, "tenant own, pro; own limits: burst=70; next:") {
		t.Error(out)
	}
	if out, _ := run(0, "tenants", "list"); !strings.Contains(out, "burst=70") {
		t.Error(out)
	}
	run(2, "tenants", "create", "x", "--tier-limits")
	run(2, "tenants", "update", "acme", "--burst", "many")
	run(2, "tenants", "update", "acme", "--burst", "70", "--tier-limits")
	if out, _ := run(0, "tenants", "update", "acme", "--tier-limits"); strings.Contains(out, "own limits") {
		t.Error(out)
	}
}

func TestKeyDatabaseAway(t *testing.T) {
	t.Parallel()
	env := map[string]string{"OMNI_KEYS_URL": "postgres://u:hunter2@127.0.0.1:1/d?sslmode=disable"}
	_, errs, code := omni(t, "", env, "keys", "list")
	if code != 1 || !strings.Contains(errs, "the key database at 127.0.0.1:1 does not answer") || strings.Contains(errs, "hunter2") {
		t.Errorf("exit %d: %s", code, errs)
	}
}

// checkAudit looks for what TestKeys did.
func checkAudit(t *testing.T, run func(int, ...string) (string, string), secrets ...string) {
	t.Helper()
	out, _ := run(0, "audit", "--limit", "100", "--json")
	for _, secret := range secrets {
		if secret = strings.TrimSpace(secret); strings.Contains(out, secret[len(secret)-30:]) {
			t.Error("a secret is in the audit log")
		}
	}
	var acts []string
	for line := range strings.Lines(out) {
		var e api.AuditEntry
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(e.Actor, "local:") || e.At.IsZero() {
			t.Errorf("%+v", e)
		}
		acts = append(acts, e.Act+" "+e.Outcome)
	}
	slices.Reverse(acts)
	const want = `tenant.create ok
tenant.create already_exists
tenant.create invalid_value
key.create ok
key.rotate ok
key.rotate key_not_rotatable
key.revoke ok
key.revoke not_found
key.create not_found
key.create invalid_value
key.create ok
key.update ok
tenant.update ok
tenant.update ok
tenant.update ok
tenant.update not_found`
	if got := strings.Join(acts, "\n"); got != want {
		t.Errorf("the audit log says\n%s", got)
	}
	if out, _ := run(0, "audit", "--since", "1h", "--limit", "1"); !strings.Contains(out, "tenant.update") || strings.Count(out, "\n") > 3 {
		t.Error(out)
	}
	run(2, "audit", "--limit", "0")
}

func TestConfigCheck(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	good, bad := filepath.Join(dir, "good.yaml"), filepath.Join(dir, "bad.yaml")
	for path, text := range map[string]string{good: "workers: [{name: a, url: 'http://127.0.0.1:1'}]\n", bad: "hold: {max_wait: -3s}\nlog: {format: xml}\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if out, errs, code := omni(t, "", nil, "config", "check", good); code != 0 || !strings.Contains(out, "1 workers") {
		t.Errorf("exit %d %s%s", code, out, errs)
	}
	if _, errs, code := omni(t, "", nil, "config", "check", bad); code != 1 || !strings.Contains(errs, "hold.max_wait") || !strings.Contains(errs, "log.format") {
		t.Errorf("exit %d %s", code, errs)
	}
}

// A capability that fails makes omni demo fail, and the others are still shown.
func TestDemoFails(t *testing.T) {
	t.Parallel()
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/health":
			w.Write([]byte(`{"status":"ok","service":"api-gateway","workers":{"ready":1,"total":1}}`))
		case "/sentiment/analyze":
			w.Write([]byte(`{"status":"success","results":[{"text":"x","sentiment":"positive","score":0.9}]}`))
		default:
			w.WriteHeader(http.StatusInternalServerError)
			w.Write([]byte(`{"status":"error","error":"internal","message":"something broke on our side","request_id":"r7"}`))
		}
	}))
	defer gateway.Close()
	out, errs, code := omni(t, "", nil, "demo", "--url", gateway.URL)
	if code != 1 || !strings.Contains(errs, "14 of 15 capabilities failed") || !strings.Contains(out, "ok sentiment") || !strings.Contains(out, "request r7") {
		t.Fatalf("exit %d %s%s", code, out, errs)
	}
}

func TestLoadtest(t *testing.T) {
	t.Parallel()
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/health" && r.Header.Get("X-API-Key") != "k" {
			w.WriteHeader(http.StatusForbidden)
			w.Write([]byte(`{"status":"error","error":"invalid_key","message":"no"}`))
			return
		}
		w.Write([]byte(`{}`))
	}))
	defer gateway.Close()
	env := map[string]string{"OMNI_API_KEY": "k"}
	args := []string{"loadtest", gateway.URL, "--requests", "50", "--path", "/x", "--body", `{"a":1}`}
	if out, errs, code := omni(t, "", env, args...); code != 0 || !strings.Contains(out, "50 requests") || !strings.Contains(out, "p99") {
		t.Errorf("exit %d %s%s", code, out, errs)
	}
	if out, _, code := omni(t, "", nil, args...); code != 1 || !strings.Contains(out, "50 × invalid_key") {
		t.Errorf("exit %d %s", code, out)
	}
	if _, errs, code := omni(t, "", env, "loadtest", gateway.URL, "--body", "{nope"); code != 1 {
		t.Errorf("exit %d %s", code, errs)
	}
}

// The gateway command refuses a port that is taken, in one line.
func TestGatewayPortTaken(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	env := map[string]string{"OMNI_LISTEN": ln.Addr().String(), "OMNI_DATA_DIR": t.TempDir()}
	if _, errs, code := omni(t, "", env, "gateway"); code != 1 || !strings.Contains(errs, "is taken") || strings.Count(errs, "\n") != 1 {
		t.Fatalf("exit %d %s", code, errs)
	}
}

// The gateway command serves until it is told to stop.
func TestGatewayServes(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	env := map[string]string{"OMNI_LISTEN": "127.0.0.1:0", "OMNI_DATA_DIR": t.TempDir()}
	stop := &stopWhen{word: "gateway listens", stop: cancel}
	var errs bytes.Buffer
	code := cli.Run(ctx, cli.Env{Args: []string{"gateway"}, Stdout: stop, Stderr: &errs, Getenv: func(n string) string { return env[n] }})
	if code != 0 {
		t.Fatalf("exit %d %s", code, errs.String())
	}
}

// stopWhen cancels once a word was written to it.
type stopWhen struct {
	word string
	stop func()
}

func (s *stopWhen) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte(s.word)) {
		s.stop()
	}
	return len(p), nil
}

// TestForecastWithColumns: the last rows, which have no value, are the future
// of the columns; the parts are shown.
func TestForecastWithColumns(t *testing.T) {
	t.Parallel()
	var table strings.Builder
	table.WriteString("day,sales,price\n")
	first := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range 60 {
		price := 10 + (i*i)%7
		day := first.AddDate(0, 0, i).Format(time.DateOnly)
		if i < 57 {
			fmt.Fprintf(&table, "%s,%d,%d\n", day, 300+i-4*price, price)
		} else {
			fmt.Fprintf(&table, "%s,,%d\n", day, price)
		}
	}
	out, errs, code := omni(t, table.String(), nil, "forecast", "-", "--column", "sales", "--exogenous", "price", "--season", "1", "--explain")
	if code != 0 || !strings.Contains(out, "one unit of price adds -4") || !strings.Contains(out, "holiday") || !strings.Contains(out, "2026-03-01") {
		t.Errorf("code %d\n%s%s", code, out, errs)
	}
	_, errs, code = omni(t, table.String(), nil, "forecast", "-", "--column", "sales", "--exogenous", "price", "--horizon", "5")
	if code == 0 || !strings.Contains(errs, "last 3 rows") {
		t.Errorf("code %d: %s", code, errs)
	}
	_, errs, code = omni(t, table.String(), nil, "forecast", "-", "--column", "sales", "--exogenous", "weather")
	if code == 0 || !strings.Contains(errs, "weather") {
		t.Errorf("code %d: %s", code, errs)
	}
}
