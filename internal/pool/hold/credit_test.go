package hold

import (
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"
)

// next pops an entry of tenant and returns how many of others left before it.
func next(t *testing.T, q *Queue[int], tenant string) (before int) {
	t.Helper()
	for e := q.Pop(anyLane); ; e = q.Pop(anyLane) {
		if e == nil {
			t.Fatalf("no call of %s left", tenant)
		}
		if e.Tenant == tenant {
			return before
		}
		before++
	}
}

// flooded is a queue with a deep backlog of one tenant, of which some is done.
func flooded(t *testing.T) *Queue[int] {
	q := New[int](Limits{})
	for i := range 2000 {
		mustPush(t, q, entry("s", "flood", 1, i))
	}
	mustPush(t, q, entry("s", "known", 1, 0))
	next(t, q, "known")
	for range 100 {
		q.Pop(anyLane)
	}
	return q
}

// A tenant that used less than its share sends a cluster of calls: they overtake
// the backlog, as many as its credit allows.
func TestCreditCarriesACluster(t *testing.T) {
	t.Parallel()
	q := flooded(t)
	for i := range 2 * Credit {
		mustPush(t, q, entry("s", "known", 1, i))
	}
	for i := range 2 * Credit {
		before := next(t, q, "known")
		if i < Credit && before > 0 {
			t.Errorf("call %d, within its credit, waited for %d calls of the backlog", i, before)
		}
		if i > Credit && before != 1 {
			t.Errorf("call %d, past its credit, waited for %d calls, want 1: turn and turn about", i, before)
		}
	}
}

func TestStrangersHaveNoCredit(t *testing.T) {
	t.Parallel()
	q := flooded(t)
	for i := range 50 {
		for k := range 2 {
			mustPush(t, q, entry("s", fmt.Sprint("stranger ", i), 1, k))
		}
	}
	// Each of the 50 has its turn, then the flood its one, and again.
	flood := 0
	for range 101 {
		if q.Pop(anyLane).Tenant == "flood" {
			flood++
		}
	}
	if flood < 1 {
		t.Error("new tenants starve one that waits")
	}
}

// Whoever the callers are and however they come, a tenant that always has calls
// waiting gets its share, less what the others' credit allows once.
func TestCreditIsBounded(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		weight := rapid.Float64Range(0.2, 8).Draw(t, "weight")
		others := rapid.IntRange(1, 12).Draw(t, "others")
		q := New[int](Limits{})
		for i := range 4000 {
			mustPush(t, q, entry("s", "steady", weight, i))
		}
		served, steady := map[string]float64{}, 0.0
		const turns = 1500
		for range turns {
			for range rapid.IntRange(0, 3).Draw(t, "arrivals") {
				name := fmt.Sprint("other ", rapid.IntRange(0, others-1).Draw(t, "who"))
				mustPush(t, q, entry("s", name, 1, 0))
			}
			if e := q.Pop(anyLane); e.Tenant == "steady" {
				steady++
			} else {
				served[e.Tenant]++
			}
		}
		// By the shares alone steady's normalised service is no less than any
		// other's; credit lets each other be ahead by so many calls.
		for name, n := range served {
			if ahead := n - steady/weight; ahead > Credit+1+1/weight+1e-9 {
				t.Fatalf("%s, weight 1, got %v calls and steady, weight %v, %v: ahead by %v", name, n, weight, steady, ahead)
			}
		}
		if sum := steady + total(served); sum != turns {
			t.Fatalf("%v turns of %d", sum, turns)
		}
	})
}

func total(m map[string]float64) (sum float64) {
	for _, v := range m {
		sum += v
	}
	return sum
}

func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	q := flooded(t)
	for i := range 10 * rememberedMost {
		name := fmt.Sprint("tenant ", i)
		mustPush(t, q, entry("s", name, 1, i))
		e := q.Pop(func(string) bool { return true })
		if e.Tenant == "flood" { // keep the backlog
			mustPush(t, q, e)
		}
	}
	for q.Len() > 0 && q.idle.len() <= rememberedMost {
		q.Pop(anyLane)
	}
	if q.Len() > 0 {
		t.Fatalf("%d tenants are remembered, at most %d should be", q.idle.len(), rememberedMost)
	}
	if q.idle.len() != 0 {
		t.Errorf("an empty queue remembers %d tenants", q.idle.len())
	}
}

func TestMemoryForgetsTheOldest(t *testing.T) {
	t.Parallel()
	var m memory
	for i := range rememberedMost + 1 {
		m.keep(fmt.Sprint(i), float64(i))
	}
	if _, known := m.take("0"); known {
		t.Error("the first of too many is still known")
	}
	last := fmt.Sprint(rememberedMost)
	if used, known := m.take(last); !known || used != rememberedMost {
		t.Errorf("the last one: %v, %v", used, known)
	}
	if _, known := m.take(last); known {
		t.Error("what was taken is still there")
	}
}

func TestNoCredit(t *testing.T) {
	t.Parallel()
	q := flooded(t)
	q.SetCredit(math.Inf(-1))
	for i := range 5 {
		mustPush(t, q, entry("s", "known", 1, i))
	}
	for i := range 5 {
		if before := next(t, q, "known"); before > 1 || (i > 0 && before != 1) {
			t.Errorf("call %d waited for %d", i, before)
		}
	}
}
