package pool

import (
	"io"
	"net/http"
	"slices"
	"testing"
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
