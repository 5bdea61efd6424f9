package als

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"github.com/omni-run/omni/internal/ml/sparse"
)

type reference struct {
	Users, Items, Factors, Sweeps int
	Rows, Cols                    []int32
	Values                        []float32
	X0, Y0                        []float32
	Cases                         []struct {
		Alpha, Reg, Power float64
		Scores            []float64
	}
}

func load(t *testing.T) (reference, *sparse.Matrix) {
	t.Helper()
	raw, err := os.ReadFile("testdata/reference.json")
	if err != nil {
		t.Fatal(err)
	}
	var r reference
	if err := json.Unmarshal(raw, &r); err != nil {
		t.Fatal(err)
	}
	entries := make([]sparse.Entry, len(r.Rows))
	for i := range entries {
		entries[i] = sparse.Entry{Row: r.Rows[i], Col: r.Cols[i], Value: r.Values[i]}
	}
	return r, sparse.New(r.Users, r.Items, entries)
}

func TestSweepsEqualDenseSolves(t *testing.T) {
	t.Parallel()
	r, x := load(t)
	for _, c := range r.Cases {
		// Twice as many steps as factors: the conjugate gradient is exact.
		o := Options{Factors: r.Factors, Alpha: c.Alpha, Reg: c.Reg, RegPower: c.Power, Iterations: r.Sweeps, Steps: 2 * r.Factors, Workers: 2}
		users, items := slices.Clone(r.X0), slices.Clone(r.Y0)
		if err := fit(t.Context(), x, o, users, items); err != nil {
			t.Fatal(err)
		}
		m, err := NewModel(r.Factors, items, c.Alpha, c.Reg, c.Power)
		if err != nil {
			t.Fatal(err)
		}
		for u := range r.Users {
			cols, values := x.Row(u)
			if len(cols) == 0 {
				continue
			}
			p, err := m.FoldIn(cols, values)
			if err != nil {
				t.Fatal(err)
			}
			got := make([]float32, r.Items)
			p.Score(got)
			for i, g := range got {
				// float32 through four alternations against float64.
				if want := c.Scores[u*r.Items+i]; math.Abs(float64(g)-want) > 2e-3 {
					t.Fatalf("alpha %v: score of user %d for item %d is %v, numpy has %v", c.Alpha, u, i, g, want)
				}
			}
		}
	}
}

func TestContributionsAddUpToTheScore(t *testing.T) {
	t.Parallel()
	_, x := load(t)
	m, err := Train(t.Context(), x, Options{Factors: 5, Reg: 0.1}, rand.New(rand.NewPCG(1, 1)))
	if err != nil {
		t.Fatal(err)
	}
	for u := range x.Rows {
		cols, values := x.Row(u)
		p, err := m.FoldIn(cols, values)
		if err != nil {
			t.Fatal(err)
		}
		scores, parts := make([]float32, x.Cols), make([]float64, len(cols))
		p.Score(scores)
		for i, want := range scores {
			p.Contributions(i, parts)
			sum := 0.0
			for k, c := range parts {
				sum += c
				if values[k] < 0 && c != 0 {
					t.Fatal("a dislike adds to a score")
				}
			}
			if math.Abs(sum-float64(want)) > 1e-4 {
				t.Fatalf("user %d item %d: parts add up to %v, the score is %v", u, i, sum, want)
			}
		}
	}
}

// objective is the loss of the package comment, summed the slow way.
func objective(x *sparse.Matrix, o Options, users, items []float32) float64 {
	f, total := o.Factors, 0.0
	t := x.Transpose()
	for u := range x.Rows {
		row := make([]float64, x.Cols)
		cols, values := x.Row(u)
		for k, c := range cols {
			row[c] = float64(values[k])
		}
		for i, r := range row {
			e := -float64(dot(users[u*f:(u+1)*f], items[i*f:(i+1)*f]))
			if r > 0 {
				e++
			}
			total += (1 + o.Alpha*math.Abs(r)) * e * e
		}
		total += penalty(values, x.Cols, o.Alpha, o.Reg, o.RegPower) * float64(dot(users[u*f:(u+1)*f], users[u*f:(u+1)*f]))
	}
	for i := range t.Rows {
		_, values := t.Row(i)
		total += penalty(values, x.Rows, o.Alpha, o.Reg, o.RegPower) * float64(dot(items[i*f:(i+1)*f], items[i*f:(i+1)*f]))
	}
	return total
}

func TestTheObjectiveNeverRises(t *testing.T) {
	t.Parallel()
	r, x := load(t)
	o := Options{Factors: r.Factors, Alpha: 8, Reg: 0.05, RegPower: 0.5, Iterations: 1, Steps: 2, Workers: 1}
	users, items := slices.Clone(r.X0), slices.Clone(r.Y0)
	last := objective(x, o, users, items)
	first := last
	for i := range 12 {
		if err := fit(t.Context(), x, o, users, items); err != nil {
			t.Fatal(err)
		}
		now := objective(x, o, users, items)
		if now > last*(1+1e-5) {
			t.Fatalf("sweep %d: from %v up to %v", i, last, now)
		}
		last = now
	}
	if last > first/2 {
		t.Fatalf("twelve sweeps only went from %v to %v", first, last)
	}
}

func TestSeedDecidesAndWorkersDoNot(t *testing.T) {
	t.Parallel()
	_, x := load(t)
	train := func(seed uint64, workers int) []float32 {
		m, err := Train(t.Context(), x, Options{Factors: 7, Workers: workers}, rand.New(rand.NewPCG(seed, 0)))
		if err != nil {
			t.Fatal(err)
		}
		return m.Items
	}
	if !slices.Equal(train(1, 1), train(1, 5)) {
		t.Error("five workers give another result than one")
	}
	if slices.Equal(train(1, 1), train(2, 1)) {
		t.Error("two seeds give the same result")
	}
}

func TestBadOptionsAndCancellation(t *testing.T) {
	t.Parallel()
	_, x := load(t)
	for name, o := range map[string]Options{
		"factors": {Factors: 513}, "negative": {Factors: -1}, "alpha": {Alpha: math.NaN()}, "reg": {Reg: math.Inf(1)},
		"power": {RegPower: 2}, "power nan": {RegPower: math.NaN()}, "steps": {Steps: -1},
	} {
		if _, err := Train(t.Context(), x, o, rand.New(rand.NewPCG(1, 1))); err == nil {
			t.Errorf("%s: %+v was taken", name, o)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Train(ctx, x, Options{}, rand.New(rand.NewPCG(1, 1))); !errors.Is(err, context.Canceled) {
		t.Errorf("after cancel: %v", err)
	}
	if _, err := NewModel(3, make([]float32, 4), 1, 1, 0); err == nil {
		t.Error("four numbers passed as rows of three")
	}
	if m, err := Train(t.Context(), sparse.New(0, 0, nil), Options{}, rand.New(rand.NewPCG(1, 1))); err != nil || m.Len() != 0 {
		t.Errorf("nothing to train on: %v", err)
	}
}
