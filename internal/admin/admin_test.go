package admin_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/admin"
	"github.com/omni-run/omni/internal/authn"
	"github.com/omni-run/omni/internal/authn/filestore"
	"github.com/omni-run/omni/internal/usage"
)

type bundle struct {
	refuse atomic.Bool
	t      *testing.T
	h      *admin.Handler
	auth   *authn.Authenticator
	led    *usage.Ledger
	log    bytes.Buffer
	who    authn.Principal

	store *unsteady
	deps  admin.Deps
}

// unsteady is a store that can be made to be away.
type unsteady struct {
	authn.Store
	away atomic.Bool
}

func (u *unsteady) Poll(ctx context.Context, known string) (*authn.Snapshot, error) {
	if u.away.Load() {
		return nil, fmt.Errorf("%w: no route to host", authn.ErrAway)
	}
	return u.Store.Poll(ctx, known)
}

// rebuild makes the handler anew, with another audit log.
func (b *bundle) rebuild(trail authn.Trail) {
	b.deps.Trail = trail
	b.h = admin.New(b.deps)
}

type workers struct{}

func (workers) Workers(context.Context) (any, error) { return []string{"native"}, nil }

func (workers) Drain(_ context.Context, name string) error {
	if name != "native" {
		return fmt.Errorf("%q: %w", name, admin.ErrNoWorker)
	}
	return nil
}

// config is in force, and refuses another while it is told to.
type config struct{ refuse *atomic.Bool }

func (config) Describe() *api.ConfigAnswer {
	return &api.ConfigAnswer{Version: "v7", Config: map[string]int{"port": 8080}}
}

func (c config) Reload(context.Context) (*api.ConfigReloadAnswer, error) {
	if c.refuse.Load() {
		return nil, api.Unprocessable("config_refused", "line 3: listen needs a restart")
	}
	return &api.ConfigReloadAnswer{Outcome: "applied", Version: "v8"}, nil
}

func setup(t *testing.T) *bundle {
	t.Helper()
	b := &bundle{t: t, who: authn.Principal{Tenant: "master", KeyID: "master", Master: true}}
	log := slog.New(slog.NewTextHandler(&b.log, nil))
	dir := t.TempDir()
	file, err := filestore.Open(filepath.Join(dir, "keys.json"), filestore.Options{Create: true, Audit: filepath.Join(dir, "audit.jsonl")})
	if err != nil {
		t.Fatal(err)
	}
	store := &unsteady{Store: file}
	b.store = store
	if b.auth, err = authn.New(t.Context(), authn.Options{Store: store, Log: slog.New(slog.DiscardHandler)}); err != nil {
		t.Fatal(err)
	}
	if b.led, err = usage.Open(t.Context(), usage.Options{Dir: t.TempDir(), Log: slog.New(slog.DiscardHandler)}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.auth.Close(); err != nil {
			t.Error(err)
		}
		if err := b.led.Close(); err != nil {
			t.Error(err)
		}
	})
	b.deps = admin.Deps{
		Remote:    func(*http.Request) string { return "203.0.113.9" },
		Issuer:    &authn.Issuer{Store: store, Tiers: []string{"free", "pro"}, Refresh: b.auth.Refresh},
		Principal: func(*http.Request) (authn.Principal, bool) { return b.who, b.who.Tenant != "" },
		RequestID: func(*http.Request) string { return "req-1" },
		Usage:     b.led,
		Workers:   workers{},
		Config:    config{&b.refuse},
		MonthUnits: func(t authn.Tenant) int64 {
			if own := t.Limits.MonthlyUnits; own != nil {
				return *own
			}
			return 1000
		},
		Log: log,
	}
	b.rebuild(file)
	return b
}

// call answers the decoded body and checks the status.
func (b *bundle) call(status int, method, path, body string) map[string]any {
	b.t.Helper()
	r := httptest.NewRequestWithContext(b.t.Context(), method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	b.h.ServeHTTP(w, r)
	var out map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
		b.t.Fatalf("%s %s: %d, not JSON: %s", method, path, w.Code, w.Body)
	}
	if w.Code != status || out["request_id"] != "req-1" || (out["status"] == "error") != (status >= 400) {
		b.t.Fatalf("%s %s: %d, want %d: %s", method, path, w.Code, status, w.Body)
	}
	return out
}

// fails checks the error code of an answer.
func (b *bundle) fails(status int, code, method, path, body string) {
	b.t.Helper()
	if out := b.call(status, method, path, body); out["error"] != code || out["docs"] != "/docs#"+code {
		b.t.Errorf("%s %s: error %v, want %s", method, path, out["error"], code)
	}
}

func (b *bundle) authenticate(key string) (string, error) {
	p, err := b.auth.Authenticate(b.t.Context(), key)
	return p.Tenant, err
}

func get(m map[string]any, path ...string) string {
	var v any = m
	for _, p := range path {
		inner, ok := v.(map[string]any)
		if !ok {
			return ""
		}
		v = inner[p]
	}
	return fmt.Sprint(v)
}

func TestLifeOfAKey(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.call(201, "POST", "/admin/tenants", `{"id":"acme","name":"Acme","tier":"pro"}`)
	made := b.call(201, "POST", "/admin/keys", `{"tenant":"acme","name":"ci","scopes":["predict"]}`)
	key, id := get(made, "api_key"), get(made, "key", "id")
	if tenant, err := b.authenticate(key); err != nil || tenant != "acme" {
		t.Fatalf("the new key: %q, %v", tenant, err)
	}
	if shown := b.call(200, "GET", "/admin/keys/"+id, ""); get(shown, "key", "state") != "active" || strings.Contains(fmt.Sprint(shown), key) {
		t.Errorf("shown again: %v", shown)
	}
	rotated := b.call(201, "POST", "/admin/keys/"+id+"/rotate", `{"overlap":"1h"}`)
	successor, next := get(rotated, "api_key"), get(rotated, "key", "id")
	if get(rotated, "replaces", "rotated_to") != next || get(rotated, "replaces", "expires_at") == "<nil>" {
		t.Errorf("rotation answered %v", rotated)
	}
	for _, k := range []string{key, successor} {
		if _, err := b.authenticate(k); err != nil {
			t.Errorf("within the overlap: %v", err)
		}
	}
	b.fails(409, "key_not_rotatable", "POST", "/admin/keys/"+id+"/rotate", "")
	for _, revoke := range []func() map[string]any{
		func() map[string]any { return b.call(200, "DELETE", "/admin/keys/"+id, "") },
		func() map[string]any { return b.call(200, "POST", "/admin/keys/"+id+"/revoke", "") }, // once more: no matter
	} {
		if out := revoke(); get(out, "key", "state") != "revoked" {
			t.Errorf("revoked: %v", out)
		}
	}
	if _, err := b.authenticate(key); err == nil {
		t.Error("a revoked key is valid")
	}
	if _, err := b.authenticate(successor); err != nil {
		t.Errorf("the successor died with it: %v", err)
	}
	b.call(200, "PATCH", "/admin/tenants/acme", `{"disabled":true}`)
	if _, err := b.authenticate(successor); err == nil {
		t.Error("a key of a disabled tenant is valid")
	}
	if out := b.call(200, "PATCH", "/admin/tenants/acme", `{"disabled":false,"tier":"free"}`); get(out, "tenant", "tier") != "free" || get(out, "tenant", "name") != "Acme" {
		t.Errorf("tenant %v", out)
	}
	b.checkLog(key, successor)
}

// checkLog looks for the acts, and for secrets, in the log.
func (b *bundle) checkLog(keys ...string) {
	b.t.Helper()
	log := b.log.String()
	for _, act := range []string{"tenant.create", "key.create", "key.rotate", "key.revoke", "tenant.update"} {
		if !strings.Contains(log, "act="+act+" actor=master") {
			b.t.Errorf("the log lacks %s", act)
		}
	}
	for _, k := range keys {
		if strings.Contains(log, k[len(k)-30:]) {
			b.t.Error("a secret is in the log")
		}
	}
}

func TestOnlyTheMasterKey(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, who := range []authn.Principal{{}, {Tenant: "acme", Tier: "enterprise", Scopes: []string{"*"}}} {
		b.who = who
		for _, path := range []string{"/admin/keys", "/admin/tenants", "/admin/usage", "/admin/audit", "/admin/workers", "/admin/config", "/admin/nothing", "/admin"} {
			b.fails(403, "master_key_required", "GET", path, "")
		}
	}
}

func TestBadRequests(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.call(201, "POST", "/admin/tenants", `{"id":"acme","tier":"pro"}`)
	for _, c := range []struct {
		status                   int
		code, method, path, body string
	}{
		{404, "unknown_path", "GET", "/admin/nothing", ""},
		{405, "method_not_allowed", "PUT", "/admin/keys", ""},
		{400, "empty_body", "POST", "/admin/tenants", ""},
		{400, "malformed_json", "POST", "/admin/tenants", `{"id":`},
		{400, "malformed_json", "POST", "/admin/tenants", `{"id":"x","tier":"pro"}{}`},
		{400, "unknown_field", "POST", "/admin/tenants", `{"id":"x","tier":"pro","admin":true}`},
		{422, "wrong_type", "POST", "/admin/tenants", `{"id":7,"tier":"pro"}`},
		{422, "invalid_value", "POST", "/admin/tenants", `{"id":"x","tier":"platinum"}`},
		{422, "invalid_value", "POST", "/admin/tenants", `{"id":"Not An Id","tier":"pro"}`},
		{422, "invalid_value", "POST", "/admin/tenants", `{"id":"master","tier":"pro"}`},
		{422, "invalid_value", "POST", "/admin/tenants", `{"id":"demo-tenant-3","tier":"pro"}`},
		{409, "already_exists", "POST", "/admin/tenants", `{"id":"acme","tier":"pro"}`},
		{413, "body_too_large", "POST", "/admin/tenants", `{"id":"` + strings.Repeat("x", 70_000) + `"}`},
		{404, "not_found", "GET", "/admin/tenants/nobody", ""},
		{404, "not_found", "PATCH", "/admin/tenants/nobody", `{"tier":"free"}`},
		{422, "invalid_value", "PATCH", "/admin/tenants/acme", `{"tier":""}`},
		{400, "unknown_field", "PATCH", "/admin/tenants/acme", `{"limits":{"requests_per_hour":1}}`},
		{422, "wrong_type", "PATCH", "/admin/tenants/acme", `{"limits":[]}`},
		{404, "not_found", "POST", "/admin/keys", `{"tenant":"nobody"}`},
		{422, "invalid_value", "POST", "/admin/keys", `{"tenant":"acme","scopes":["everything"]}`},
		{422, "invalid_value", "POST", "/admin/keys", `{"tenant":"acme","scopes":["agi","agi"]}`},
		{422, "invalid_value", "POST", "/admin/keys", `{"tenant":"acme","expires_at":"2001-01-01T00:00:00Z"}`},
		{400, "malformed_json", "POST", "/admin/keys", `{"tenant":"acme","expires_at":"tomorrow"}`},
		{404, "not_found", "GET", "/admin/keys/nothing", ""},
		{404, "not_found", "DELETE", "/admin/keys/nothing", ""},
		{404, "not_found", "POST", "/admin/keys/nothing/rotate", ""},
		{422, "bad_overlap", "POST", "/admin/keys/nothing/rotate", `{"overlap":"soon"}`},
		{422, "invalid_value", "POST", "/admin/keys/nothing/rotate", `{"overlap":"-1s"}`},
		{422, "invalid_value", "POST", "/admin/keys/nothing/rotate", `{"overlap":"99999h"}`},
		{422, "bad_limit", "GET", "/admin/keys?limit=0", ""},
		{422, "bad_limit", "GET", "/admin/keys?limit=1000", ""},
		{422, "bad_limit", "GET", "/admin/tenants?limit=x", ""},
		{422, "bad_cursor", "GET", "/admin/keys?cursor=" + strings.Repeat("x", 200), ""},
		{422, "bad_date", "GET", "/admin/usage?from=x", ""},
		{422, "bad_tenant", "GET", "/admin/usage?tenant=%20", ""},
		{422, "bad_format", "GET", "/admin/usage?tenant=acme&format=xml", ""},
		{404, "unknown_worker", "POST", "/admin/workers/nobody/drain", ""},
	} {
		b.fails(c.status, c.code, c.method, c.path, c.body)
	}
	r := httptest.NewRequestWithContext(t.Context(), "POST", "/admin/tenants", strings.NewReader("id=x"))
	w := httptest.NewRecorder()
	b.h.ServeHTTP(w, r)
	if w.Code != 415 {
		t.Errorf("no content type: %d", w.Code)
	}
	r = httptest.NewRequestWithContext(t.Context(), "PUT", "/admin/keys", nil)
	w = httptest.NewRecorder()
	b.h.ServeHTTP(w, r)
	if got := w.Header().Get("Allow"); got != "GET, POST" {
		t.Errorf("Allow: %q", got)
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for i := range 5 {
		b.call(201, "POST", "/admin/tenants", fmt.Sprintf(`{"id":"t%d","tier":"pro"}`, i))
		b.call(201, "POST", "/admin/keys", fmt.Sprintf(`{"tenant":"t%d"}`, i%2))
	}
	for path, want := range map[string]int{"/admin/tenants?": 5, "/admin/keys?": 5, "/admin/keys?tenant=t0&": 3, "/admin/keys?tenant=nobody&": 0} {
		seen, cursor := map[string]bool{}, ""
		for pages := 0; ; pages++ {
			out := b.call(200, "GET", path+"limit=2&cursor="+cursor, "")
			rows, ok := out["tenants"].([]any)
			if !ok {
				rows, ok = out["keys"].([]any)
			}
			if !ok || len(rows) > 2 || pages > 3 {
				t.Fatalf("%s: %v", path, out)
			}
			for _, row := range rows {
				id := get(map[string]any{"row": row}, "row", "id")
				if seen[id] {
					t.Errorf("%s: %s is on two pages", path, id)
				}
				seen[id] = true
			}
			if cursor = get(out, "next_cursor"); cursor == "<nil>" {
				break
			}
		}
		if len(seen) != want {
			t.Errorf("%s: %d rows, want %d", path, len(seen), want)
		}
	}
}

func TestOperate(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.call(201, "POST", "/admin/tenants", `{"id":"acme","tier":"pro"}`)
	for _, tenant := range []string{"acme", "acme", "other"} {
		if err := b.led.Record(usage.Entry{At: time.Now(), Tenant: tenant, Route: "GET /usage", Status: 200, Units: 4}); err != nil {
			t.Fatal(err)
		}
	}
	out := b.call(200, "GET", "/admin/usage?tenant=acme", "")
	if get(out, "total", "requests") != "2" || get(out, "month", "units_left") != "992" || get(out, "tier") != "pro" {
		t.Errorf("usage %v", out)
	}
	out = b.call(200, "GET", "/admin/usage?limit=1", "")
	if rows, ok := out["tenants"].([]any); !ok || len(rows) != 1 || get(out, "next_cursor") != "acme" {
		t.Errorf("summary %v", out)
	}
	r := httptest.NewRequestWithContext(t.Context(), "GET", "/admin/usage?tenant=acme&format=csv", nil)
	w := httptest.NewRecorder()
	b.h.ServeHTTP(w, r)
	if w.Code != 200 || !strings.HasPrefix(w.Body.String(), "day,route,") || strings.Count(w.Body.String(), "\n") != 2 || w.Header().Get("Content-Type") != "text/csv; charset=utf-8" {
		t.Errorf("CSV: %d %s", w.Code, w.Body)
	}
	if out := b.call(200, "GET", "/admin/workers", ""); fmt.Sprint(out["workers"]) != "[native]" {
		t.Errorf("workers %v", out)
	}
	if out := b.call(202, "POST", "/admin/workers/native/drain", ""); get(out, "state") != "draining" {
		t.Errorf("drain %v", out)
	}
	if out := b.call(200, "GET", "/admin/config", ""); get(out, "version") != "v7" {
		t.Errorf("config %v", out)
	}
}

func TestMissingPartsAreUnknownPaths(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.h = admin.New(admin.Deps{
		Issuer:    &authn.Issuer{},
		Principal: func(*http.Request) (authn.Principal, bool) { return b.who, true },
		RequestID: func(*http.Request) string { return "req-1" },
		Log:       slog.New(slog.DiscardHandler),
	})
	for _, path := range []string{"/admin/usage", "/admin/audit", "/admin/workers", "/admin/config"} {
		b.fails(404, "unknown_path", "GET", path, "")
	}
}
