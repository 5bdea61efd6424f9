package tlsfiles_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/omni-run/omni/internal/tlsfiles"
)

// authority signs certificates.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T, name string) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{t, cert, key}
}

func (a *authority) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
}

// issue makes a certificate and its key.
func (a *authority) issue(name string) (cert, key []byte) {
	a.t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, a.cert, k.Public(), a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		a.t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

type side struct {
	t     *testing.T
	files tlsfiles.Files
}

func newSide(t *testing.T) *side {
	dir := t.TempDir()
	return &side{t, tlsfiles.Files{CA: filepath.Join(dir, "ca"), Cert: filepath.Join(dir, "cert"), Key: filepath.Join(dir, "key")}}
}

func (s *side) write(path string, content []byte) {
	s.t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func (s *side) has(own, believes *authority, name string) {
	s.t.Helper()
	cert, key := own.issue(name)
	s.write(s.files.Cert, cert)
	s.write(s.files.Key, key)
	s.write(s.files.CA, believes.pem())
}

// ticking is a clock that passes a minute each time it is looked at, so that
// each handshake looks at the files.
func ticking() func() time.Time {
	var n atomic.Int64
	begin := time.Now()
	return func() time.Time { return begin.Add(time.Duration(n.Add(1)) * 2 * time.Second) }
}

func open(t *testing.T, f tlsfiles.Files, log io.Writer) *tlsfiles.Source {
	t.Helper()
	s, err := tlsfiles.Open(f, slog.New(slog.NewTextHandler(log, nil)), ticking())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Both sides know each other by their files, and by the new ones once those
// are changed; strangers are kept out.
func TestMutualTLSFollowsTheFiles(t *testing.T) {
	t.Parallel()
	one, two, evil := newAuthority(t, "one"), newAuthority(t, "two"), newAuthority(t, "evil")
	gateway, worker, stranger := newSide(t), newSide(t), newSide(t)
	gateway.has(one, one, "gateway")
	worker.has(one, one, "worker")
	stranger.has(evil, one, "gateway")
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.TLS.PeerCertificates[0].Subject.CommonName)
	}))
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	server.TLS = open(t, worker.files, io.Discard).Server()
	server.StartTLS()
	defer server.Close()
	var log bytes.Buffer
	ours := open(t, gateway.files, &log)
	get := func(c *tls.Config) (string, error) {
		transport := &http.Transport{TLSClientConfig: c, DisableKeepAlives: true}
		res, err := (&http.Client{Transport: transport}).Get(server.URL)
		if err != nil {
			return "", err
		}
		defer func() { _ = res.Body.Close() }()
		raw, err := io.ReadAll(res.Body)
		return string(raw), err
	}
	want := func(what string, ok bool, c *tls.Config) {
		t.Helper()
		if got, err := get(c); (err == nil && got == "gateway") != ok {
			t.Errorf("%s: %q %v", what, got, err)
		}
	}
	want("both known", true, ours.Client("worker"))
	want("by its address", true, ours.Client("127.0.0.1"))
	want("another name", false, ours.Client("other"))
	want("a stranger", false, open(t, stranger.files, io.Discard).Client("worker"))
	want("no certificate", false, open(t, tlsfiles.Files{CA: gateway.files.CA}, io.Discard).Client("worker"))
	want("the system's authorities", false, open(t, tlsfiles.Files{Cert: gateway.files.Cert, Key: gateway.files.Key}, io.Discard).Client("worker"))

	worker.has(two, two, "worker") // renewed on the worker alone
	want("one side renewed", false, ours.Client("worker"))
	gateway.has(two, two, "gateway")
	want("both renewed", true, ours.Client("worker"))

	gateway.write(gateway.files.Cert, []byte("half a fi"))
	want("with a broken file", true, ours.Client("worker"))
	if !strings.Contains(log.String(), "the former ones stay in force") {
		t.Errorf("not said: %s", &log)
	}
}

func TestFilesAreCheckedAtFirst(t *testing.T) {
	t.Parallel()
	one := newAuthority(t, "one")
	s := newSide(t)
	s.has(one, one, "worker")
	cert, _ := one.issue("other")
	mixed := newSide(t)
	mixed.has(one, one, "worker")
	mixed.write(mixed.files.Cert, cert)
	for name, f := range map[string]tlsfiles.Files{
		"no such authority": {CA: s.files.CA + "x"},
		"a key as one":      {CA: s.files.Key},
		"no key":            {Cert: s.files.Cert},
		"no certificate":    {Key: s.files.Key},
		"another's key":     mixed.files,
	} {
		if _, err := tlsfiles.Open(f, slog.New(slog.DiscardHandler), time.Now); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
