package forecast

import (
	"cmp"
	"math"
	"slices"

	"github.com/omni-run/omni/internal/ml/globalforecast"
	"github.com/omni-run/omni/internal/ml/harmonic"
)

const (
	// leastRatio is the share of the mean size that the least value must exceed
	// for a season to be one of ratios. It is the networks' own bound.
	leastRatio = 1e-3
	// shortYear and longYear bound the seasons that are a year of days, whatever
	// else is known.
	shortYear, longYear = 364, 366
)

// reading is how the networks are asked about a history.
type reading struct {
	part *globalforecast.Frequency
	// period is the season that they read with.
	period int
	// cycle is a season that was taken out before they do; nil for none.
	cycle *cycle
}

// cycle is a season of a history: values[h] belongs to the h-th value after end.
type cycle struct {
	values []float64
	end    int
	// ratio says that it multiplies, as the networks read such a history;
	// values are logarithms then.
	ratio bool
}

// reads chooses how the networks read y. They were trained with the usual
// seasons of their frequency and hardly follow another one, so one that y has
// is taken out; the usual ones stay with them.
func (m *globalModel) reads(kind string, period int, y []float64) reading {
	var r reading
	r.part, r.period = m.networkPart(kind, period, len(y))
	if usualSeason(r.part, r.period) || len(y) < 2*period || sparse(y) {
		return r
	}
	if kind == "" && period >= shortYear && period <= longYear {
		kind = "daily"
	}
	part, inner := m.networkPart(kind, 1, len(y))
	var others []int
	if kind == "" {
		// Nothing tells of a shorter season. What is left is best read by those
		// who read the most of it.
		part, inner = m.farthest(len(y)), 1
	} else {
		for _, s := range part.Recipe.Seasons {
			others = append(others, s.Period)
		}
	}
	c := &cycle{end: len(y), ratio: slices.Min(y) > leastRatio*meanSize(y)}
	x := y
	if c.ratio {
		x = make([]float64, len(y))
		for i, v := range y {
			x[i] = math.Log(v)
		}
	}
	if c.values = harmonic.Fit(x, period, others); c.values == nil || still(c.without(y)) {
		return r
	}
	return reading{part: part, period: inner, cycle: c}
}

// farthest returns the networks that read the most values at once.
func (m *globalModel) farthest(n int) *globalforecast.Frequency {
	all := m.tuned
	if m.base != nil {
		all = m.base
	}
	window := func(a, b *globalforecast.Frequency) int {
		return cmp.Compare(a.Recipe.Shape.Window, b.Recipe.Shape.Window)
	}
	part, _ := m.networkPart(slices.MaxFunc(all.Frequencies, window).Name, 1, n)
	return part
}

// usualSeason says that the networks were trained with the season.
func usualSeason(f *globalforecast.Frequency, period int) bool {
	return period <= 1 || slices.ContainsFunc(f.Recipe.Seasons, func(s globalforecast.Season) bool { return s.Period == period })
}

func meanSize(y []float64) float64 {
	mean := 0.0
	for _, v := range y {
		mean += math.Abs(v) / float64(len(y))
	}
	return mean
}

// without returns y, which begins where the cycle's history does, without it;
// nil takes out nothing.
func (c *cycle) without(y []float64) []float64 {
	if c == nil {
		return y
	}
	out := slices.Clone(y)
	c.put(out, 0, -1)
	return out
}

// restore puts the cycle back into a forecast that begins at index from of its
// history.
func (c *cycle) restore(forecast []float64, from int) {
	if c != nil {
		c.put(forecast, from, 1)
	}
}

// put adds the cycle so many times to y, whose first value has index from.
func (c *cycle) put(y []float64, from int, times float64) {
	n := len(c.values)
	phase := ((from-c.end)%n + n) % n
	for i := range y {
		s := times * c.values[(phase+i)%n]
		if c.ratio {
			y[i] *= math.Exp(s)
		} else {
			y[i] += s
		}
	}
}
