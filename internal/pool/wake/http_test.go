//go:build unix

package wake_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/omni-run/omni/internal/pool"
	"github.com/omni-run/omni/internal/pool/wake"
)

func TestHTTPKnocksUntilAnswered(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/internal/health" || r.Header.Get("Authorization") != "Bearer id" || r.Header.Get("X-Omni-Worker-Token") != "secret" {
			t.Errorf("called as %s %v", r.URL, r.Header)
		}
		switch calls.Add(1) {
		case 1:
			w.WriteHeader(http.StatusTooManyRequests) // no instance yet
		case 2:
			panic(http.ErrAbortHandler)
		case 3:
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer s.Close()
	log, _ := logger()
	h := &wake.HTTP{
		Name: "w", URL: s.URL + "/internal/health", Token: "secret", Backoff: time.Millisecond, Log: log,
		Authorize: func(_ context.Context, h http.Header) error { h.Set("Authorization", "Bearer id"); return nil },
	}
	stop, ended, needed := kept(t, h)
	eventually(t, "answered", func() bool { return calls.Load() == 4 })
	needed <- struct{}{} // the worker went away in between
	eventually(t, "called once more", func() bool { return calls.Load() == 5 })
	stop(pool.ErrIdle)
	if err := result(t, ended); err != nil {
		t.Fatal(err)
	}
	if n := calls.Load(); n != 5 {
		t.Errorf("%d calls", n)
	}
}

func TestHTTPGivesUpWhatCannotWork(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]string{403: "roles/run.invoker", 401: "identity", 404: "no such worker"} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
		log, _ := logger()
		_, ended, _ := kept(t, &wake.HTTP{Name: "w", URL: s.URL, Log: log})
		if err := result(t, ended); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%d: got %v", status, err)
		}
		s.Close()
	}
}
