package pool

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

// peers is a pool of n ready workers that are never reached, on a clock that
// the test moves.
func peers(t *testing.T, n int) (p *Pool, now *time.Time) {
	t.Helper()
	at := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	now = &at
	o := Options{Now: func() time.Time { return *now }}
	for i := range n {
		o.Workers = append(o.Workers, Worker{Name: fmt.Sprint("w", i), URL: fmt.Sprintf("http://w%d", i)})
	}
	p, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range p.workers {
		h := healthy(8, "echo")
		p.observe(w, &h, nil, 0)
	}
	at = at.Add(time.Hour)
	p.window = at
	return p, now
}

// run lets a worker answer calls, each in this time, so many of them failing.
func run(p *Pool, now *time.Time, worker, calls, failing int, took time.Duration) {
	for i := range calls {
		w := p.workers[worker]
		p.mu.Lock()
		p.takeLocked(w)
		p.mu.Unlock()
		l := &lease{pool: p, worker: w, service: "echo", began: (*now).Add(-took), status: http.StatusOK}
		if i < failing {
			l.status = http.StatusInternalServerError
		}
		l.release("")
	}
}

func ejected(p *Pool) (names []string) {
	for _, w := range p.Snapshot().Workers {
		if w.State == stateEjected {
			names = append(names, w.Name)
		}
	}
	return names
}

func TestOutliers(t *testing.T) {
	t.Parallel()
	type did struct {
		calls, failing int
		took           time.Duration
	}
	const ms = time.Millisecond
	usual := did{50, 0, 20 * ms}
	for name, c := range map[string]struct {
		workers []did
		want    string
	}{
		"all alike":               {[]did{usual, usual, usual}, "[]"},
		"one fails":               {[]did{usual, {50, 30, 20 * ms}, usual}, "[w1]"},
		"one of two fails":        {[]did{{50, 50, 20 * ms}, usual}, "[w0]"},
		"all fail":                {[]did{{50, 40, ms}, {50, 40, ms}, {50, 40, ms}}, "[]"},
		"few calls":               {[]did{{10, 10, 20 * ms}, usual}, "[]"},
		"one is slow":             {[]did{usual, usual, {50, 0, 200 * ms}}, "[w2]"},
		"slow, but quick enough":  {[]did{{50, 0, ms}, {50, 0, ms}, {50, 0, 40 * ms}}, "[]"},
		"somewhat slower":         {[]did{usual, usual, {50, 0, 90 * ms}}, "[]"},
		"no more than half":       {[]did{usual, usual, usual, {50, 50, ms}, {50, 50, ms}, {50, 50, ms}}, "[w3 w4 w5]"},
		"the only one":            {[]did{{50, 50, 20 * ms}}, "[]"},
		"quick because it fails":  {[]did{{60, 20, ms}, {60, 20, ms}, {60, 59, ms}}, "[w2]"},
		"most fail, one does not": {[]did{usual, {50, 50, ms}, {50, 50, ms}, {50, 50, ms}}, "[]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, now := peers(t, len(c.workers))
			for i, w := range c.workers {
				run(p, now, i, w.calls, w.failing, w.took)
			}
			if got := ejected(p); len(got) != 0 {
				t.Fatalf("before the window ended: %v", got)
			}
			*now = now.Add(11 * time.Second)
			run(p, now, 0, 1, 0, 20*ms) // any call ends the window
			if got := fmt.Sprint(ejected(p)); got != c.want {
				t.Errorf("left out %v, want %v", got, c.want)
			}
		})
	}
}

// A worker that was left out gets one call once its time is over and a probe
// went well, and all of its share when that went well.
func TestAnOutlierComesBack(t *testing.T) {
	t.Parallel()
	p, now := peers(t, 2)
	run(p, now, 0, 50, 50, time.Millisecond)
	run(p, now, 1, 50, 0, time.Millisecond)
	*now = now.Add(11 * time.Second)
	run(p, now, 1, 1, 0, time.Millisecond)
	if got := fmt.Sprint(ejected(p)); got != "[w0]" {
		t.Fatal(got)
	}
	if n := testutil.ToFloat64(p.metrics.outliers.WithLabelValues("w0", reasonErrors)); n != 1 {
		t.Errorf("%v counted", n)
	}
	for range 8 {
		if w := p.pickLocked("echo", nil); w.Name != "w1" {
			t.Fatalf("picked %s", w.Name)
		}
	}
	*now = now.Add(2 * time.Second)
	h := healthy(8, "echo")
	p.observe(p.workers[0], &h, nil, 0)
	if p.workers[0].slots() != 1 {
		t.Errorf("%d slots while it is tried", p.workers[0].slots())
	}
	run(p, now, 0, 1, 0, time.Millisecond)
	if p.workers[0].slots() != 8 || len(ejected(p)) != 0 {
		t.Errorf("%d slots, %v", p.workers[0].slots(), ejected(p))
	}
}

// A worker that has just become ready gets little at first.
func TestSlowStart(t *testing.T) {
	t.Parallel()
	p, now := peers(t, 2)
	h := loading("echo")
	h.MaxConcurrency = 8
	p.observe(p.workers[1], &h, nil, 0)
	h = healthy(8, "echo")
	p.observe(p.workers[1], &h, nil, 0)
	share := func() (n int) {
		for range 8 {
			w := p.pickLocked("echo", nil)
			p.takeLocked(w)
			if w.Name == "w1" {
				n++
			}
		}
		for _, w := range p.workers {
			for w.inFlight > 0 {
				p.giveBackLocked(w)
			}
		}
		return n
	}
	var got []int
	for range 4 {
		got = append(got, share())
		*now = now.Add(5 * time.Second)
	}
	if fmt.Sprint(got) != "[0 2 4 4]" && fmt.Sprint(got) != "[0 3 4 4]" {
		t.Errorf("of 8 calls the new worker got %v, 5 s apart", got)
	}
}
