package oidc_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/authn"
	"github.com/omni-run/omni/internal/authn/oidc"
	"github.com/omni-run/omni/internal/config"
)

// tenants is what stands behind keys in these tests.
type tenants struct{}

// ownBurst is what acme has instead of its tier's.
var ownBurst = 77

var errOut = api.NewError(503, "keys_unavailable", "the store is away")

func (tenants) Authenticate(_ context.Context, presented string) (authn.Principal, error) {
	if presented == "omni_key" {
		return authn.Principal{Tenant: "by-key"}, nil
	}
	return authn.Principal{}, api.NewError(403, "invalid_key", "no")
}

func (tenants) Tenant(_ context.Context, id string) (string, *api.TenantLimits, error) {
	switch id {
	case "acme":
		return "pro", &api.TenantLimits{Burst: &ownBurst}, nil
	case "gone":
		return "", nil, authn.ErrDisabled
	case "dark":
		return "", nil, errOut
	}
	return "", nil, authn.ErrUnknown
}

// logbook collects what is logged.
type logbook struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

type bundle struct {
	t      *testing.T
	auth   *oidc.Authenticator
	issuer *issuer
	key    jose.JSONWebKey
	log    *logbook
	now    time.Time
	mu     sync.Mutex
}

func (b *bundle) clock() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now
}

func (b *bundle) pass(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now = b.now.Add(d)
}

func setup(t *testing.T, change func(*config.OIDC)) *bundle {
	t.Helper()
	key := private(t, "one", "RS256")
	return setupWith(t, newIssuer(t, key), key, change)
}

func setupWith(t *testing.T, i *issuer, key jose.JSONWebKey, change func(*config.OIDC)) *bundle {
	t.Helper()
	b := &bundle{t: t, issuer: i, key: key, log: &logbook{}, now: time.Now()}
	c := config.OIDC{Issuer: i.URL, Audience: []string{"omni"}}
	if change != nil {
		change(&c)
	}
	c = config.Config{OIDC: c}.WithDefaults().OIDC
	if err := (config.Config{OIDC: c}).WithDefaults().Validate(func(string) string { return "" }); err != nil {
		t.Fatal(err)
	}
	var err error
	b.auth, err = oidc.New(t.Context(), oidc.Options{
		Config: c, Keys: tenants{}, Now: b.clock, Cooldown: time.Minute,
		Log: slog.New(slog.NewTextHandler(b.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.auth.Close)
	waitFor(t, func() bool { s := b.auth.Stats(); return s.Keys > 0 || s.FetchErrors > 0 })
	return b
}

// claims are those of a good token, changed as told; nil takes one away.
func (b *bundle) claims(change map[string]any) map[string]any {
	now := b.clock().Unix()
	c := map[string]any{
		"iss": b.issuer.URL, "aud": "omni", "sub": "somebody@example.com", "tenant": "acme",
		"exp": now + 300, "nbf": now - 10, "iat": now - 10,
	}
	maps.Copy(c, change)
	for name, v := range change {
		if v == nil {
			delete(c, name)
		}
	}
	return c
}

// token is a good one, changed as told.
func (b *bundle) token(change map[string]any) string {
	b.t.Helper()
	return sign(b.t, "RS256", b.key.Key, map[jose.HeaderKey]any{"kid": b.key.KeyID}, b.claims(change))
}

// refused checks that a credential is refused with the status and code, and
// that nothing of it is repeated.
func (b *bundle) refused(t *testing.T, presented string, status int, code string) {
	t.Helper()
	p, err := b.auth.Authenticate(t.Context(), presented)
	var e *api.Error
	if !errors.As(err, &e) || e.HTTP != status || e.Code != code || p.Tenant != "" {
		t.Fatalf("%+v, %v, want %d %s", p, err, status, code)
	}
	for part := range strings.SplitSeq(presented, ".") {
		if len(part) > 20 && (strings.Contains(err.Error(), part) || strings.Contains(b.log.String(), part)) {
			t.Errorf("a part of the token is repeated")
		}
	}
}

func (b *bundle) accepted(t *testing.T, presented string) authn.Principal {
	t.Helper()
	p, err := b.auth.Authenticate(t.Context(), presented)
	if err != nil {
		t.Fatalf("a good token is refused: %v (%v)", err, errors.Unwrap(err))
	}
	return p
}

func TestGoodTokens(t *testing.T) {
	t.Parallel()
	for _, algorithm := range []string{"RS256", "PS256", "ES256", "EdDSA"} {
		t.Run(algorithm, func(t *testing.T) {
			t.Parallel()
			key := private(t, "k", algorithm)
			b := setupWith(t, newIssuer(t, private(t, "other", "RS256"), key), key, func(c *config.OIDC) { c.Algorithms = []string{"RS256", algorithm} })
			p := b.accepted(t, sign(t, algorithm, key.Key, map[jose.HeaderKey]any{"kid": "k"}, b.claims(map[string]any{"aud": []string{"else", "omni"}})))
			if p.Tenant != "acme" || p.Tier != "pro" || p.Limits == nil || *p.Limits.Burst != ownBurst || p.Master || !p.Allows("predict") || !strings.HasPrefix(p.KeyID, "oidc-") || strings.Contains(p.KeyID, "somebody") {
				t.Errorf("%+v", p)
			}
			if s := b.auth.Stats(); s.Accepted != 1 || s.Keys != 2 {
				t.Errorf("%+v", s)
			}
		})
	}
}

func TestKeysStillWork(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	if p := b.accepted(t, "omni_key"); p.Tenant != "by-key" {
		t.Errorf("%+v", p)
	}
	b.refused(t, "omni_other", 403, "invalid_key")
	b.refused(t, "a.b.c", 403, "invalid_key")
}

func encode(v any) string {
	raw, _ := json.Marshal(v)
	return base64.RawURLEncoding.EncodeToString(raw)
}

// TestHostileTokens is the table of what must not be let in.
func TestHostileTokens(t *testing.T) {
	t.Parallel()
	good, second := private(t, "one", "RS256"), private(t, "two", "RS256")
	strangers := private(t, "one", "RS256") // the id of a good key, made by somebody else
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	secret := []byte("a secret of thirty-two characters")
	i := newIssuer(t, good, second,
		jose.JSONWebKey{Key: weak, KeyID: "weak", Algorithm: "RS256"},
		jose.JSONWebKey{Key: secret, KeyID: "shared", Algorithm: "HS256"},
		jose.JSONWebKey{Key: private(t, "", "RS256").Key, KeyID: "cipher", Use: "enc"})
	b := setupWith(t, i, good, nil)
	b.accepted(t, b.token(nil))

	der, err := x509.MarshalPKIXPublicKey(good.Public().Key)
	if err != nil {
		t.Fatal(err)
	}
	publicPEM := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	whole := strings.Split(b.token(nil), ".")
	now := b.clock().Unix()
	raw := func(head, claims any) string { return encode(head) + "." + encode(claims) + "." }
	withKid := func(kid string) map[jose.HeaderKey]any { return map[jose.HeaderKey]any{"kid": kid} }
	for name, c := range map[string]struct{ token, code string }{
		"no algorithm":                 {raw(map[string]string{"alg": "none", "kid": "one"}, b.claims(nil)), "invalid_token"},
		"no algorithm, in capitals":    {raw(map[string]string{"alg": "NONE", "kid": "one"}, b.claims(nil)), "invalid_token"},
		"no algorithm, signed":         {raw(map[string]string{"alg": "none", "kid": "one"}, b.claims(nil)) + whole[2], "invalid_token"},
		"HS256 with the public key":    {sign(t, "HS256", publicPEM, withKid("one"), b.claims(nil)), "invalid_token"},
		"HS256 with the modulus":       {sign(t, "HS256", good.Key.(*rsa.PrivateKey).N.Bytes(), withKid("one"), b.claims(nil)), "invalid_token"},
		"HS256 with a published key":   {sign(t, "HS256", secret, withKid("shared"), b.claims(nil)), "invalid_token"},
		"an algorithm not let in":      {sign(t, "PS512", good.Key, withKid("one"), b.claims(nil)), "invalid_token"},
		"another's key under our id":   {sign(t, "RS256", strangers.Key, withKid("one"), b.claims(nil)), "invalid_token"},
		"the wrong one of two ids":     {sign(t, "RS256", good.Key, withKid("two"), b.claims(nil)), "invalid_token"},
		"an unknown id":                {sign(t, "RS256", good.Key, withKid("three"), b.claims(nil)), "invalid_token"},
		"no id where there is choice":  {sign(t, "RS256", good.Key, nil, b.claims(nil)), "invalid_token"},
		"an id that is a path":         {sign(t, "RS256", strangers.Key, withKid("../../../dev/null"), b.claims(nil)), "invalid_token"},
		"a weak key":                   {sign(t, "RS256", weak, withKid("weak"), b.claims(nil)), "invalid_token"},
		"a key brought along":          {sign(t, "RS256", strangers.Key, map[jose.HeaderKey]any{"kid": "one", "jwk": strangers.Public()}, b.claims(nil)), "invalid_token"},
		"a key's address brought":      {sign(t, "RS256", strangers.Key, map[jose.HeaderKey]any{"kid": "nine", "jku": i.URL + "/evil"}, b.claims(nil)), "invalid_token"},
		"a demand nobody understands":  {sign(t, "RS256", good.Key, map[jose.HeaderKey]any{"kid": "one", "crit": []string{"exp2"}, "exp2": 1}, b.claims(nil)), "invalid_token"},
		"another payload":              {whole[0] + "." + encode(b.claims(map[string]any{"tenant": "gone"})) + "." + whole[2], "invalid_token"},
		"no signature":                 {whole[0] + "." + whole[1] + ".", "invalid_token"},
		"half a signature":             {whole[0] + "." + whole[1] + "." + whole[2][:100], "invalid_token"},
		"padding":                      {whole[0] + "." + whole[1] + "." + whole[2] + "=", "invalid_token"},
		"a head that is a list":        {encode([]int{1}) + "." + whole[1] + "." + whole[2], "invalid_key"},
		"a head that is not JSON":      {"eyJ." + whole[1] + "." + whole[2], "invalid_token"},
		"oversized":                    {sign(t, "RS256", good.Key, withKid("one"), b.claims(map[string]any{"x": strings.Repeat("x", 20_000)})), "invalid_token"},
		"another issuer":               {b.token(map[string]any{"iss": "https://evil.example.com"}), "invalid_token"},
		"our issuer and a slash":       {b.token(map[string]any{"iss": i.URL + "/"}), "invalid_token"},
		"no issuer":                    {b.token(map[string]any{"iss": nil}), "invalid_token"},
		"for somebody else":            {b.token(map[string]any{"aud": "billing"}), "invalid_token"},
		"for nobody":                   {b.token(map[string]any{"aud": nil}), "invalid_token"},
		"for a list of others":         {b.token(map[string]any{"aud": []string{"omni2", "OMNI"}}), "invalid_token"},
		"for a number":                 {b.token(map[string]any{"aud": 7}), "invalid_token"},
		"expired":                      {b.token(map[string]any{"exp": now - 60}), "token_expired"},
		"without an end":               {b.token(map[string]any{"exp": nil}), "invalid_token"},
		"an end in other letters":      {b.token(map[string]any{"exp": nil, "EXP": now + 300}), "invalid_token"},
		"an end that is a word":        {b.token(map[string]any{"exp": "tomorrow"}), "invalid_token"},
		"an end beyond all numbers":    {b.token(map[string]any{"exp": 1e300}), "invalid_token"},
		"an end before all numbers":    {b.token(map[string]any{"exp": -1e300}), "invalid_token"},
		"not yet":                      {b.token(map[string]any{"nbf": now + 120}), "invalid_token"},
		"not yet, for ages":            {b.token(map[string]any{"nbf": 1e18}), "invalid_token"},
		"made in the future":           {b.token(map[string]any{"iat": now + 120}), "invalid_token"},
		"no tenant":                    {b.token(map[string]any{"tenant": nil}), "unknown_tenant"},
		"a tenant that is a list":      {b.token(map[string]any{"tenant": []string{"acme"}}), "unknown_tenant"},
		"a tenant nobody knows":        {b.token(map[string]any{"tenant": "stranger"}), "unknown_tenant"},
		"a disabled tenant":            {b.token(map[string]any{"tenant": "gone"}), "unknown_tenant"},
		"the master":                   {b.token(map[string]any{"tenant": "master"}), "unknown_tenant"},
		"a demo tenant":                {b.token(map[string]any{"tenant": "demo-tenant-3"}), "unknown_tenant"},
		"a tenant with a path":         {b.token(map[string]any{"tenant": "../acme"}), "unknown_tenant"},
		"a tenant with a line feed":    {b.token(map[string]any{"tenant": "acme\nX-Tenant-Tier: enterprise"}), "unknown_tenant"},
		"encrypted (five parts)":       {whole[0] + ".a.b.c." + whole[2], "invalid_key"},
		"two parts":                    {whole[0] + "." + whole[1], "invalid_key"},
		"a signature for ciphers only": {sign(t, "RS256", good.Key, withKid("cipher"), b.claims(nil)), "invalid_token"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b.refused(t, c.token, 403, c.code)
		})
	}
}

func TestClockSkew(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	now := b.clock().Unix()
	b.accepted(t, b.token(map[string]any{"exp": now - 20, "nbf": now - 100}))
	b.accepted(t, b.token(map[string]any{"nbf": now + 20, "iat": now + 20}))
	b.refused(t, b.token(map[string]any{"exp": now - 40}), 403, "token_expired")
	b.refused(t, b.token(map[string]any{"nbf": now + 40}), 403, "invalid_token")
}

func TestClaimsBecomeRights(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *config.OIDC) {
		c.TenantClaim, c.AutoTenant, c.TierClaim, c.ScopesClaim, c.ScopePrefix = "org.id", true, "https://example.com/tier", "scope", "omni:"
	})
	org := func(id string, more map[string]any) map[string]any {
		c := map[string]any{"org": map[string]any{"id": id}}
		maps.Copy(c, more)
		return c
	}
	for name, c := range map[string]struct {
		claims       map[string]any
		tier, scopes string
	}{
		"the store's tier rules": {org("acme", map[string]any{"https://example.com/tier": "enterprise", "scope": "omni:predict omni:usage email predict"}), "pro", "[predict usage]"},
		"a new tenant":           {org("new", map[string]any{"https://example.com/tier": "enterprise", "scope": []any{"omni:*", 7}}), "enterprise", "[*]"},
		"a new one, no tier":     {org("new", map[string]any{"scope": 7}), "free", "[]"},
		"a new one, bad tier":    {org("new", map[string]any{"https://example.com/tier": "Not A Tier", "scope": ""}), "free", "[]"},
		"no scopes":              {org("acme", nil), "pro", "[]"},
	} {
		p := b.accepted(t, b.token(c.claims))
		if p.Tier != c.tier || fmt.Sprint(p.Scopes) != c.scopes {
			t.Errorf("%s: %+v", name, p)
		}
	}
	b.refused(t, b.token(org("gone", nil)), 403, "unknown_tenant")
	b.refused(t, b.token(org("dark", nil)), 503, "keys_unavailable")
	b.refused(t, b.token(map[string]any{"org": "acme"}), 403, "unknown_tenant")
}

// TestKeyRotation: a token of a new key is let in at once, and unknown ids do
// not make us ask the issuer again and again.
func TestKeyRotation(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.accepted(t, b.token(nil))
	next := private(t, "next", "RS256")
	b.issuer.set(func(i *issuer) { i.keys = append(i.keys, next) })
	fresh := sign(t, "RS256", next.Key, map[jose.HeaderKey]any{"kid": "next"}, b.claims(nil))
	b.refused(t, fresh, 403, "invalid_token") // asked a moment ago
	b.pass(2 * time.Minute)
	waitFor(t, func() bool { _, err := b.auth.Authenticate(t.Context(), fresh); return err == nil })
	b.accepted(t, b.token(nil))
	asked := b.issuer.count()
	for n := range 50 {
		b.refused(t, sign(t, "RS256", next.Key, map[jose.HeaderKey]any{"kid": fmt.Sprint("made-up-", n)}, b.claims(nil)), 403, "invalid_token")
	}
	if again := b.issuer.count(); again != asked {
		t.Errorf("fifty unknown ids made us ask %d times", again-asked)
	}
	b.issuer.set(func(i *issuer) { i.keys = []jose.JSONWebKey{next} })
	b.pass(2 * time.Minute)
	b.refused(t, sign(t, "RS256", next.Key, map[jose.HeaderKey]any{"kid": "made-up"}, b.claims(nil)), 403, "invalid_token")
	waitFor(t, func() bool { return b.auth.Stats().Keys == 1 })
	b.refused(t, b.token(nil), 403, "invalid_token") // the old key is withdrawn
}

// TestIssuerOutage: the last keys serve for a bounded time, and it is over by
// itself.
func TestIssuerOutage(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *config.OIDC) {
		c.JWKSRefresh, c.JWKSMaxAge = config.Duration(time.Second), config.Duration(time.Hour)
	})
	b.accepted(t, b.token(nil))
	b.issuer.set(func(i *issuer) { i.broken = true })
	waitFor(t, func() bool { return b.auth.Stats().FetchErrors > 0 })
	b.accepted(t, b.token(nil))
	b.pass(2 * time.Hour)
	b.refused(t, b.token(nil), 503, "keys_unavailable")
	b.issuer.set(func(i *issuer) { i.broken = false })
	waitFor(t, func() bool { _, err := b.auth.Authenticate(t.Context(), b.token(nil)); return err == nil })
	if log := b.log.String(); !strings.Contains(log, "cannot be fetched") || !strings.Contains(log, "well again") {
		t.Errorf("the log says %s", log)
	}
}

// TestStartWithoutIssuer: nobody waits for an issuer that is away, and it is
// found when it comes.
func TestStartWithoutIssuer(t *testing.T) {
	t.Parallel()
	key := private(t, "one", "RS256")
	i := newIssuer(t, key)
	i.set(func(i *issuer) { i.broken = true })
	b := setupWith(t, i, key, nil)
	b.refused(t, b.token(nil), 503, "keys_unavailable")
	b.accepted(t, "omni_key")
	i.set(func(i *issuer) { i.broken = false })
	waitFor(t, func() bool { _, err := b.auth.Authenticate(t.Context(), b.token(nil)); return err == nil })
}

// TestWhatAnIssuerMaySay: answers that must not replace good keys.
func TestWhatAnIssuerMaySay(t *testing.T) {
	t.Parallel()
	for name, says := range map[string]map[string]any{
		"another issuer":   {"issuer": "https://evil.example.com", "jwks_uri": "https://evil.example.com/keys"},
		"no keys":          {"keys": []any{}},
		"nothing":          {},
		"a strange scheme": {"issuer": "", "jwks_uri": "file:///etc/passwd"},
		"too much":         {"keys": strings.Repeat("x", 2<<20)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, func(c *config.OIDC) { c.JWKSRefresh = config.Duration(time.Second) })
			b.accepted(t, b.token(nil))
			b.issuer.set(func(i *issuer) { i.says = says })
			waitFor(t, func() bool { return b.auth.Stats().FetchErrors > 0 })
			b.accepted(t, b.token(nil))
		})
	}
}

func TestUnknownScopeInConfig(t *testing.T) {
	t.Parallel()
	_, err := oidc.New(t.Context(), oidc.Options{Config: config.OIDC{Scopes: []string{"everything"}}, Keys: tenants{}, Log: slog.New(slog.DiscardHandler)})
	if err == nil {
		t.Error("accepted")
	}
}

func waitFor(t *testing.T, done func() bool) {
	t.Helper()
	for stop := time.Now().Add(60 * time.Second); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(stop) {
			t.Fatal("waited in vain")
		}
	}
}

// FuzzToken: whatever is presented, the answer is a refusal without a trace of
// it, and nothing breaks.
func FuzzToken(f *testing.F) {
	for _, seed := range []string{"eyJ..", "eyJhbGciOiJub25lIn0.e30.", "eyJhbGciOiJSUzI1NiIsImtpZCI6Im9uZSJ9.eyJleHAiOjF9.AAAA"} {
		f.Add(seed)
	}
	a, err := oidc.New(f.Context(), oidc.Options{
		Config: config.Config{OIDC: config.OIDC{Issuer: "https://127.0.0.1:1", Audience: []string{"omni"}}}.WithDefaults().OIDC,
		Keys:   tenants{}, Log: slog.New(slog.DiscardHandler), Cooldown: time.Hour,
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(a.Close)
	f.Fuzz(func(t *testing.T, presented string) {
		p, err := a.Authenticate(t.Context(), presented)
		if presented == "omni_key" {
			return
		}
		var e *api.Error
		if !errors.As(err, &e) || p.Tenant != "" {
			t.Fatalf("%+v, %v", p, err)
		}
	})
}
