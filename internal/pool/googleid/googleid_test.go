package googleid_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/omni-run/omni/internal/pool/googleid"
)

const audience = "https://worker-abc-ew.a.run.app"

// metadata is a metadata server as far as ID tokens go.
type metadata struct {
	*httptest.Server
	asked  atomic.Int32
	answer atomic.Value // func(w http.ResponseWriter)
}

func newMetadata(t *testing.T) *metadata {
	t.Helper()
	m := &metadata{}
	m.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.asked.Add(1)
		if r.Header.Get("Metadata-Flavor") != "Google" || r.Header.Get("X-Forwarded-For") != "" {
			http.Error(w, "Missing Metadata-Flavor:Google header.", http.StatusForbidden)
			return
		}
		if r.URL.Path != "/computeMetadata/v1/instance/service-accounts/default/identity" || r.URL.Query().Get("audience") != audience {
			t.Errorf("asked for %s", r.URL)
		}
		w.Header().Set("Metadata-Flavor", "Google")
		m.answer.Load().(func(w http.ResponseWriter))(w)
	}))
	t.Cleanup(m.Close)
	return m
}

func (m *metadata) says(answer func(w http.ResponseWriter)) { m.answer.Store(answer) }

func (m *metadata) source(now func() time.Time) *googleid.Source {
	return googleid.New(audience, func(name string) string {
		return map[string]string{"GCE_METADATA_HOST": strings.TrimPrefix(m.URL, "http://")}[name]
	}, now)
}

func token(exp time.Time, n int) string {
	enc := base64.RawURLEncoding.EncodeToString
	return enc([]byte(`{"alg":"RS256"}`)) + "." + enc(fmt.Appendf(nil, `{"exp":%d,"n":%d}`, exp.Unix(), n)) + ".c2ln"
}

type clock struct{ at atomic.Int64 }

func (c *clock) now() time.Time          { return time.Unix(c.at.Load(), 0) }
func (c *clock) advance(d time.Duration) { c.at.Add(int64(d / time.Second)) }

func TestTokenIsKeptAndRenewed(t *testing.T) {
	t.Parallel()
	m, c := newMetadata(t), &clock{}
	c.at.Store(1_700_000_000)
	var n atomic.Int32
	m.says(func(w http.ResponseWriter) { fmt.Fprint(w, token(c.now().Add(time.Hour), int(n.Add(1)))) })
	s := m.source(c.now)
	var wg sync.WaitGroup
	tokens := make([]string, 50)
	for i := range tokens {
		wg.Go(func() {
			h := http.Header{}
			if err := s.Authorize(t.Context(), h); err != nil {
				t.Error(err)
			}
			if tokens[i] = h.Get("Authorization"); h.Get("X-Serverless-Authorization") != tokens[i] {
				t.Error(h)
			}
		})
	}
	wg.Wait()
	for _, got := range tokens {
		if got != tokens[0] || !strings.HasPrefix(got, "Bearer ey") {
			t.Errorf("%q and %q", got, tokens[0])
		}
	}
	if got := m.asked.Load(); got != 1 {
		t.Errorf("asked %d times for 50 calls", got)
	}
	c.advance(54 * time.Minute)
	if got, err := s.Token(t.Context()); err != nil || "Bearer "+got != tokens[0] {
		t.Errorf("%q %v", got, err)
	}
	// Near the end it is renewed, and no call waits for that.
	release := make(chan struct{})
	m.says(func(w http.ResponseWriter) { <-release; fmt.Fprint(w, token(c.now().Add(time.Hour), int(n.Add(1)))) })
	c.advance(2 * time.Minute)
	if got, err := s.Token(t.Context()); err != nil || "Bearer "+got != tokens[0] {
		t.Errorf("%q %v", got, err)
	}
	close(release)
	for {
		got, err := s.Token(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if "Bearer "+got != tokens[0] {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if got := m.asked.Load(); got != 2 {
		t.Errorf("asked %d times", got)
	}
}

func TestTroubleWithTheMetadataServer(t *testing.T) {
	t.Parallel()
	m, c := newMetadata(t), &clock{}
	c.at.Store(1_700_000_000)
	s := m.source(c.now)
	for name, answer := range map[string]func(w http.ResponseWriter){
		"status":   func(w http.ResponseWriter) { w.WriteHeader(500) },
		"no token": func(w http.ResponseWriter) { fmt.Fprint(w, "hello") },
		"not base": func(w http.ResponseWriter) { fmt.Fprint(w, "a.!!.c") },
		"no expiry": func(w http.ResponseWriter) {
			fmt.Fprint(w, "a."+base64.RawURLEncoding.EncodeToString([]byte(`{}`))+".c")
		},
		"two lines": func(w http.ResponseWriter) {
			fmt.Fprint(w, strings.Replace(token(c.now().Add(time.Hour), 1), ".c2", ".c\n2", 1))
		},
		"over": func(w http.ResponseWriter) { fmt.Fprint(w, token(c.now().Add(-time.Hour), 1)) },
		"flavour": func(w http.ResponseWriter) {
			w.Header().Del("Metadata-Flavor")
			fmt.Fprint(w, token(c.now().Add(time.Hour), 1))
		},
	} {
		m.says(answer)
		c.advance(time.Minute)
		if got, err := s.Token(t.Context()); err == nil {
			t.Errorf("%s: got %q", name, got)
		}
	}
	asked := m.asked.Load()
	if _, err := s.Token(t.Context()); err == nil || m.asked.Load() != asked {
		t.Error("asked again at once")
	}
	m.says(func(w http.ResponseWriter) { fmt.Fprint(w, token(c.now().Add(time.Hour), 7)) })
	c.advance(time.Minute)
	first, err := s.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// A token outlives an outage that is shorter than it.
	m.says(func(w http.ResponseWriter) { w.WriteHeader(500) })
	c.advance(57 * time.Minute)
	if got, err := s.Token(t.Context()); err != nil || got != first {
		t.Errorf("%q %v", got, err)
	}
	c.advance(10 * time.Minute)
	if got, err := s.Token(t.Context()); err == nil {
		t.Errorf("a token that has ended was used: %q", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c.advance(time.Minute)
	release := make(chan struct{})
	defer close(release)
	m.says(func(http.ResponseWriter) { <-release })
	if _, err := s.Token(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func FuzzToken(f *testing.F) {
	f.Add("a.b.c")
	f.Add(token(time.Unix(1_800_000_000, 0), 1))
	f.Fuzz(func(t *testing.T, text string) {
		m := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Metadata-Flavor", "Google")
			fmt.Fprint(w, text)
		}))
		defer m.Close()
		now := time.Unix(1_700_000_000, 0)
		s := googleid.New(audience, func(string) string { return strings.TrimPrefix(m.URL, "http://") }, func() time.Time { return now })
		got, err := s.Token(t.Context())
		if err == nil && got != strings.TrimSpace(text) {
			t.Errorf("%q became %q", text, got)
		}
		if err == nil && strings.ContainsFunc(got, func(r rune) bool { return r <= ' ' || r > '~' }) {
			t.Errorf("%q cannot stand in a header", got)
		}
	})
}
