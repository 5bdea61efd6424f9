package sample_test

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/omni-run/omni/internal/cli/csvdata"
	"github.com/omni-run/omni/internal/cli/sample"
)

// gateway notes who called what, and fails the paths that are told to.
type gateway struct {
	*httptest.Server
	mu    sync.Mutex
	calls map[string][]string // by key
	fail  string
}

func start(t *testing.T) *gateway {
	t.Helper()
	g := &gateway{calls: map[string][]string{}}
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.mu.Lock()
		defer g.mu.Unlock()
		key := r.Header.Get("X-API-Key")
		g.calls[key] = append(g.calls[key], r.URL.Path)
		if r.URL.Path == g.fail {
			w.WriteHeader(http.StatusUnprocessableEntity)
			io.WriteString(w, `{"status":"error","error":"no","message":"not today"}`)
			return
		}
		if r.Header.Get("Idempotency-Key") == "" || !json.Valid(body(r)) {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		io.WriteString(w, `{"status":"success"}`)
	}))
	t.Cleanup(g.Close)
	return g
}

func body(r *http.Request) []byte {
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return nil
	}
	return raw
}

var tenants = []sample.Tenant{{Name: "a", Key: "key-a"}, {Name: "b", Key: "key-b"}}

func TestLoadsOnce(t *testing.T) {
	t.Parallel()
	g := start(t)
	l := &sample.Loader{URL: g.URL, Marker: filepath.Join(t.TempDir(), "sample.json"), Log: slog.New(slog.DiscardHandler)}
	for range 2 {
		if err := l.Load(t.Context(), tenants); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{
		"/recommend/items", "/recommend/interactions", "/vectors/upsert", "/agents/register", "/agents/register",
		"/agents/register", "/agents/register", "/agents/register", "/recommend/train",
	}
	for _, key := range []string{"key-a", "key-b"} {
		if !slices.Equal(g.calls[key], want) {
			t.Errorf("%s called %v", key, g.calls[key])
		}
	}
}

func TestACutOffLoadIsDoneAgain(t *testing.T) {
	t.Parallel()
	g := start(t)
	g.fail = "/recommend/train"
	marker := filepath.Join(t.TempDir(), "sample.json")
	l := &sample.Loader{URL: g.URL, Marker: marker, Log: slog.New(slog.DiscardHandler)}
	err := l.Load(t.Context(), tenants)
	if err == nil || !strings.Contains(err.Error(), "training") {
		t.Fatal(err)
	}
	if _, err := os.Stat(marker); err == nil {
		t.Fatal("it was noted as loaded")
	}
	g.fail = ""
	if err := l.Load(t.Context(), tenants); err != nil || len(g.calls["key-a"]) != 18 {
		t.Fatalf("%v, %d calls", err, len(g.calls["key-a"]))
	}
	// Half a marker, from a full disk, is none.
	if err := os.WriteFile(marker, []byte(`{"a":`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := l.Load(t.Context(), tenants); err != nil || len(g.calls["key-a"]) != 27 {
		t.Fatalf("%v, %d calls", err, len(g.calls["key-a"]))
	}
}

// The free tenant's share of the rate limit is left to whoever tries it: the
// whole load takes at most half of what a minute allows.
func TestPaceOfTheFreeTenant(t *testing.T) {
	t.Parallel()
	for _, tenant := range sample.Tenants() {
		if tenant.Key == "demo-free-key-12345" && tenant.Pace < time.Minute/50 {
			t.Errorf("one unit each %v", tenant.Pace)
		}
	}
}

func TestData(t *testing.T) {
	t.Parallel()
	items := map[string]bool{}
	for _, i := range sample.Items() {
		if items[i.ItemID] || i.Title == "" || i.Price == nil {
			t.Errorf("%+v", i)
		}
		items[i.ItemID] = true
	}
	events := map[string]bool{}
	for _, e := range sample.Interactions() {
		if events[e.EventID] || !items[e.ItemID] || e.Timestamp.IsZero() || e.Timestamp.Unread != "" {
			t.Errorf("%+v", e)
		}
		events[e.EventID] = true
	}
	if len(items) != 40 || len(events) < 400 || len(sample.Guides()) < 5 || len(sample.Agents()) != 5 {
		t.Errorf("%d items, %d events", len(items), len(events))
	}
	for r, freq := range map[io.Reader]string{sample.Sales(): "MS", sample.Metrics(): "h"} {
		if s, err := csvdata.Read(r, csvdata.Options{}); err != nil || s.Freq() != freq || s.Missing != 0 {
			t.Errorf("%v %v", s, err)
		}
	}
}
