package hold

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"
)

func anyLane(string) bool { return true }

func entry(lane, tenant string, weight float64, value int) *Entry[int] {
	return &Entry[int]{Lane: lane, Tenant: tenant, Weight: weight, Bytes: 10, Value: value}
}

func mustPush(t interface{ Fatalf(string, ...any) }, q *Queue[int], e *Entry[int]) {
	if err := q.Push(e); err != nil {
		t.Fatalf("push: %v", err)
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		limits Limits
		want   error
	}{
		"queue count":  {Limits{Count: 3}, ErrQueueCount},
		"queue bytes":  {Limits{Bytes: 35}, ErrQueueBytes},
		"tenant count": {Limits{TenantCount: 3}, ErrTenantCount},
		"tenant bytes": {Limits{TenantBytes: 35}, ErrTenantBytes},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := New[int](c.limits)
			for i := range 3 {
				mustPush(t, q, entry("s", "a", 1, i))
			}
			if err := q.Push(entry("s", "a", 1, 3)); !errors.Is(err, c.want) {
				t.Fatalf("fourth push: %v, want %v", err, c.want)
			}
			if q.Len() != 3 || q.Bytes() != 30 {
				t.Fatalf("a refused entry is counted: %d entries, %d bytes", q.Len(), q.Bytes())
			}
			q.Pop(anyLane)
			if err := q.Push(entry("s", "a", 1, 3)); err != nil {
				t.Fatalf("no room after a pop: %v", err)
			}
		})
	}
	q := New[int](Limits{TenantCount: 1})
	mustPush(t, q, entry("s", "a", 1, 0))
	if err := q.Push(entry("s", "b", 1, 0)); err != nil {
		t.Fatalf("another tenant is refused: %v", err)
	}
}

// One tenant's backlog of 50 times the other's delays the other by no more
// than its share: with equal weights, every second entry is the other's.
func TestBacklogDoesNotDelayOthers(t *testing.T) {
	t.Parallel()
	q := New[int](Limits{})
	for i := range 500 {
		mustPush(t, q, entry("s", "loud", 1, i))
	}
	for range 100 {
		q.Pop(anyLane)
	}
	for i := range 10 {
		mustPush(t, q, entry("s", "quiet", 1, i))
	}
	last := 0
	for turn, quiet := 1, 0; quiet < 10; turn++ {
		if e := q.Pop(anyLane); e.Tenant == "quiet" {
			quiet, last = quiet+1, turn
		}
	}
	if last > 21 {
		t.Fatalf("the quiet tenant's 10 calls took %d turns, want at most 21", last)
	}
}

func TestWeightsShareTurns(t *testing.T) {
	t.Parallel()
	q := New[int](Limits{})
	weights := map[string]float64{"free": 1, "pro": 4, "enterprise": 16}
	for i := range 1000 {
		for name, w := range weights {
			mustPush(t, q, entry("s", name, w, i))
		}
	}
	served := map[string]float64{}
	for range 630 {
		served[q.Pop(anyLane).Tenant]++
	}
	for name, w := range weights {
		if want := 630 * w / 21; math.Abs(served[name]-want) > w+1 {
			t.Errorf("%s: %v turns of 630, want about %v", name, served[name], want)
		}
	}
}

// A tenant cannot gain by letting its queue run empty between calls.
func TestLeavingDoesNotForgiveDebt(t *testing.T) {
	t.Parallel()
	q := New[int](Limits{})
	for i := range 400 {
		mustPush(t, q, entry("s", "heavy", 100, i))
	}
	mustPush(t, q, entry("s", "light", 1, 0))
	light := 0
	for range 300 {
		if q.Pop(anyLane).Tenant == "light" {
			light++
			mustPush(t, q, entry("s", "light", 1, light))
		}
	}
	if light < 2 || light > 4 {
		t.Fatalf("weight 1 against 100 got %d of 300 turns, want 2 to 4", light)
	}
}

// A lane that was shut for long gives its tenant its credit, not a monopoly.
func TestShutLaneGetsNoBackPayment(t *testing.T) {
	t.Parallel()
	q := New[int](Limits{})
	for i := range 300 {
		mustPush(t, q, entry("loading", "a", 1, i))
		mustPush(t, q, entry("ready", "b", 1, i))
	}
	for range 100 {
		if e := q.Pop(func(l string) bool { return l == "ready" }); e.Lane != "ready" {
			t.Fatalf("popped from a shut lane: %v", e.Lane)
		}
	}
	served := map[string]int{}
	for range 40 {
		served[q.Pop(anyLane).Tenant]++
	}
	if want := (40 - Credit) / 2; served["b"] < want-1 {
		t.Fatalf("after the lane opened b got %d of 40 turns, want about %d", served["b"], want)
	}
	if e := q.Pop(func(string) bool { return false }); e != nil {
		t.Fatalf("popped %v though every lane is shut", e)
	}
}

func TestIdleTenantsAreForgotten(t *testing.T) {
	t.Parallel()
	q := New[int](Limits{})
	for i := range 5000 {
		mustPush(t, q, entry("s", fmt.Sprint("tenant", i), 1, i))
		if i > 10 {
			q.Pop(anyLane)
		}
	}
	if len(q.tenants) > 50 {
		t.Fatalf("%d tenants remembered with %d held", len(q.tenants), q.Len())
	}
	for q.Pop(anyLane) != nil {
	}
	if len(q.tenants) != 0 || len(q.lanes) != 0 || q.Bytes() != 0 {
		t.Fatalf("an empty queue remembers %d tenants, %d lanes", len(q.tenants), len(q.lanes))
	}
}

// A call that comes back is next of its tenant's, whatever the caps say.
func TestAgain(t *testing.T) {
	t.Parallel()
	q := New[int](Limits{Count: 3})
	for i := range 3 {
		mustPush(t, q, entry("s", "a", 1, i))
	}
	first := q.Pop(anyLane)
	mustPush(t, q, entry("s", "a", 1, 3))
	first.Again = true
	mustPush(t, q, first)
	for want := range 4 {
		if got := q.Pop(anyLane).Value; got != want {
			t.Fatalf("popped %d, want %d", got, want)
		}
	}
	if q.Len() != 0 || q.Bytes() != 0 {
		t.Fatalf("%d entries, %d bytes left", q.Len(), q.Bytes())
	}
}

func TestPushTwicePanics(t *testing.T) {
	t.Parallel()
	q := New[int](Limits{})
	e := entry("s", "a", 1, 0)
	mustPush(t, q, e)
	defer func() {
		if recover() == nil {
			t.Fatal("no panic")
		}
	}()
	_ = q.Push(e)
}

// Whatever is pushed, popped and removed: nothing is lost or handed out
// twice, a tenant's calls for a lane leave in order, shut lanes stay shut, the
// sums are right.
func TestModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		limits := Limits{Count: 40, TenantCount: 15}
		q := New[int](limits)
		held := map[int]*Entry[int]{}
		perTenant := map[string]int{}
		lanes := []string{"x", "y", "z"}
		next := 0
		leave := func(e *Entry[int]) {
			if held[e.Value] != e || e.Held() {
				t.Fatalf("entry %d left in error", e.Value)
			}
			delete(held, e.Value)
			perTenant[e.Tenant]--
		}
		t.Repeat(map[string]func(*rapid.T){
			"push": func(t *rapid.T) {
				tenant := rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(t, "tenant")
				weight := rapid.SampledFrom([]float64{1, 2, 10, 0, -1, math.NaN(), math.Inf(1)}).Draw(t, "weight")
				e := entry(rapid.SampledFrom(lanes).Draw(t, "lane"), tenant, weight, next)
				next++
				full := len(held) >= limits.Count || perTenant[tenant] >= limits.TenantCount
				if err := q.Push(e); (err != nil) != full {
					t.Fatalf("push with %d held, %d of the tenant: %v", len(held), perTenant[tenant], err)
				} else if err == nil {
					held[e.Value] = e
					perTenant[tenant]++
				}
			},
			"pop": func(t *rapid.T) {
				open := map[string]bool{}
				for _, l := range lanes {
					open[l] = rapid.Bool().Draw(t, l)
				}
				e := q.Pop(func(l string) bool { return open[l] })
				if e == nil {
					for _, h := range held {
						if open[h.Lane] {
							t.Fatalf("nothing popped though %d waits in an open lane", h.Value)
						}
					}
					return
				}
				if !open[e.Lane] {
					t.Fatalf("popped from a shut lane")
				}
				for _, h := range held {
					if h.Tenant == e.Tenant && h.Lane == e.Lane && h.Value < e.Value {
						t.Fatalf("%d overtook %d of the same tenant and lane", e.Value, h.Value)
					}
				}
				leave(e)
			},
			"remove": func(t *rapid.T) {
				for _, e := range held {
					if !q.Remove(e) || q.Remove(e) {
						t.Fatalf("remove does not work exactly once")
					}
					leave(e)
					return
				}
			},
			"": func(t *rapid.T) {
				if q.Len() != len(held) || q.Bytes() != int64(10*len(held)) {
					t.Fatalf("%d entries, %d bytes, want %d", q.Len(), q.Bytes(), len(held))
				}
			},
		})
	})
}

// Golestani's bound: over any stretch in which two tenants are backlogged, what
// each got divided by its weight differs by no more than one call of each.
func TestFairnessBound(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		wa := rapid.Float64Range(0.1, 50).Draw(t, "weight a")
		wb := rapid.Float64Range(0.1, 50).Draw(t, "weight b")
		lead := rapid.IntRange(0, 200).Draw(t, "turns before b comes")
		q := New[int](Limits{})
		for i := range 600 {
			mustPush(t, q, entry("s", "a", wa, i))
		}
		for range lead {
			q.Pop(anyLane)
		}
		for i := range 600 {
			mustPush(t, q, entry("s", "b", wb, i))
		}
		var a, b float64
		for range 300 {
			if q.Pop(anyLane).Tenant == "a" {
				a++
			} else {
				b++
			}
			if diff := math.Abs(a/wa - b/wb); diff > 1/wa+1/wb+1e-9 {
				t.Fatalf("a got %v at weight %v, b %v at %v: apart by %v", a, wa, b, wb, diff)
			}
		}
	})
}

func BenchmarkPushPop(b *testing.B) {
	q := New[int](Limits{})
	for i := range 10_000 {
		mustPush(b, q, entry("s", fmt.Sprint("tenant", i%1000), 1, i))
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		e := q.Pop(anyLane)
		mustPush(b, q, e)
		i++
	}
}
