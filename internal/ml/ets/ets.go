// Package ets is exponential smoothing in the state-space form of Hyndman,
// Koehler, Ord and Snyder (2008): additive or multiplicative errors; no,
// additive or damped trend; no, additive or multiplicative season. Parameters
// and initial states are estimated by maximum likelihood, the form by AICc.
package ets

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
)

// Component is the form of one part of a model.
type Component byte

// The forms. Damped is for trends only, Multiplicative for errors and seasons.
const (
	None           Component = 'N'
	Additive       Component = 'A'
	Multiplicative Component = 'M'
	Damped         Component = 'D'
)

// Spec names a model, such as ETS(A,Ad,M).
type Spec struct {
	Error, Trend, Season Component
	// Period is the length of the season; it matters only with one.
	Period int
}

// String returns the usual short name, such as "AAdM".
func (s Spec) String() string {
	trend := string(s.Trend)
	if s.Trend == Damped {
		trend = "Ad"
	}
	return string(s.Error) + trend + string(s.Season)
}

// Errors of fitting.
var (
	ErrTooShort    = errors.New("ets: the series is too short for the model")
	ErrNotPositive = errors.New("ets: a multiplicative model needs positive values")
	ErrSpec        = errors.New("ets: no such model")
	ErrNoFit       = errors.New("ets: no parameters fit the series")
)

// Model is a fitted (or given) model with its states at the end of the data.
type Model struct {
	Spec
	// Alpha, Beta and Gamma smooth level, trend and season, in the
	// error-correction form; Phi damps the trend.
	Alpha, Beta, Gamma, Phi float64
	// Level, Slope and Season are the initial states. Season[i] belongs to the
	// (i+1)-th value.
	Level, Slope float64
	Season       []float64
	// LogLikelihood is concentrated: the error variance is its estimate.
	LogLikelihood, AIC, AICc float64
	// Sigma2 is the mean squared one-step error, relative for multiplicative
	// errors.
	Sigma2 float64
	// N is how many values the states have seen.
	N int

	level, slope float64   // final
	season       []float64 // final, season[0] belongs to the next value
}

func (s Spec) check(y []float64) error {
	if !slices.Contains([]Component{Additive, Multiplicative}, s.Error) || !slices.Contains([]Component{None, Additive, Damped}, s.Trend) ||
		!slices.Contains([]Component{None, Additive, Multiplicative}, s.Season) || (s.Season != None && s.Period < 2) {
		return fmt.Errorf("%w: %s with period %d", ErrSpec, s, s.Period)
	}
	if len(y) < s.states()+s.smoothing()+2 || (s.Season != None && len(y) < 2*s.Period) {
		return fmt.Errorf("%w: %d values for %s", ErrTooShort, len(y), s)
	}
	if (s.Error == Multiplicative || s.Season == Multiplicative) && slices.Min(y) <= 0 {
		return ErrNotPositive
	}
	return nil
}

// states counts the free initial states, smoothing the other parameters.
func (s Spec) states() int {
	n := 1
	if s.Trend != None {
		n++
	}
	if s.Season != None {
		n += s.Period - 1
	}
	return n
}

func (s Spec) smoothing() int {
	n := 1
	if s.Trend != None {
		n++
	}
	if s.Trend == Damped {
		n++
	}
	if s.Season != None {
		n++
	}
	return n
}

// run filters y from the initial states, leaves the final states, and returns
// the sum of squared errors and the sum of the logs of the forecasts (0 for
// additive errors). fitted, when not nil, receives the one-step forecasts. A
// path on which a multiplicative model breaks down gives +Inf.
func (m *Model) run(y, fitted []float64) (sse, logs float64) {
	level, slope := m.Level, m.Slope
	if m.season == nil && m.Spec.Season != None {
		m.season = make([]float64, m.Period)
	}
	copy(m.season, m.Season)
	multiplicative, at := m.Error == Multiplicative, 0
	// Logs are taken of products of forecasts, many at a time: a logarithm
	// costs more than all the rest of a step.
	product := 1.0
	for i, v := range y {
		base := level + m.Phi*slope
		forecast := base
		var s float64
		switch m.Spec.Season {
		case Additive:
			s = m.season[at]
			forecast += s
		case Multiplicative:
			s = m.season[at]
			forecast *= s
		}
		if fitted != nil {
			fitted[i] = forecast
		}
		e := v - forecast
		if multiplicative {
			if !(forecast > 0) {
				return math.Inf(1), 0
			}
			relative := e / forecast
			sse += relative * relative
			if product *= forecast; product < 1e-100 || product > 1e100 {
				logs += math.Log(product)
				product = 1
			}
		} else {
			sse += e * e
		}
		// In the error-correction form a multiplicative error, relative times
		// forecast, updates the states exactly as the additive one does.
		step := e
		if m.Spec.Season == Multiplicative {
			if !(s > 0) || !(base > 0) {
				return math.Inf(1), 0
			}
			step = e / s
			m.season[at] = s + m.Gamma*e/base
		} else if m.Spec.Season == Additive {
			m.season[at] = s + m.Gamma*e
		}
		level = base + m.Alpha*step
		slope = m.Phi*slope + m.Beta*step
		if at++; at >= len(m.season) {
			at = 0
		}
	}
	logs += math.Log(product)
	m.level, m.slope = level, slope
	if at > 0 {
		rotated := append(slices.Clone(m.season[at:]), m.season[:at]...)
		copy(m.season, rotated)
	}
	return sse, logs
}

// Filter sets the model's final states, likelihood and criteria from y, with
// its parameters and initial states as they are, and returns the one-step
// forecasts.
func (m *Model) Filter(y []float64) ([]float64, error) {
	if err := m.check(y); err != nil {
		return nil, err
	}
	if m.Trend == None {
		m.Beta, m.Slope, m.Phi = 0, 0, 1
	} else if m.Trend == Additive {
		m.Phi = 1
	}
	fitted := make([]float64, len(y))
	sse, logs := m.run(y, fitted)
	n := float64(len(y))
	if math.IsInf(sse, 0) || math.IsNaN(sse) {
		return nil, ErrNoFit
	}
	m.N, m.Sigma2 = len(y), sse/n
	// A perfect fit has an infinite likelihood; the floor keeps the criteria
	// finite and comparable.
	m.LogLikelihood = -n/2*(math.Log(2*math.Pi*max(m.Sigma2, 1e-300))+1) - logs
	k := float64(m.states() + m.smoothing() + 1)
	m.AIC = 2*k - 2*m.LogLikelihood
	m.AICc = m.AIC
	if n-k-1 > 0 {
		m.AICc += 2 * k * (k + 1) / (n - k - 1)
	} else {
		m.AICc = math.Inf(1)
	}
	return fitted, nil
}

// Options bounds an estimation.
type Options struct {
	// Evaluations is the largest number of passes over the data a model;
	// default 120 for each estimated parameter, at most 2000.
	Evaluations int
	// FixSeason leaves the initial season as the decomposition finds it, which
	// is many times faster for long seasons.
	FixSeason bool
	// Screen, when not 0, makes Select try every candidate with so many passes
	// first and estimate only the Finalists of the least AICc in full.
	Screen int
	// Finalists is how many a screening leaves; default 3.
	Finalists int

	once bool   // leaves out the second start of the search
	from *Model // where the search starts; nil for the usual start
}

// Candidates lists the models that Select tries for a series: those without a
// season, and with one when period fits; multiplicative ones only for positive
// values. Combinations with infinite variance (A,*,M) are left out, as in the
// forecast package of R.
func Candidates(y []float64, period int) []Spec {
	positive := len(y) > 0 && slices.Min(y) > 0
	var out []Spec
	for _, e := range []Component{Additive, Multiplicative} {
		for _, t := range []Component{None, Additive, Damped} {
			for _, s := range []Component{None, Additive, Multiplicative} {
				if (e == Multiplicative || s == Multiplicative) && !positive || e == Additive && s == Multiplicative {
					continue
				}
				spec := Spec{Error: e, Trend: t, Season: s, Period: period}
				if s == None {
					spec.Period = 1
				}
				if spec.check(y) == nil {
					out = append(out, spec)
				}
			}
		}
	}
	return out
}

// Select fits the candidates and returns the one with the least AICc.
func Select(ctx context.Context, y []float64, period int, opt Options) (*Model, error) {
	list, err := Rank(ctx, y, period, opt)
	if err != nil {
		return nil, err
	}
	return list[0], nil
}

// Rank fits the candidates, or what a screening leaves of them, and returns the
// models by AICc, the least first. There is at least one.
func Rank(ctx context.Context, y []float64, period int, opt Options) ([]*Model, error) {
	specs := Candidates(y, period)
	if opt.Screen > 0 {
		var err error
		if specs, err = screen(ctx, y, specs, opt); err != nil {
			return nil, err
		}
	}
	list, err := fitAll(ctx, y, each(specs, opt))
	if err != nil {
		return nil, err
	}
	return ranked(list, len(y))
}

// each wants every form, all with the same options.
func each(specs []Spec, opt Options) []wanted {
	list := make([]wanted, len(specs))
	for i, s := range specs {
		list[i] = wanted{s, opt}
	}
	return list
}

// Again estimates the models of a shorter beginning of y once more, each from
// where it stood, and returns the one with the least AICc: a fraction of the
// work of Select, as the parameters seldom move far.
func Again(ctx context.Context, y []float64, earlier []*Model, opt Options) (*Model, error) {
	opt.once = true
	var again []wanted
	for _, m := range earlier {
		opt.from = m
		again = append(again, wanted{m.Spec, opt})
	}
	list, err := fitAll(ctx, y, again)
	if err == nil {
		list, err = ranked(list, len(y))
	}
	if err != nil {
		return nil, err
	}
	return list[0], nil
}

func ranked(list []*Model, n int) ([]*Model, error) {
	if len(list) == 0 {
		return nil, fmt.Errorf("%w: %d values", ErrTooShort, n)
	}
	slices.SortStableFunc(list, func(a, b *Model) int { return cmp.Compare(a.AICc, b.AICc) })
	return list, nil
}

// screen leaves the specs whose short estimation has the least AICc.
func screen(ctx context.Context, y []float64, specs []Spec, opt Options) ([]Spec, error) {
	if opt.Finalists == 0 {
		opt.Finalists = 3
	}
	short := Options{Evaluations: opt.Screen, FixSeason: opt.FixSeason, once: true}
	list, err := fitAll(ctx, y, each(specs, short))
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(list, func(a, b *Model) int { return cmp.Compare(a.AICc, b.AICc) })
	out := make([]Spec, 0, opt.Finalists)
	for _, m := range list[:min(len(list), opt.Finalists)] {
		out = append(out, m.Spec)
	}
	return out, nil
}
