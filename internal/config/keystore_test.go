package config_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/omni-run/omni/internal/config"
)

func TestKeyStore(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		yaml string
		env  []string
		want config.Keys
	}{
		"nothing":          {"", nil, config.Keys{Store: "sqlite", Path: "omni-data/keys.db"}},
		"a file":           {"keys: {store: file}", nil, config.Keys{Store: "file", Path: "omni-data/keys.json"}},
		"a URL alone":      {"keys: {url: 'postgres://h/d'}", nil, config.Keys{Store: "postgres", URL: "postgres://h/d"}},
		"from environment": {"", []string{"OMNI_KEYS_URL", "postgresql://u:pw@h:1/d"}, config.Keys{Store: "postgres", URL: "postgresql://u:pw@h:1/d"}},
		"patience":         {"keys: {max_stale: 1m}", nil, config.Keys{Store: "sqlite", Path: "omni-data/keys.db", MaxStale: config.Duration(time.Minute)}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.want.MaxStale == 0 {
				c.want.MaxStale = config.Duration(5 * time.Minute)
			}
			got, err := load(t, c.yaml, c.env...)
			if err != nil || got.Keys != c.want {
				t.Errorf("got %+v, %v, want %+v", got.Keys, err, c.want)
			}
		})
	}
	for name, c := range map[string]struct{ yaml, want string }{
		"no URL":         {"keys: {store: postgres}", "needs a URL"},
		"URL for SQLite": {"keys: {store: sqlite, url: 'postgres://u:hunter2@h/d'}", "take the URL away"},
		"a path as well": {"keys: {url: 'postgres://u:hunter2@h/d', path: x}", "keys.path"},
		"scheme":         {"keys: {url: 'mysql://u:hunter2@h/d'}", "keys.url"},
		"no host":        {"keys: {url: 'postgres:hunter2'}", "keys.url"},
		"unreadable":     {"keys: {url: 'postgres://%zz:hunter2@h'}", "keys.url"},
		"too stale":      {"keys: {max_stale: 48h}", "keys.max_stale"},
		"kind":           {"keys: {store: etcd}", "keys.store"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := load(t, c.yaml)
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("got %v, want it to name %q and no secret", err, c.want)
			}
		})
	}
	shown := fmt.Sprint(config.Config{Keys: config.Keys{URL: "postgres://u:hunter2@h:1/d?password=hunter2"}}.WithDefaults().Shown()["keys"])
	if strings.Contains(shown, "hunter2") || !strings.Contains(shown, "postgres://h:1/d") {
		t.Errorf("shown as %s", shown)
	}
}

func TestOIDC(t *testing.T) {
	t.Parallel()
	got, err := load(t, "oidc: {issuer: 'https://login.example.com/', audience: [omni]}")
	if err != nil {
		t.Fatal(err)
	}
	if o := got.OIDC; o.TenantClaim != "tenant" || o.Tier != "free" || fmt.Sprint(o.Algorithms, o.Scopes) != "[RS256 ES256 EdDSA] [*]" || o.ClockSkew.D() != 30*time.Second {
		t.Errorf("defaults %+v", o)
	}
	if got, err := load(t, "oidc: {issuer: 'http://127.0.0.1:9/', audience: [omni], scopes_claim: scope}"); err != nil || len(got.OIDC.Scopes) != 0 {
		t.Errorf("%+v, %v", got.OIDC, err)
	}
	for name, c := range map[string]struct{ yaml, want string }{
		"no audience":     {"oidc: {issuer: 'https://h'}", "oidc.audience"},
		"empty audience":  {"oidc: {issuer: 'https://h', audience: ['']}", "oidc.audience"},
		"no issuer":       {"oidc: {audience: [omni]}", "oidc.issuer"},
		"no TLS":          {"oidc: {issuer: 'http://login.example.com', audience: [omni]}", "oidc.issuer"},
		"not an address":  {"oidc: {issuer: 'login', audience: [omni]}", "oidc.issuer"},
		"credentials":     {"oidc: {issuer: 'https://u:hunter2@h', audience: [omni]}", "oidc.issuer"},
		"keys' address":   {"oidc: {issuer: 'https://h', jwks_url: 'file:///x', audience: [omni]}", "oidc.jwks_url"},
		"no algorithm":    {"oidc: {issuer: 'https://h', audience: [omni], algorithms: [none]}", "oidc.algorithms[0]"},
		"a shared secret": {"oidc: {issuer: 'https://h', audience: [omni], algorithms: [RS256, HS256]}", "oidc.algorithms[1]"},
		"two scopes":      {"oidc: {issuer: 'https://h', audience: [omni], scopes: [predict], scopes_claim: scope}", "exclude"},
		"large skew":      {"oidc: {issuer: 'https://h', audience: [omni], clock_skew: 1h}", "oidc.clock_skew"},
		"short age":       {"oidc: {issuer: 'https://h', audience: [omni], jwks_max_age: 1m}", "oidc.jwks_max_age"},
		"unknown field":   {"oidc: {issuers: x}", "issuers"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := load(t, c.yaml)
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("got %v, want it to name %q", err, c.want)
			}
		})
	}
}
