package ets

import (
	"math"
	"slices"

	"github.com/omni-run/omni/internal/ml/neldermead"
	"github.com/omni-run/omni/internal/ml/season"
)

// Bounds of the smoothing parameters, the usual region of Hyndman et al.
// (2008): 0 < alpha < 1, 0 < beta < alpha, 0 < gamma < 1-alpha, and a damping
// within [0.8, 0.98].
const (
	smallest   = 1e-4
	phiLow     = 0.8
	phiHigh    = 0.98
	startAlpha = 0.3
	stillAlpha = 0.01
	startBeta  = 0.1 // as a share of alpha
	startGamma = 0.1 // as a share of 1-alpha
	startPhi   = 0.95
)

func logistic(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
func logit(p float64) float64    { return math.Log(p / (1 - p)) }

// Fit estimates one model. y must be finite, and small enough that its squares
// do not overflow.
func Fit(y []float64, spec Spec, opt Options) (*Model, error) {
	if err := spec.check(y); err != nil {
		return nil, err
	}
	m := &Model{Spec: spec, Phi: 1}
	m.guess(y, opt.FixSeason)
	p := newParameters(m, y, opt)
	if opt.from != nil {
		p.startFrom(opt.from)
	}
	if opt.Evaluations == 0 {
		opt.Evaluations = min(2000, 120*len(p.start))
	}
	n := float64(len(y))
	objective := func(x []float64) float64 {
		p.apply(m, x)
		sse, logs := m.run(y, nil)
		if m.Error == Multiplicative {
			return n*math.Log(max(sse, 1e-300)) + 2*logs
		}
		return n * math.Log(max(sse, 1e-300))
	}
	best := neldermead.Minimize(objective, p.start, neldermead.Options{Evaluations: opt.Evaluations, Step: 0.4, Tolerance: 1e-7})
	// The likelihood often has a second peak where nothing is smoothed and the
	// initial states rule; a start near it finds it.
	if !opt.once {
		still := slices.Clone(p.start)
		still[0] = logit(stillAlpha)
		if again := neldermead.Minimize(objective, still, neldermead.Options{Evaluations: opt.Evaluations / 2, Step: 0.4, Tolerance: 1e-7}); again.Value < best.Value {
			best = again
		}
	}
	if math.IsInf(best.Value, 1) {
		return nil, ErrNoFit
	}
	p.apply(m, best.X)
	if _, err := m.Filter(y); err != nil {
		return nil, err
	}
	return m, nil
}

// guess sets the initial states as Hyndman et al. (2008, section 2.6) do: the
// season from a decomposition, level and slope from a regression on the first
// values without it. A season that is to stay as it is comes from all of y.
func (m *Model) guess(y []float64, whole bool) {
	plain := y
	if m.Spec.Season != None {
		multiplicative := m.Spec.Season == Multiplicative
		head := y[:min(len(y), 4*m.Period)]
		if whole {
			head = y
		}
		indices, ok := season.Indices(head, m.Period, multiplicative)
		if !ok {
			indices = make([]float64, m.Period)
			if multiplicative {
				for i := range indices {
					indices[i] = 1
				}
			}
		}
		m.Season = indices
		plain = season.Remove(y, indices, multiplicative)
	}
	count := min(len(plain), max(10, 2*m.Period))
	level, slope := line(plain[:count])
	m.Level, m.Slope = level, 0
	if m.Trend != None {
		m.Slope = slope
	} else {
		m.Level = level + slope*float64(count)/2
	}
	if (m.Error == Multiplicative || m.Spec.Season == Multiplicative) && m.Level <= 0 {
		m.Level = plain[0]
	}
}

// line returns the regression of y at index -1 and its slope.
func line(y []float64) (level, slope float64) {
	n := float64(len(y))
	mean, cross, square := 0.0, 0.0, 0.0
	for _, v := range y {
		mean += v / n
	}
	for i, v := range y {
		d := float64(i) - (n-1)/2
		cross += d * (v - mean)
		square += d * d
	}
	if square > 0 {
		slope = cross / square
	}
	return mean - slope*(n+1)/2, slope
}

// parameters maps an unconstrained search point to a model.
type parameters struct {
	start          []float64
	level, slope   float64
	season         []float64
	scale, spread  float64
	searchesSeason bool
}

func newParameters(m *Model, y []float64, opt Options) *parameters {
	p := &parameters{level: m.Level, slope: m.Slope, season: slices.Clone(m.Season)}
	for i := 1; i < len(y); i++ {
		p.scale += math.Abs(y[i]-y[i-1]) / float64(len(y)-1)
	}
	if p.scale == 0 {
		p.scale = math.Abs(m.Level)/10 + 1e-12
	}
	p.start = []float64{logit(startAlpha)}
	if m.Trend != None {
		p.start = append(p.start, logit(startBeta))
	}
	if m.Trend == Damped {
		p.start = append(p.start, logit((startPhi-phiLow)/(phiHigh-phiLow)))
	}
	if m.Spec.Season != None {
		p.start = append(p.start, logit(startGamma))
	}
	p.start = append(p.start, 0) // level
	if m.Trend != None {
		p.start = append(p.start, 0)
	}
	if m.Spec.Season != None && !opt.FixSeason {
		p.searchesSeason = true
		p.spread = p.scale
		if m.Spec.Season == Multiplicative {
			p.spread = 0.1
		}
		p.start = append(p.start, make([]float64, m.Period-1)...)
	}
	return p
}

// startFrom moves the start to another model's parameters, but for a season's
// own. Bounds keep it off the flat ends of the logistic, where a search stalls.
func (p *parameters) startFrom(m *Model) {
	const end = 5
	bounded := func(v float64) float64 { return max(-end, min(end, v)) }
	i := 0
	set := func(v float64) {
		if !math.IsNaN(v) {
			p.start[i] = bounded(v)
		}
		i++
	}
	unshare := func(v, lo, hi float64) float64 { return logit(max(1e-9, min(1-1e-9, (v-lo)/(hi-lo)))) }
	set(unshare(m.Alpha, smallest, 1-smallest))
	if m.Trend != None {
		set(unshare(m.Beta/m.Alpha, smallest, 1-smallest))
	}
	if m.Trend == Damped {
		set(unshare(m.Phi, phiLow, phiHigh))
	}
	if m.Spec.Season != None {
		set(unshare(m.Gamma/(1-m.Alpha), smallest, 1-smallest))
	}
	set((m.Level - p.level) / p.scale)
	if m.Trend != None {
		set((m.Slope - p.slope) / (0.2 * p.scale))
	}
}

// apply sets the model's parameters and initial states from a search point.
func (p *parameters) apply(m *Model, x []float64) {
	next := func() float64 {
		v := x[0]
		x = x[1:]
		return v
	}
	share := func(v, lo, hi float64) float64 { return lo + (hi-lo)*logistic(v) }
	m.Alpha = share(next(), smallest, 1-smallest)
	if m.Trend != None {
		m.Beta = m.Alpha * share(next(), smallest, 1-smallest)
	}
	if m.Trend == Damped {
		m.Phi = share(next(), phiLow, phiHigh)
	}
	if m.Spec.Season != None {
		m.Gamma = (1 - m.Alpha) * share(next(), smallest, 1-smallest)
	}
	m.Level = p.level + p.scale*next()
	if m.Trend != None {
		m.Slope = p.slope + 0.2*p.scale*next()
	}
	if !p.searchesSeason {
		return
	}
	total := 0.0
	for i := range m.Season[:m.Period-1] {
		m.Season[i] = p.season[i] + 0.3*p.spread*next()
		total += m.Season[i]
	}
	// The last one follows: the season sums to zero, or averages one.
	m.Season[m.Period-1] = -total
	if m.Spec.Season == Multiplicative {
		m.Season[m.Period-1] = float64(m.Period) - total
	}
}
