package admin_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/omni-run/omni/internal/authn"
)

// trail is what GET /admin/audit answers, newest first.
func (b *bundle) trail(query string) (out []map[string]any) {
	b.t.Helper()
	list, ok := b.call(200, "GET", "/admin/audit"+query, "")["entries"].([]any)
	if !ok {
		b.t.Fatal("no entries")
	}
	for _, e := range list {
		entry, ok := e.(map[string]any)
		if !ok {
			b.t.Fatalf("%v is not an entry", e)
		}
		out = append(out, entry)
	}
	return out
}

// TestEveryActLeavesOneEntry goes through every route that changes something,
// done and refused, and finds one entry and one log line for each.
func TestEveryActLeavesOneEntry(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.call(201, "POST", "/admin/tenants", `{"id":"seed","tier":"pro"}`)
	b.call(201, "POST", "/admin/keys", `{"tenant":"seed"}`)
	id := func(tenant string) string {
		made := b.call(201, "POST", "/admin/keys", `{"tenant":"`+tenant+`"}`)
		return get(made, "key", "id")
	}
	first, second := id("seed"), id("seed")
	secretText := strings.Repeat("Zq3", 10)
	pasted := "omni_pro_000000AAAAAAAA_" + secretText
	seen := map[string]bool{}
	for _, c := range []struct {
		route, method, path, body string
		status                    int
		act, target, outcome      string
		detail                    string
	}{
		{"/admin/tenants", "POST", "/admin/tenants", `{"id":"acme","tier":"pro"}`, 201, "tenant.create", "acme", "ok", "map[tier:pro]"},
		{"/admin/tenants", "POST", "/admin/tenants", `{"id":"acme","tier":"pro"}`, 409, "tenant.create", "acme", "already_exists", "map[tier:pro]"},
		{"/admin/tenants", "POST", "/admin/tenants", `{"id":"x","tier":"` + pasted + `"}`, 422, "tenant.create", "x", "invalid_value", "map[tier:(not a tier's name)]"},
		{"/admin/tenants", "POST", "/admin/tenants", `{`, 400, "tenant.create", "", "malformed_json", "map[]"},
		{"/admin/tenants/{id}", "PATCH", "/admin/tenants/acme", `{"disabled":true,"tier":"free"}`, 200, "tenant.update", "acme", "ok", "map[disabled:true tier:free]"},
		{"/admin/tenants/{id}", "PATCH", "/admin/tenants/nobody", `{"disabled":true}`, 404, "tenant.update", "nobody", "not_found", "map[disabled:true]"},
		{"/admin/keys", "POST", "/admin/keys", `{"tenant":"seed","scopes":["predict","usage"],"allow":["10.0.0.0/8"],"expires_at":"2101-01-01T00:00:00Z"}`, 201, "key.create", "*", "ok", "map[allow:10.0.0.0/8 expires_at:2101-01-01T00:00:00Z scopes:predict,usage]"},
		{"/admin/keys", "POST", "/admin/keys", `{"tenant":"seed","scopes":["` + pasted + `"]}`, 422, "key.create", "", "invalid_value", "map[scopes:(not all are scopes)]"},
		{"/admin/keys", "POST", "/admin/keys", `{"tenant":"seed","allow":["10.0.0.1/8"]}`, 422, "key.create", "", "invalid_value", "map[]"},
		{"/admin/keys/{id}", "PATCH", "/admin/keys/" + first, `{"allow":["192.0.2.7"],"scopes":["agi"]}`, 200, "key.update", first, "ok", "map[allow:192.0.2.7/32 scopes:agi]"},
		{"/admin/keys/{id}", "PATCH", "/admin/keys/" + first, `{"allow":[]}`, 200, "key.update", first, "ok", "map[allow:everywhere]"},
		{"/admin/keys/{id}", "PATCH", "/admin/keys/" + first, `{"scopes":[]}`, 422, "key.update", first, "invalid_value", "map[]"},
		{"/admin/keys/{id}/rotate", "POST", "/admin/keys/" + first + "/rotate", `{"overlap":"1h"}`, 201, "key.rotate", first, "ok", "*"},
		{"/admin/keys/{id}/rotate", "POST", "/admin/keys/" + first + "/rotate", `{"overlap":"1h"}`, 409, "key.rotate", first, "key_not_rotatable", "map[overlap:1h0m0s]"},
		{"/admin/keys/{id}/revoke", "POST", "/admin/keys/" + second + "/revoke", "", 200, "key.revoke", second, "ok", "map[]"},
		{"/admin/keys/{id}", "DELETE", "/admin/keys/" + first, "", 200, "key.revoke", first, "ok", "map[]"},
		{"/admin/keys/{id}", "PATCH", "/admin/keys/" + first, `{"name":"x"}`, 409, "key.update", first, "key_revoked", "map[]"},
		{"/admin/keys/{id}", "DELETE", "/admin/keys/" + pasted, "", 404, "key.revoke", "", "not_found", "map[]"},
		{"/admin/workers/{name}/drain", "POST", "/admin/workers/native/drain", "", 202, "worker.drain", "native", "ok", "map[]"},
		{"/admin/config/reload", "POST", "/admin/config/reload", "", 200, "config.reload", "v8", "ok", "map[]"},
		{"/admin/workers/{name}/drain", "POST", "/admin/workers/nobody/drain", "", 404, "worker.drain", "nobody", "unknown_worker", "map[]"},
	} {
		before, lines := len(b.trail("?limit=200")), strings.Count(b.log.String(), "msg=admin ")
		b.call(c.status, c.method, c.path, c.body)
		after := b.trail("?limit=200")
		if len(after) != before+1 || strings.Count(b.log.String(), "msg=admin ") != lines+1 {
			t.Fatalf("%s %s left %d entries", c.method, c.path, len(after)-before)
		}
		e := after[0]
		if get(e, "act") != c.act || get(e, "outcome") != c.outcome || c.target != "*" && get(e, "target") != c.target || c.detail != "*" && get(e, "detail") != c.detail ||
			get(e, "actor") != "master" || get(e, "request_id") != "req-1" || get(e, "address") != "203.0.113.9" {
			t.Errorf("%s %s %s left %v", c.method, c.path, c.body, e)
		}
		if at, err := time.Parse(time.RFC3339, get(e, "at")); err != nil || time.Since(at).Abs() > time.Hour {
			t.Errorf("at %v", e["at"])
		}
		seen[c.method+" "+c.route] = true
	}
	// What changes something is not GET: each such route is in the table above.
	for _, r := range b.h.Routes() {
		if !strings.HasPrefix(r, "GET ") && !seen[r] {
			t.Errorf("%s is not in this test", r)
		}
	}
	if said := b.log.String() + fmt.Sprint(b.trail("?limit=200")); strings.Contains(said, secretText) {
		t.Error("a secret is in the audit log")
	}
}

func TestAuditPages(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for i := range 5 {
		b.call(201, "POST", "/admin/tenants", fmt.Sprintf(`{"id":"t%d","tier":"pro"}`, i))
	}
	out := b.call(200, "GET", "/admin/audit?limit=2", "")
	if got := fmt.Sprint(out["entries"]); !strings.Contains(got, "t4") || !strings.Contains(got, "t3") || strings.Contains(got, "t2") {
		t.Errorf("first page %s", got)
	}
	if rest := b.trail("?limit=200&cursor=" + get(out, "next_cursor")); len(rest) != 3 || get(rest[0], "target") != "t2" {
		t.Errorf("the rest: %v", rest)
	}
	if none := b.trail("?since=2999-01-01T00:00:00Z"); len(none) != 0 {
		t.Errorf("since the future: %v", none)
	}
	for _, bad := range []string{"cursor=x", "cursor=-1", "limit=0", "since=yesterday"} {
		if code := get(b.call(422, "GET", "/admin/audit?"+bad, ""), "error"); !strings.HasPrefix(code, "bad_") {
			t.Errorf("%s: %s", bad, code)
		}
	}
}

// brokenTrail takes no entries.
type brokenTrail struct{ authn.Trail }

func (brokenTrail) Append(context.Context, authn.Entry) error { return errors.New("disk on fire") }

// TestAnActThatCannotBeRecorded stands, and says so.
func TestAnActThatCannotBeRecorded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.rebuild(brokenTrail{})
	out := b.call(202, "POST", "/admin/workers/native/drain", "")
	if !strings.Contains(fmt.Sprint(out["warnings"]), "audit log") || !strings.Contains(b.log.String(), "missing from the audit log") {
		t.Errorf("%v", out)
	}
}

func TestNetworksOfAKey(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.call(201, "POST", "/admin/tenants", `{"id":"acme","tier":"pro"}`)
	made := b.call(201, "POST", "/admin/keys", `{"tenant":"acme","allow":["10.0.0.0/8","2001:db8::1","::ffff:192.0.2.1"]}`)
	id := get(made, "key", "id")
	if get(made, "key", "allow") != "[10.0.0.0/8 2001:db8::1/128 192.0.2.1/32]" {
		t.Errorf("%v", made)
	}
	rotated := b.call(201, "POST", "/admin/keys/"+id+"/rotate", "")
	if get(rotated, "key", "allow") != get(made, "key", "allow") {
		t.Errorf("the successor may be used from %s", get(rotated, "key", "allow"))
	}
	if out := b.call(200, "PATCH", "/admin/keys/"+id, `{"allow":[]}`); get(out, "key", "allow") != "[]" {
		t.Errorf("%v", out)
	}
	for _, bad := range []string{`"10.0.0.0/33"`, `"ten"`, `"10.1.0.0/8"`, `"fe80::1%eth0"`, `""`, `"10.0.0.0/8","10.0.0.0/8"`} {
		b.fails(422, "invalid_value", "POST", "/admin/keys", `{"tenant":"acme","allow":[`+bad+`]}`)
	}
	b.fails(422, "wrong_type", "POST", "/admin/keys", `{"tenant":"acme","allow":"10.0.0.0/8"}`)
}

// TestUnreachableStore: whether the change was stored is not known, and that is
// what is said.
func TestUnreachableStore(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.store.away.Store(true)
	r := httptest.NewRequestWithContext(t.Context(), "GET", "/admin/keys", nil)
	w := httptest.NewRecorder()
	b.h.ServeHTTP(w, r)
	if w.Code != 503 || w.Header().Get("Retry-After") == "" || !strings.Contains(w.Body.String(), "storage_unavailable") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestRefusedReload(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.refuse.Store(true)
	b.fails(422, "config_refused", "POST", "/admin/config/reload", "")
	if e := b.trail("")[0]; get(e, "act") != "config.reload" || get(e, "outcome") != "config_refused" {
		t.Errorf("%v", e)
	}
}
