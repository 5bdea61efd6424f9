package oidc_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// issuer is an identity provider on loopback: discovery, keys, and a pen to
// sign with.
type issuer struct {
	*httptest.Server
	mu   sync.Mutex
	keys []jose.JSONWebKey
	// broken answers 500, or what says instead.
	broken bool
	says   map[string]any
	asked  int
}

func newIssuer(t *testing.T, keys ...jose.JSONWebKey) *issuer {
	t.Helper()
	i := &issuer{keys: keys}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		i.answer(w, map[string]any{"issuer": i.URL, "jwks_uri": i.URL + "/keys"})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		i.mu.Lock()
		i.asked++
		public := make([]any, 0, len(i.keys))
		for _, k := range i.keys {
			if p := k.Public(); p.Valid() {
				public = append(public, p)
				continue
			}
			public = append(public, k) // a shared secret, published by mistake
		}
		i.mu.Unlock()
		i.answer(w, map[string]any{"keys": append(public, map[string]string{"kty": "from the future"})})
	})
	i.Server = httptest.NewServer(mux)
	t.Cleanup(i.Close)
	return i
}

func (i *issuer) answer(w http.ResponseWriter, document map[string]any) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.broken {
		http.Error(w, "out of order", http.StatusInternalServerError)
		return
	}
	if i.says != nil {
		document = i.says
	}
	_ = json.NewEncoder(w).Encode(document)
}

func (i *issuer) set(change func(i *issuer)) {
	i.mu.Lock()
	defer i.mu.Unlock()
	change(i)
}

func (i *issuer) count() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.asked
}

// private makes a signing key with an id.
func private(t *testing.T, id, algorithm string) jose.JSONWebKey {
	t.Helper()
	var key crypto.Signer
	var err error
	switch algorithm {
	case "ES256":
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "EdDSA":
		_, key, err = ed25519.GenerateKey(rand.Reader)
	default:
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	}
	if err != nil {
		t.Fatal(err)
	}
	return jose.JSONWebKey{Key: key, KeyID: id, Algorithm: algorithm, Use: "sig"}
}

// sign makes a token; the head may be added to.
func sign(t *testing.T, algorithm string, key any, head map[jose.HeaderKey]any, claims any) string {
	t.Helper()
	o := (&jose.SignerOptions{}).WithType("JWT")
	for name, v := range head {
		o = o.WithHeader(name, v)
	}
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(algorithm), Key: key}, o)
	if err != nil {
		t.Fatal(err)
	}
	text, err := jwt.Signed(s).Claims(claims).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}
