package pool

import (
	"context"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"pgregory.net/rapid"
)

// A digest's percentiles are those of the times it saw, at most a fifth long.
func TestDigestPercentiles(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		times := rapid.SliceOfN(rapid.Int64Range(0, int64(20*time.Minute)), latencyKnown, latencyKept-1).Draw(t, "times")
		p := rapid.Float64Range(50, 99.9).Draw(t, "percentile")
		var d digest
		for _, took := range times {
			d.note(time.Duration(took))
		}
		slices.Sort(times)
		at := min(len(times)-1, int(p/100*float64(len(times))))
		low := time.Duration(times[max(0, at-1)])
		high := max(time.Duration(times[at]), latencyLeast)
		if got := d.percentile(p); got < low || float64(got) > latencyRatio*float64(high)+1 {
			t.Fatalf("percentile %v of %d times is %v, want %v to %v and a fifth", p, len(times), got, low, high)
		}
	})
}

func TestDigestFollowsTheTimes(t *testing.T) {
	t.Parallel()
	var d digest
	for range latencyKnown - 1 {
		d.note(time.Second)
	}
	if got := d.percentile(95); got != 0 {
		t.Errorf("%d calls say %v", latencyKnown-1, got)
	}
	for range 10 * latencyKept {
		d.note(time.Second)
	}
	for range 10 * latencyKept {
		d.note(10 * time.Millisecond)
	}
	if got := d.percentile(95); got > 13*time.Millisecond {
		t.Errorf("the 95th percentile is still %v", got)
	}
	if d.total >= latencyKept {
		t.Errorf("%d calls kept", d.total)
	}
	var none *digest
	if none.percentile(95) != 0 {
		t.Error("a service nobody called has a percentile")
	}
}

// A call is sent to a second worker when most calls would have been answered,
// without anybody having said how long those take.
func TestHedgeByPercentile(t *testing.T) {
	t.Parallel()
	one, other := newFake(t, healthy(4, "echo")), newFake(t, healthy(4, "echo"))
	p := newPool(t, nil, one.worker("one"), other.worker("other"))
	eventually(t, "both are ready", func() bool { r, _ := p.Counts(); return r == 2 })
	ask := func() *Response {
		r := call("echo", `"x"`)
		r.Idempotent, r.HedgePercentile = true, 95
		resp, err := p.Do(t.Context(), r)
		answered(t, resp, err)
		return resp
	}
	sent := func() float64 { return testutil.ToFloat64(p.metrics.hedges.WithLabelValues("sent")) }
	for range latencyKnown {
		ask()
	}
	if n := sent(); n != 0 {
		t.Fatalf("%v calls were hedged before anything was known of their times", n)
	}
	one.set(func(f *fakeWorker) {
		f.answer = func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // else the server does not notice who leaves
			<-r.Context().Done()
		}
	})
	for range 6 {
		if resp := ask(); resp.WorkerName != "other" {
			t.Errorf("answered by %s, which never answers", resp.WorkerName)
		}
	}
	if n := sent(); n < 1 {
		t.Error("no call was hedged")
	}
	r := call("echo", `"x"`)
	if r.HedgePercentile = 95; p.hedgeAfter(r) != 0 {
		t.Error("a call that must run once would be hedged")
	}
	r.Idempotent, r.Hedge = true, time.Hour
	if after := p.hedgeAfter(r); after != time.Hour {
		t.Errorf("hedged after %v, earlier than the route allows", after)
	}
}

// The second attempt goes out when the tail of the service's own times begins,
// not before: what most calls take is no reason to send any twice.
func TestHedgeWaitsForTheTail(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		networks := map[string]*pipes{"one:80": newPipes(), "other:80": newPipes()}
		var mu sync.Mutex
		var arrived []time.Time
		f := &fakeWorker{t: t, health: healthy(4, "echo"), answer: func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			arrived = append(arrived, time.Now())
			mu.Unlock()
			time.Sleep(500 * time.Millisecond)
			echo(w, r)
		}}
		server := &http.Server{Handler: f}
		for _, n := range networks {
			go func() { _ = server.Serve(n) }()
		}
		p, err := New(Options{
			Workers: []Worker{{Name: "one", URL: "http://one"}, {Name: "other", URL: "http://other"}},
			Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
				return networks[address].dial(ctx, network, address)
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := p.Stop(t.Context()); err != nil {
				t.Error(err)
			}
			_ = server.Close()
		}()
		time.Sleep(15 * time.Second) // both are ready, and past their slow start
		p.mu.Lock()
		for i := range 2000 {
			took := 10 * time.Millisecond
			if i%100 < 3 {
				took = time.Second
			}
			p.latencyLocked("echo", took)
		}
		p.mu.Unlock()
		for _, c := range []struct {
			percentile  float64
			least       time.Duration // the route's own
			low, high   time.Duration // when the second goes out; 0 for never
			description string
		}{
			{95, 0, 10 * time.Millisecond, 12 * time.Millisecond, "most calls"},
			{95, 50 * time.Millisecond, 50 * time.Millisecond, 50 * time.Millisecond, "most calls, and no earlier than the route says"},
			{99, 0, 0, 0, "the tail, which this call is not in"},
			{0, 100 * time.Millisecond, 100 * time.Millisecond, 100 * time.Millisecond, "the route's time alone"},
		} {
			mu.Lock()
			arrived = nil
			mu.Unlock()
			r := call("echo", `"x"`)
			r.Idempotent, r.HedgePercentile, r.Hedge = true, c.percentile, c.least
			resp, err := p.Do(t.Context(), r)
			answered(t, resp, err)
			time.Sleep(time.Second) // the one that was called off has ended, too
			mu.Lock()
			switch at := arrived; {
			case c.high == 0 && len(at) != 1:
				t.Errorf("%s: sent %d times, want once", c.description, len(at))
			case c.high > 0 && len(at) != 2:
				t.Errorf("%s: sent %d times, want twice", c.description, len(at))
			case c.high > 0 && (at[1].Sub(at[0]) < c.low || at[1].Sub(at[0]) > c.high):
				t.Errorf("%s: sent again after %v, want %v to %v", c.description, at[1].Sub(at[0]), c.low, c.high)
			}
			mu.Unlock()
		}
		tail := call("echo", "x")
		tail.Idempotent, tail.HedgePercentile = true, 99
		if after := p.hedgeAfter(tail); after < time.Second || after > 1200*time.Millisecond {
			t.Errorf("the tail begins after %v, want 1 s and at most a fifth", after)
		}
	})
}
