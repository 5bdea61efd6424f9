package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// google is a metadata server that makes ID tokens, and the keys to check them
// by.
func google(t *testing.T, email string) (metadataHost, keysURL string) {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	key := jose.JSONWebKey{Key: private, KeyID: "k1", Algorithm: "RS256", Use: "sig"}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: key}, nil)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /computeMetadata/v1/instance/service-accounts/default/identity", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Metadata-Flavor") != "Google" {
			http.Error(w, "Missing Metadata-Flavor:Google header.", http.StatusForbidden)
			return
		}
		claims, _ := json.Marshal(map[string]any{
			"iss": "https://accounts.google.com", "aud": r.URL.Query().Get("audience"), "email": email, "email_verified": true,
			"iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
		})
		signed, err := signer.Sign(claims)
		if err != nil {
			t.Error(err)
			return
		}
		text, err := signed.CompactSerialize()
		if err != nil {
			t.Error(err)
		}
		w.Header().Set("Metadata-Flavor", "Google")
		fmt.Fprint(w, text)
	})
	mux.HandleFunc("GET /oauth2/v3/certs", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{key.Public()}})
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://"), s.URL + "/oauth2/v3/certs"
}

// startWorkerWith starts a worker with these environment variables.
func startWorkerWith(t *testing.T, scheme string, env ...string) *worker {
	t.Helper()
	w := &worker{process: launch(t, binaries.worker, []string{"-listen", "127.0.0.1:0", "-data", t.TempDir()}, env)}
	w.url = scheme + "://" + w.logged("worker listens")["address"].(string)
	return w
}

// A worker that demands a Google ID token answers the gateway whose account
// it knows, and nobody else.
func TestGoogleIdentity(t *testing.T) {
	t.Parallel()
	const account, audience = "gateway@p.iam.gserviceaccount.com", "https://worker.example.com"
	host, keys := google(t, account)
	w := startWorkerWith(t, "http", "OMNI_WORKER_GOOGLE_AUDIENCE="+audience, "OMNI_WORKER_GOOGLE_ACCOUNTS=other@x, "+account, "OMNI_WORKER_GOOGLE_KEYS_URL="+keys)
	yaml := fmt.Sprintf("workers: [{name: one, url: %q, identity: google, audience: %q}]\n", w.url, audience)
	g := startGateway(t, gatewaySetup{yaml: yaml, env: []string{"GCE_METADATA_HOST=" + host}})
	g.want(200, "POST", "/sentiment/analyze", proKey, `{"text":"good"}`)

	if a, err := try("POST", w.url+"/internal/sentiment/analyze", "", `{"text":"good"}`, "X-Tenant-ID", "x"); err != nil || a.status != 401 {
		t.Errorf("without a token: %v %s", err, a)
	}
	strange, _ := google(t, account) // another signature
	foreign := startGateway(t, gatewaySetup{yaml: yaml, env: []string{"GCE_METADATA_HOST=" + strange}})
	foreign.want(502, "POST", "/sentiment/analyze", proKey, `{"text":"good"}`)
	w.logged("a caller is not trusted")
}

// pki writes an authority's certificate and two that it signed.
func pki(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var root *x509.Certificate
	var rootKey *ecdsa.PrivateKey
	for i, name := range []string{"ca", "gateway", "worker"} {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		must(err)
		c := &x509.Certificate{
			SerialNumber: big.NewInt(int64(i + 1)), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
			IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
		}
		if root == nil {
			c.IsCA, c.BasicConstraintsValid, c.KeyUsage, c.ExtKeyUsage = true, true, x509.KeyUsageCertSign, nil
			root, rootKey = c, key
		}
		raw, err := x509.CreateCertificate(rand.Reader, c, root, key.Public(), rootKey)
		must(err)
		der, err := x509.MarshalPKCS8PrivateKey(key)
		must(err)
		must(os.WriteFile(filepath.Join(dir, name+".pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw}), 0o600))
		must(os.WriteFile(filepath.Join(dir, name+".key"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600))
	}
	return dir
}

// A worker that demands a certificate answers the gateway that has one.
func TestMutualTLS(t *testing.T) {
	t.Parallel()
	ours, theirs := pki(t), pki(t)
	w := startWorkerWith(t, "https", "OMNI_WORKER_TLS_CERT="+ours+"/worker.pem", "OMNI_WORKER_TLS_KEY="+ours+"/worker.key", "OMNI_WORKER_TLS_CLIENT_CA="+ours+"/ca.pem")
	gateway := func(ca, own, hold string) *gateway {
		return startGateway(t, gatewaySetup{yaml: fmt.Sprintf(
			"hold: {max_wait: %s}\nworkers: [{name: one, url: %q, tls: {ca_file: %s/ca.pem, cert_file: %s/gateway.pem, key_file: %s/gateway.key}}]\n", hold, w.url, ca, own, own)})
	}
	gateway(ours, ours, "60s").want(200, "POST", "/sentiment/analyze", proKey, `{"text":"good"}`)
	gateway(theirs, ours, "1s").want(503, "POST", "/sentiment/analyze", proKey, `{"text":"good"}`)
	gateway(ours, theirs, "1s").want(503, "POST", "/sentiment/analyze", proKey, `{"text":"good"}`)
}
