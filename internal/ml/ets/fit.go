package ets

import (
	"context"
	"math"
	"slices"

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
	e, err := newEstimation(y, spec, opt)
	if err != nil {
		return nil, err
	}
	for together := newLockstep(y, e.searches); together.step(); {
	}
	return e.model(y)
}

// fitAll estimates many models of one series, which takes a fraction of
// estimating each. Those that cannot be fitted are left out.
func fitAll(ctx context.Context, y []float64, list []wanted) ([]*Model, error) {
	var all []*estimation
	var searches []*search
	for _, w := range list {
		if e, err := newEstimation(y, w.spec, w.opt); err == nil {
			all, searches = append(all, e), append(searches, e.searches...)
		}
	}
	for together := newLockstep(y, searches); together.step(); {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
	}
	var models []*Model
	for _, e := range all {
		if m, err := e.model(y); err == nil {
			models = append(models, m)
		}
	}
	return models, nil
}

// wanted is a model to estimate.
type wanted struct {
	spec Spec
	opt  Options
}

// estimation is the searches for one model's parameters.
type estimation struct{ searches []*search }

// newEstimation begins the searches. The likelihood often has a second peak
// where nothing is smoothed and the initial states rule; a start near it finds
// it.
func newEstimation(y []float64, spec Spec, opt Options) (*estimation, error) {
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
	e := &estimation{[]*search{newSearch(m, p, p.start, opt.Evaluations)}}
	if !opt.once {
		still := slices.Clone(p.start)
		still[0] = logit(stillAlpha)
		e.searches = append(e.searches, newSearch(m.Clone(), p, still, opt.Evaluations/2))
	}
	return e, nil
}

// model is the best that the searches found; of equals that of the first.
func (e *estimation) model(y []float64) (*Model, error) {
	best, x := e.searches[0], e.searches[0].Result()
	for _, s := range e.searches[1:] {
		if again := s.Result(); again.Value < x.Value {
			best, x = s, again
		}
	}
	if math.IsInf(x.Value, 1) {
		return nil, ErrNoFit
	}
	best.parameters.apply(best.model, x.X)
	if _, err := best.model.Filter(y); err != nil {
		return nil, err
	}
	return best.model, nil
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
