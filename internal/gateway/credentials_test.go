package gateway

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/omni-run/omni/internal/config"
	"github.com/omni-run/omni/internal/postgres/postgrestest"
)

const masterKey = "a-master-key-for-tests"

// running is a gateway process as the commands start it.
type running struct {
	t   *testing.T
	url string
	log *pages
}

// pages is a log that may be read while it is written.
type pages struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (p *pages) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.buf.Write(b)
}

func (p *pages) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.buf.String()
}

func startGateway(t *testing.T, c config.Config) *running {
	t.Helper()
	c.DataDir, c.MasterKey, c.Listen = filepath.Join(t.TempDir(), "data"), masterKey, "127.0.0.1:0"
	c = c.WithDefaults()
	if err := c.Validate(func(string) string { return "" }); err != nil {
		t.Fatal(err)
	}
	r := &running{t: t, log: &pages{}}
	r.run(c, nil)
	return r
}

// run runs the gateway until the test ends. Without a source its configuration
// stays as it is.
func (r *running) run(c config.Config, source *config.Source) {
	r.t.Helper()
	ctx, stop := context.WithCancel(context.WithoutCancel(r.t.Context()))
	at, ended := make(chan net.Addr, 1), make(chan error, 1)
	go func() {
		ended <- Run(ctx, c, source, "test", r.log, func(ctx context.Context, address string) (net.Listener, error) {
			ln, err := listen(ctx, address)
			if err == nil {
				at <- ln.Addr()
			}
			return ln, err
		})
	}()
	select {
	case a := <-at:
		r.url = "http://" + a.String()
	case err := <-ended:
		stop()
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			r.t.Error(err)
		}
	})
}

// call answers the status and the decoded body.
func (r *running) call(method, path, credential, body, from string) (int, map[string]any) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.url+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+credential)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if from != "" {
		req.Header.Set("X-Forwarded-For", from)
	}
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer answer.Body.Close()
	raw, err := io.ReadAll(answer.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(raw, &out); err != nil {
		r.t.Fatalf("%s %s: %d %s", method, path, answer.StatusCode, raw)
	}
	return answer.StatusCode, out
}

// want checks the status and, where it is given, the error's code.
func (r *running) want(status int, code, method, path, credential, body, from string) map[string]any {
	r.t.Helper()
	got, out := r.call(method, path, credential, body, from)
	if got != status || code != "" && out["error"] != code {
		r.t.Fatalf("%s %s from %q: %d %v, want %d %s", method, path, from, got, out, status, code)
	}
	return out
}

// until calls until the status is the one that must come.
func (r *running) until(status int, method, path, credential string) {
	r.t.Helper()
	for stop := time.Now().Add(60 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		got, out := r.call(method, path, credential, "", "")
		if got == status {
			return
		}
		if time.Now().After(stop) {
			r.t.Fatalf("%s %s: %d %v, waited in vain for %d", method, path, got, out, status)
		}
	}
}

// TestAddressesOfAKey: the caller's address is the one behind trusted proxies.
func TestAddressesOfAKey(t *testing.T) {
	t.Parallel()
	g := startGateway(t, config.Config{TrustedProxies: []string{"127.0.0.0/8"}})
	g.want(201, "", "POST", "/admin/tenants", masterKey, `{"id":"acme","tier":"pro"}`, "")
	made := g.want(201, "", "POST", "/admin/keys", masterKey, `{"tenant":"acme","allow":["10.0.0.0/8","2001:db8::/32"]}`, "198.51.100.1")
	key := fmt.Sprint(made["api_key"])
	for from, status := range map[string]int{
		"10.1.2.3": 200, "2001:db8::7": 200, "::ffff:10.0.0.1": 200, "11.0.0.1": 403, "": 403, "2001:db9::1": 403,
		"10.1.2.3, 11.0.0.1": 403, "11.0.0.1, 10.1.2.3": 200, "10.1.2.3, nonsense": 403,
	} {
		code := ""
		if status == 403 {
			code = "address_not_allowed"
		}
		g.want(status, code, "GET", "/usage", key, "", from)
	}
	entries := fmt.Sprint(g.want(200, "", "GET", "/admin/audit", masterKey, "", "")["entries"])
	if !strings.Contains(entries, "198.51.100.1") || strings.Contains(entries, key[len(key)-30:]) {
		t.Errorf("the audit log says %s", entries)
	}
}

// TestTokensThroughTheGateway: a token stands for a tenant as a key does, and
// disabling the tenant refuses both at once.
func TestTokensThroughTheGateway(t *testing.T) {
	t.Parallel()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	var issuer *httptest.Server
	issuer = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/keys" {
			_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: public, KeyID: "k", Algorithm: "EdDSA"}}})
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]string{"issuer": issuer.URL, "jwks_uri": issuer.URL + "/keys"})
	}))
	t.Cleanup(issuer.Close)
	g := startGateway(t, config.Config{OIDC: config.OIDC{Issuer: issuer.URL, Audience: []string{"omni"}, ScopesClaim: "scope"}})
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: private}, (&jose.SignerOptions{}).WithHeader("kid", "k"))
	if err != nil {
		t.Fatal(err)
	}
	token := func(scope string, expires time.Duration) string {
		text, err := jwt.Signed(signer).Claims(map[string]any{
			"iss": issuer.URL, "aud": "omni", "sub": "somebody", "tenant": "acme", "scope": scope, "exp": time.Now().Add(expires).Unix(),
		}).Serialize()
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	good := token("usage", time.Hour)
	g.want(403, "unknown_tenant", "GET", "/usage", good, "", "")
	g.want(201, "", "POST", "/admin/tenants", masterKey, `{"id":"acme","tier":"pro"}`, "")
	if out := g.want(200, "", "GET", "/usage", good, "", ""); out["tenant_id"] != "acme" {
		t.Errorf("%v", out)
	}
	g.want(403, "insufficient_scope", "GET", "/usage", token("predict", time.Hour), "", "")
	g.want(403, "token_expired", "GET", "/usage", token("usage", -time.Hour), "", "")
	g.want(403, "invalid_token", "GET", "/usage", good[:len(good)-4]+"AAAA", "", "")
	g.want(403, "master_key_required", "GET", "/admin/keys", token("*", time.Hour), "", "")
	key := fmt.Sprint(g.want(201, "", "POST", "/admin/keys", masterKey, `{"tenant":"acme"}`, "")["api_key"])
	g.want(200, "", "PATCH", "/admin/tenants/acme", masterKey, `{"disabled":true}`, "")
	g.want(403, "unknown_tenant", "GET", "/usage", good, "", "")
	g.want(403, "invalid_key", "GET", "/usage", key, "", "")
	for part := range strings.SplitSeq(good, ".") {
		if len(part) > 20 && strings.Contains(g.log.String(), part) {
			t.Error("a part of a token is in the log")
		}
	}
}

// TestTwoGatewaysOnOneDatabase: what is done through one is in force at the
// other, and neither falls with the database.
func TestTwoGatewaysOnOneDatabase(t *testing.T) {
	t.Parallel()
	server := postgrestest.Start(t)
	c := config.Config{Keys: config.Keys{URL: server.URL("postgres")}}
	a, b := startGateway(t, c), startGateway(t, c)
	a.want(201, "", "POST", "/admin/tenants", masterKey, `{"id":"acme","tier":"pro"}`, "")
	made := a.want(201, "", "POST", "/admin/keys", masterKey, `{"tenant":"acme"}`, "")
	kept := fmt.Sprint(a.want(201, "", "POST", "/admin/keys", masterKey, `{"tenant":"acme"}`, "")["api_key"])
	ended, _ := made["key"].(map[string]any)
	key := fmt.Sprint(made["api_key"])
	b.until(200, "GET", "/usage", key)
	b.until(200, "GET", "/usage", kept)
	a.want(200, "", "DELETE", "/admin/keys/"+fmt.Sprint(ended["id"]), masterKey, "", "")
	a.want(403, "invalid_key", "GET", "/usage", key, "", "")
	b.until(403, "GET", "/usage", key)

	server.Kill()
	late := startGateway(t, c) // a gateway may start while the database is away
	late.until(503, "GET", "/usage", kept)
	for _, g := range []*running{a, b} {
		g.want(200, "", "GET", "/usage", kept, "", "")
		g.want(503, "storage_unavailable", "POST", "/admin/tenants", masterKey, `{"id":"other","tier":"pro"}`, "")
	}
	for _, g := range []*running{a, b, late} {
		g.want(200, "", "GET", "/health/ready", kept, "", "")
	}
	if err := server.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	late.until(200, "GET", "/usage", kept)
	late.want(403, "invalid_key", "GET", "/usage", key, "", "")
}
