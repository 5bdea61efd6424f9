package idempotency

import (
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/omni-run/omni/internal/postgres/postgrestest"
)

// Two gateways on one database: what one answered the other repeats, of calls
// at both one runs, and neither meddles with the other's claims.
func TestTwoGateways(t *testing.T) {
	t.Parallel()
	server := postgrestest.Start(t)
	url := server.NewDatabase(t)
	one, other := openDatabase(t, url, nil), openDatabase(t, url, nil)
	ctx := t.Context()
	var wait sync.WaitGroup
	var ran atomic.Int32
	var runs atomic.Pointer[Shared]
	for i := range 40 {
		s := []*Shared{one, other}[i%2]
		wait.Go(func() {
			a, err := s.Begin(ctx, "t", "k", []byte("f"), time.Minute)
			switch {
			case err == nil && a == nil:
				ran.Add(1)
				runs.Store(s)
			case code(err) != "idempotency_in_progress":
				t.Errorf("%v %v", a, err)
			}
		})
	}
	wait.Wait()
	if ran.Load() != 1 {
		t.Fatalf("%d calls ran", ran.Load())
	}
	mine, theirs := runs.Load(), one
	if mine == one {
		theirs = other
	}
	if err := theirs.Abandon(ctx, "t", "k"); err != nil {
		t.Fatal(err)
	}
	if err := theirs.Finish(ctx, "t", "k", Answer{Status: 200, Body: []byte("not mine")}); err != nil {
		t.Fatal(err)
	}
	if _, err := theirs.Begin(ctx, "t", "k", []byte("f"), time.Minute); code(err) != "idempotency_in_progress" {
		t.Errorf("a claim was touched by who did not make it: %v", err)
	}
	if err := mine.Finish(ctx, "t", "k", Answer{Status: 201, Header: http.Header{"A": {"b"}}, Body: []byte("mine")}); err != nil {
		t.Fatal(err)
	}
	for _, s := range []*Shared{one, other} {
		a, err := s.Begin(ctx, "t", "k", []byte("f"), time.Minute)
		if err != nil || a == nil || a.Status != 201 || string(a.Body) != "mine" || a.Header.Get("A") != "b" {
			t.Errorf("%+v %v", a, err)
		}
	}
}

// Who comes too late to store an answer does not overwrite that of the call
// that ran in its place.
func TestALostLease(t *testing.T) {
	t.Parallel()
	server := postgrestest.Start(t)
	url := server.NewDatabase(t)
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	slow, quick := openDatabase(t, url, clock), openDatabase(t, url, clock)
	ctx := t.Context()
	if a, err := slow.Begin(ctx, "t", "k", []byte("f"), time.Minute); a != nil || err != nil {
		t.Fatal(a, err)
	}
	now = now.Add(time.Minute + time.Millisecond)
	if a, err := quick.Begin(ctx, "t", "k", []byte("f"), time.Minute); a != nil || err != nil {
		t.Fatalf("the claim of a gateway that died outlives its lease: %v %v", a, err)
	}
	if err := slow.Finish(ctx, "t", "k", Answer{Status: 200, Body: []byte("late")}); err != nil {
		t.Fatal(err)
	}
	if err := quick.Finish(ctx, "t", "k", Answer{Status: 200, Body: []byte("first")}); err != nil {
		t.Fatal(err)
	}
	if a, err := slow.Begin(ctx, "t", "k", []byte("f"), time.Minute); err != nil || a == nil || string(a.Body) != "first" {
		t.Errorf("%+v %v", a, err)
	}
}

// A server that is killed: calls are refused, not run unguarded; when it is
// back, what was kept is there.
func TestServerGoesAndComes(t *testing.T) {
	t.Parallel()
	server := postgrestest.Start(t)
	s := openDatabase(t, server.NewDatabase(t), nil)
	ctx := t.Context()
	if _, err := s.Begin(ctx, "t", "kept", []byte("f"), time.Minute); err != nil {
		t.Fatal(err)
	}
	if err := s.Finish(ctx, "t", "kept", Answer{Status: 200, Body: []byte("1")}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Begin(ctx, "t", "running", []byte("f"), time.Minute); err != nil {
		t.Fatal(err)
	}
	server.Kill()
	if a, err := s.Begin(ctx, "t", "new", []byte("f"), time.Minute); a != nil || code(err) != "storage_busy" {
		t.Errorf("without a server: %v %v", a, err)
	}
	if err := s.Finish(ctx, "t", "running", Answer{Status: 200}); code(err) != "storage_busy" {
		t.Errorf("an answer that cannot be kept: %v", err)
	}
	if err := server.Restart(ctx); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(20 * time.Second)
	for {
		a, err := s.Begin(ctx, "t", "kept", []byte("f"), time.Minute)
		if err == nil {
			if a == nil || string(a.Body) != "1" {
				t.Errorf("%+v", a)
			}
			break
		}
		if code(err) != "storage_busy" || time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond)
	}
	if _, err := s.Begin(ctx, "t", "running", []byte("f"), time.Minute); code(err) != "idempotency_in_progress" {
		t.Errorf("a claim was lost with the server: %v", err)
	}
}

func TestSweepDropsWhatIsOver(t *testing.T) {
	t.Parallel()
	server := postgrestest.Start(t)
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	s := openDatabase(t, server.NewDatabase(t), func() time.Time { return now })
	ctx := t.Context()
	for _, key := range []string{"a", "b", "c"} {
		if _, err := s.Begin(ctx, "t", key, []byte("f"), time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	now = now.Add(time.Hour)
	s.mu.Lock()
	s.swept = time.Time{}
	s.mu.Unlock()
	if _, err := s.Begin(ctx, "t", "d", []byte("f"), time.Minute); err != nil {
		t.Fatal(err)
	}
	s.sweeping.Wait()
	var n int
	if err := s.db.QueryRow(ctx, "SELECT count(*) FROM omni_replays").Scan(&n); err != nil || n != 1 {
		t.Errorf("%d rows are left, want that of the call that runs; %v", n, err)
	}
}
