package selector_test

import (
	"errors"
	"math"
	"testing"

	"github.com/omni-run/omni/internal/ml/features"
	"github.com/omni-run/omni/internal/ml/gbdt"
	"github.com/omni-run/omni/internal/ml/selector"
	shipped "github.com/omni-run/omni/models/forecast-selector"
	"pgregory.net/rapid"
)

// flat is a model that finds every member equally good.
func flat() *selector.Model {
	n := len(selector.Members())
	return &selector.Model{
		Members: selector.Members(), Features: features.Names(),
		Combiner: gbdt.Combiner{Features: selector.Width(), Outputs: n, Bias: make([]float64, n)},
	}
}

// caseOf has the given back-test errors; NaN leaves a member out.
func caseOf(mase ...float64) selector.Case {
	c := selector.Case{Features: make([]float64, features.Count), Period: 1, Horizon: 2, Scale: 1, Tested: 8, TestHorizon: 2}
	for k := range selector.Members() {
		m := selector.Member{MASE: math.NaN()}
		if k < len(mase) && !math.IsNaN(mase[k]) {
			m = selector.Member{Forecast: []float64{float64(k), float64(k)}, MASE: mase[k]}
		}
		c.Members = append(c.Members, m)
	}
	return c
}

func TestWeights(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		in   selector.Case
		want []float64
	}{
		"as learned":               {caseOf(1, 1.2, 1.5), []float64{1. / 3, 1. / 3, 1. / 3}},
		"far behind":               {caseOf(1, 3), []float64{16. / 17, 1. / 17}},
		"an exact member":          {caseOf(0, 1, 1), []float64{1, 0, 0}},
		"one":                      {caseOf(math.NaN(), 3), []float64{0, 1}},
		"none":                     {caseOf(), []float64{0}},
		"too little to be counted": {caseOf(1, 30), []float64{1, 0}},
	} {
		got := flat().Weights(c.in)
		for k, want := range c.want {
			if math.Abs(got[k]-want) > 1e-6 {
				t.Errorf("%s: weights %v, want %v", name, got, c.want)
				break
			}
		}
	}
}

// However little the trees think of a member, the one that makes no error on
// the series at hand answers.
func TestAnExactMemberIsHeard(t *testing.T) {
	t.Parallel()
	m := flat()
	m.Combiner.Bias[0] = -80
	got := m.Weights(caseOf(1e-12, 3, 3))
	if got[0] < 0.999 {
		t.Errorf("weights %v", got)
	}
	// Where all do alike, it stays left out.
	if got = m.Weights(caseOf(1, 1, 1)); got[0] != 0 {
		t.Errorf("weights %v", got)
	}
}

func TestTheShippedModelSurvivesTheTrip(t *testing.T) {
	t.Parallel()
	m, err := selector.Decode(shipped.Artefact())
	if err != nil {
		t.Fatal(err)
	}
	raw, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	again, err := selector.Decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		c := caseOf(rapid.SliceOfN(rapid.Float64Range(0, 10), 1, 12).Draw(t, "mase")...)
		for i := range c.Features {
			c.Features[i] = rapid.OneOf(rapid.Float64Range(-5, 5), rapid.Just(math.NaN())).Draw(t, "feature")
		}
		w, sum := m.Weights(c), 0.0
		for k, v := range again.Weights(c) {
			sum += v
			if v != w[k] || v < 0 || c.Members[k].Forecast == nil && v > 0 {
				t.Fatalf("weights %v and %v", w, again.Weights(c))
			}
		}
		if math.Abs(sum-1) > 1e-9 {
			t.Fatalf("weights add up to %v", sum)
		}
	})
	for class := range selector.Classes {
		for _, level := range []float64{0.01, 0.5, 0.77, 0.95, 0.9999} {
			if f := m.Calibration.Factor(class, level); !(f >= 0.3 && f <= 5) {
				t.Errorf("class %d at %v: factor %v", class, level, f)
			}
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	encoded := func(change func(m *selector.Model)) []byte {
		m := flat()
		change(m)
		raw, err := m.Encode()
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	if _, err := selector.Decode(encoded(func(*selector.Model) {})); err != nil {
		t.Errorf("a whole model: %v", err)
	}
	if _, err := selector.Decode(encoded(func(m *selector.Model) { m.Members = m.Members[1:] })); !errors.Is(err, selector.ErrOther) {
		t.Errorf("another team: %v", err)
	}
	for name, raw := range map[string][]byte{
		"empty": nil, "no gzip": []byte("OMNISELECT\x01{}"), "no magic": []byte("{}"), "cut": encoded(func(*selector.Model) {})[:40],
		"bias": encoded(func(m *selector.Model) { m.Combiner.Bias = m.Combiner.Bias[1:] }),
		"factors": encoded(func(m *selector.Model) {
			m.Calibration = selector.Calibration{Levels: []float64{0.5}, Factors: [][]float64{{1}}}
		}),
		"a factor of 0": encoded(func(m *selector.Model) {
			m.Calibration.Levels = []float64{0.5}
			for range selector.Classes {
				m.Calibration.Factors = append(m.Calibration.Factors, []float64{0})
			}
		}),
	} {
		if _, err := selector.Decode(raw); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}

func TestClassesAreWithinTheTable(t *testing.T) {
	t.Parallel()
	seen := map[int]bool{}
	for _, known := range []int{3, 20, 50, 1000} {
		for _, period := range []int{1, 4, 12, 168} {
			for step := 1; step < 20; step++ {
				class := selector.Class(known, period, 6, step)
				if class < 0 || class >= selector.Classes {
					t.Fatalf("class %d of %d", class, selector.Classes)
				}
				seen[class] = true
			}
		}
	}
	if len(seen) != selector.Classes {
		t.Errorf("%d of %d classes", len(seen), selector.Classes)
	}
}

// FuzzDecode: whatever the file holds, decoding it ends without a panic.
func FuzzDecode(f *testing.F) {
	raw, err := flat().Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add([]byte("OMNISELECT\x01"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if m, err := selector.Decode(raw); err == nil {
			m.Weights(caseOf(1, 2))
		}
	})
}
