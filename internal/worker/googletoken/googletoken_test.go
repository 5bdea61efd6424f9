package googletoken_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/omni-run/omni/internal/worker/googletoken"
)

const (
	audience = "https://worker.example.com"
	account  = "gateway@project.iam.gserviceaccount.com"
)

var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// certs serves signing keys as Google does, and counts who asks.
type certs struct {
	*httptest.Server
	mu    sync.Mutex
	keys  []jose.JSONWebKey
	asked int
	down  bool
}

func newCerts(t *testing.T, keys ...jose.JSONWebKey) *certs {
	t.Helper()
	c := &certs{keys: keys}
	c.Server = httptest.NewServer(c)
	t.Cleanup(c.Close)
	return c
}

func (c *certs) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked++
	if c.down {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	set := jose.JSONWebKeySet{}
	for _, k := range c.keys {
		set.Keys = append(set.Keys, k.Public())
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "public, max-age=20000")
	_ = json.NewEncoder(w).Encode(set)
}

func (c *certs) set(change func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change()
}

func newKey(t *testing.T, id string) jose.JSONWebKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return jose.JSONWebKey{Key: key, KeyID: id, Algorithm: "RS256", Use: "sig"}
}

func sign(t *testing.T, algorithm jose.SignatureAlgorithm, key any, claims map[string]any) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign(raw)
	if err != nil {
		t.Fatal(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// claims are those of a good token, but for the changes.
func claims(changes map[string]any) map[string]any {
	c := map[string]any{
		"iss": "https://accounts.google.com", "aud": audience, "azp": "1234", "sub": "1234", "email": account, "email_verified": true,
		"iat": now.Add(-time.Minute).Unix(), "exp": now.Add(time.Hour).Unix(),
	}
	maps.Copy(c, changes)
	return c
}

func verifier(t *testing.T, c *certs) *googletoken.Verifier {
	t.Helper()
	v, err := googletoken.New(t.Context(), googletoken.Options{
		Audience: audience, Accounts: []string{account}, KeysURL: c.URL, Now: func() time.Time { return now },
	})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func bearer(token string) http.Header { return http.Header{"Authorization": {"Bearer " + token}} }

func TestVerify(t *testing.T) {
	t.Parallel()
	key, other := newKey(t, "k1"), newKey(t, "k1")
	v := verifier(t, newCerts(t, key))
	good := sign(t, jose.RS256, key, claims(nil))
	tampered := good[:len(good)-400] + "A" + good[len(good)-399:]
	for name, c := range map[string]struct {
		header http.Header
		ok     bool
	}{
		"good":                  {bearer(good), true},
		"without a scheme":      {bearer(sign(t, jose.RS256, key, claims(map[string]any{"iss": "accounts.google.com"}))), true},
		"nothing":               {http.Header{}, false},
		"basic":                 {http.Header{"Authorization": {"Basic eA=="}}, false},
		"garbage":               {bearer("a.b.c"), false},
		"tampered":              {bearer(tampered), false},
		"another's signature":   {bearer(sign(t, jose.RS256, other, claims(nil))), false},
		"no signature":          {bearer("eyJhbGciOiJub25lIn0." + "eyJpc3MiOiJodHRwczovL2FjY291bnRzLmdvb2dsZS5jb20ifQ" + "."), false},
		"HMAC with the modulus": {bearer(sign(t, jose.HS256, key.Key.(*rsa.PrivateKey).N.Bytes(), claims(nil))), false},
		"PS256":                 {bearer(sign(t, jose.PS256, key.Key, claims(nil))), false},
		"another issuer":        {bearer(sign(t, jose.RS256, key, claims(map[string]any{"iss": "https://evil.example.com"}))), false},
		"another audience":      {bearer(sign(t, jose.RS256, key, claims(map[string]any{"aud": "https://other.example.com"}))), false},
		"over":                  {bearer(sign(t, jose.RS256, key, claims(map[string]any{"exp": now.Add(-time.Second).Unix()}))), false},
		"no end":                {bearer(sign(t, jose.RS256, key, claims(map[string]any{"exp": nil}))), false},
		"another account":       {bearer(sign(t, jose.RS256, key, claims(map[string]any{"email": "evil@project.iam.gserviceaccount.com"}))), false},
		"unverified account":    {bearer(sign(t, jose.RS256, key, claims(map[string]any{"email_verified": false}))), false},
		"no account":            {bearer(sign(t, jose.RS256, key, claims(map[string]any{"email": nil}))), false},
	} {
		err := v.Verify(t.Context(), c.header)
		if (err == nil) != c.ok || (err != nil && !errors.Is(err, googletoken.ErrUntrusted)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Keys are fetched once, kept while their server is away, and fetched anew
// when a token is signed by one that is not known.
func TestKeysAreKeptAndRotated(t *testing.T) {
	t.Parallel()
	first, second := newKey(t, "k1"), newKey(t, "k2")
	c := newCerts(t, first)
	v := verifier(t, c)
	for range 5 {
		if err := v.Verify(t.Context(), bearer(sign(t, jose.RS256, first, claims(nil)))); err != nil {
			t.Fatal(err)
		}
	}
	if c.asked != 1 {
		t.Errorf("the keys were fetched %d times", c.asked)
	}
	c.set(func() { c.down = true })
	if err := v.Verify(t.Context(), bearer(sign(t, jose.RS256, first, claims(nil)))); err != nil {
		t.Errorf("with known keys and their server away: %v", err)
	}
	if err := v.Verify(t.Context(), bearer(sign(t, jose.RS256, second, claims(nil)))); !errors.Is(err, googletoken.ErrUntrusted) {
		t.Errorf("a key that cannot be fetched: %v", err)
	}
	c.set(func() { c.down, c.keys = false, []jose.JSONWebKey{second} })
	if err := v.Verify(t.Context(), bearer(sign(t, jose.RS256, second, claims(nil)))); err != nil {
		t.Errorf("after a rotation: %v", err)
	}
}

func TestHalfASettingIsRefused(t *testing.T) {
	t.Parallel()
	for _, o := range []googletoken.Options{{Audience: audience}, {Accounts: []string{account}}, {}} {
		if _, err := googletoken.New(t.Context(), o); err == nil {
			t.Errorf("accepted %+v", o)
		}
	}
}
