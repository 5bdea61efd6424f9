package idempotency

import (
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/postgres/postgrestest"
)

// store is what both kinds promise.
type store interface {
	Begin(ctx context.Context, tenant, key string, fingerprint []byte, lease time.Duration) (*Answer, error)
	Finish(ctx context.Context, tenant, key string, a Answer) error
	Abandon(ctx context.Context, tenant, key string) error
	Close() error
}

func closing(t *testing.T, s store) {
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

func openFile(t *testing.T, now func() time.Time) store {
	t.Helper()
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "idempotency.db"), now)
	if err != nil {
		t.Fatal(err)
	}
	closing(t, s)
	return s
}

func openDatabase(t *testing.T, url string, now func() time.Time) *Shared {
	t.Helper()
	s, err := OpenShared(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	s.now = now
	closing(t, s)
	return s
}

// TestContract runs what every store promises on both kinds.
func TestContract(t *testing.T) {
	t.Parallel()
	server := postgrestest.Start(t)
	for name, open := range map[string]func(t *testing.T, now func() time.Time) store{
		"sqlite":   openFile,
		"postgres": func(t *testing.T, now func() time.Time) store { return openDatabase(t, server.NewDatabase(t), now) },
	} {
		for what, test := range map[string]func(t *testing.T, open func(t *testing.T, now func() time.Time) store){
			"life of a key": lifeOfAKey, "one of many": oneOfManyRuns, "clock stepping back": clockSteppingBack,
		} {
			t.Run(name+"/"+what, func(t *testing.T) {
				t.Parallel()
				test(t, open)
			})
		}
	}
}

func code(err error) string {
	var e *api.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

func lifeOfAKey(t *testing.T, open func(t *testing.T, now func() time.Time) store) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	ctx, s := t.Context(), open(t, func() time.Time { return now })
	begin := func(tenant, fingerprint string) (*Answer, error) {
		return s.Begin(ctx, tenant, "k", []byte(fingerprint), time.Minute)
	}
	if a, err := begin("a", "f"); a != nil || err != nil {
		t.Fatalf("first: %v, %v", a, err)
	}
	if _, err := begin("a", "f"); code(err) != "idempotency_in_progress" {
		t.Fatalf("while running: %v", err)
	}
	if _, err := begin("a", "g"); code(err) != "idempotency_key_reused" {
		t.Fatalf("another body: %v", err)
	}
	if a, err := begin("b", "g"); a != nil || err != nil {
		t.Fatalf("another tenant's key of the same name: %v, %v", a, err)
	}
	want := Answer{Status: 201, Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte(`{}`)}
	if err := s.Finish(ctx, "a", "k", want); err != nil {
		t.Fatal(err)
	}
	a, err := begin("a", "f")
	if err != nil || a == nil || a.Status != 201 || string(a.Body) != `{}` || a.Header.Get("Content-Type") != "application/json" {
		t.Fatalf("replay: %+v, %v", a, err)
	}
	if err := s.Abandon(ctx, "a", "k"); err != nil {
		t.Fatal(err)
	}
	if a, err = begin("a", "f"); a == nil || err != nil {
		t.Fatal("abandoning took away a finished answer")
	}
	now = now.Add(Keep + time.Second)
	if a, err = begin("a", "g"); a != nil || err != nil {
		t.Fatalf("after a day the key is free: %v, %v", a, err)
	}
	if err := s.Abandon(ctx, "a", "k"); err != nil {
		t.Fatal(err)
	}
	if a, err = begin("a", "h"); a != nil || err != nil {
		t.Fatalf("after abandoning: %v, %v", a, err)
	}
	now = now.Add(time.Minute + time.Second)
	if a, err = begin("a", "i"); a != nil || err != nil {
		t.Fatalf("a claim outlives its lease: %v, %v", a, err)
	}
}

func oneOfManyRuns(t *testing.T, open func(t *testing.T, now func() time.Time) store) {
	s := open(t, time.Now)
	var (
		wg  sync.WaitGroup
		ran atomic.Int32
	)
	for range 20 {
		wg.Go(func() {
			a, err := s.Begin(t.Context(), "a", "k", []byte("f"), time.Minute)
			switch {
			case a == nil && err == nil:
				ran.Add(1)
			case code(err) != "idempotency_in_progress":
				t.Errorf("%v, %v", a, err)
			}
		})
	}
	wg.Wait()
	if ran.Load() != 1 {
		t.Fatalf("%d calls ran", ran.Load())
	}
}

// A clock that steps back keeps stored answers longer, never shorter, and lets
// no call run twice.
func clockSteppingBack(t *testing.T, open func(t *testing.T, now func() time.Time) store) {
	now := time.Date(2026, 1, 10, 0, 0, 0, 0, time.UTC)
	ctx, s := t.Context(), open(t, func() time.Time { return now })
	begin := func(key string) (*Answer, error) {
		return s.Begin(ctx, "a", key, []byte("f"), time.Minute)
	}
	for _, key := range []string{"answered", "running"} {
		if a, err := begin(key); a != nil || err != nil {
			t.Fatalf("%v, %v", a, err)
		}
	}
	if err := s.Finish(ctx, "a", "answered", Answer{Status: 200, Header: http.Header{}, Body: []byte(`1`)}); err != nil {
		t.Fatal(err)
	}
	now = now.Add(-72 * time.Hour)
	if a, err := begin("answered"); err != nil || a == nil || string(a.Body) != "1" {
		t.Errorf("the answer is gone: %v, %v", a, err)
	}
	if _, err := begin("running"); code(err) != "idempotency_in_progress" {
		t.Errorf("a call that runs could run twice: %v", err)
	}
	if a, err := begin("new"); a != nil || err != nil {
		t.Errorf("a new call: %v, %v", a, err)
	}
	now = now.Add(72*time.Hour + Keep)
	if a, err := begin("answered"); a != nil || err != nil {
		t.Errorf("after its time: %v, %v", a, err)
	}
}

// What a process claimed dies with it; what it answered does not.
func TestClaimsOfAFormerProcessAreVoid(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "idempotency.db")
	first, err := Open(t.Context(), path, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"claimed", "answered"} {
		if _, err := first.Begin(t.Context(), "a", key, []byte("f"), time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	if err := first.Finish(t.Context(), "a", "answered", Answer{Status: 200, Body: []byte(`{}`)}); err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second, err := Open(t.Context(), path, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	if a, err := second.Begin(t.Context(), "a", "claimed", []byte("f"), time.Hour); a != nil || err != nil {
		t.Errorf("the claim outlived its process: %v %v", a, err)
	}
	if a, err := second.Begin(t.Context(), "a", "answered", []byte("f"), time.Hour); err != nil || a == nil || a.Status != 200 {
		t.Errorf("the answer is gone: %v %v", a, err)
	}
}
