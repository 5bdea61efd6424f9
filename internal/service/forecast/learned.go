package forecast

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/omni-run/omni/internal/ml/features"
	"github.com/omni-run/omni/internal/ml/globalforecast"
	"github.com/omni-run/omni/internal/ml/selector"
)

// caseOf words a race for the selector. Entrants it does not know, or that are
// the tenant's own, are not in it.
func (r *race) caseOf(horizon int) selector.Case {
	c := selector.Case{
		Features: r.features, Period: r.out.period, Horizon: horizon, Scale: r.plan.scale,
		TestHorizon: r.plan.horizon, Tested: len(r.plan.origins) * r.plan.horizon,
	}
	for _, name := range selector.Members() {
		m := selector.Member{MASE: math.NaN()}
		for _, e := range r.entrants {
			if e.name != name || e.forecast == nil || e.own {
				continue
			}
			if m.Forecast = e.forecast; len(e.windows) > 0 {
				m.MASE = e.errors.MASE
			}
		}
		c.Members = append(c.Members, m)
	}
	return c
}

// shippedOdds is by how much the odds of the global networks are better than
// the selector learned. It learned from small ensembles, each of half the
// series, and stopped early: on the series held back, with those ensembles, its
// loss falls by 0.6 % at twice the odds, 1.0 % at four times and no further than
// 1.1 % beyond. Those that answer are larger ones of all series.
const shippedOdds = 4

// chooseLearned lets the selector weigh its team. An entrant that the selector
// does not know, such as the calendar, shares with the team as a whole by the
// error of both in the back-test.
func (t task) chooseLearned(r *race) string {
	names := selector.Members()
	weights := t.selector.Weights(r.caseOf(t.horizon))
	var outsiders []*entrant
	count, sum := 0, 0.0
	for _, e := range r.entrants {
		k := slices.Index(names, e.name)
		if k < 0 || e.own {
			outsiders = append(outsiders, e)
		} else if e.forecast != nil && weights[k] > 0 {
			if e.weight = weights[k]; e.name == modelGlobal {
				e.weight *= shippedOdds
			}
			sum += e.weight
			count++
		}
	}
	for _, e := range r.entrants {
		e.weight /= max(sum, 1e-9)
	}
	reason := fmt.Sprintf("a learned selector weighed %s from the series' features (%s) and their errors over %d back-test windows",
		counted(count, "model", "models"), strongest(r.features), len(r.plan.origins))
	if len(outsiders) > 0 {
		reason += r.admit(outsiders)
	}
	return reason
}

// calendarLead is how far below the team's error that of the calendar must lie
// before it joins: on daily series without a time of year it otherwise costs
// one to three percent.
const calendarLead = 0.9

// admit gives outsiders their share beside the weighted team.
func (r *race) admit(outsiders []*entrant) string {
	windows := blended(r.entrants)
	team := &entrant{contestant: contestant{name: "team"}, windows: windows}
	if len(windows) > 0 {
		team.errors = r.plan.measure(windows)
	}
	sides := []*entrant{team}
	for _, e := range outsiders {
		if e.name == modelCalendar && !(e.errors.MASE < calendarLead*team.errors.MASE) {
			continue // what it knows the team has, and it has many coefficients
		}
		sides = append(sides, e)
	}
	chooseByTest(sides, r.plan)
	total := 0.0
	for _, e := range sides {
		total += e.weight
	}
	if !(total > 0) {
		return ""
	}
	for _, e := range r.entrants {
		if !slices.Contains(outsiders, e) {
			e.weight *= team.weight / total
		}
	}
	out := ""
	for _, e := range outsiders {
		if e.weight /= total; e.weight > 0 {
			out += fmt.Sprintf("; %s joined with %.0f %% for its back-test error (MASE %.3f, the others together %.3f)", e.name, 100*e.weight, e.errors.MASE, team.errors.MASE)
		}
	}
	return out
}

// strongest words the features a reader understands.
func strongest(values []float64) string {
	names := features.Names()
	get := func(name string) float64 { return values[slices.Index(names, name)] }
	text := fmt.Sprintf("trend %.2f", get("trend"))
	if s := get("seasonal_strength"); !math.IsNaN(s) {
		text += fmt.Sprintf(", season %.2f", s)
	}
	if v := get("entropy"); !math.IsNaN(v) {
		text += fmt.Sprintf(", entropy %.2f", v)
	}
	if z := get("zeros"); z > 0 {
		text += fmt.Sprintf(", zeros %.0f %%", 100*z)
	}
	return text
}

// Surveyed is a series that a trainer of the selector learns from.
type Surveyed struct {
	Values          []float64
	Period, Horizon int
	// Global are networks that did not learn from the series, Kind names its
	// frequency to them, "" where the caller would not have said.
	Global *globalforecast.Model
	Kind   string
}

// Survey is what the trainer of the selector learns of a series: the case as
// the selector will read it, in units of the series' largest size. networked
// adds the network trained in the call to the contestants, as in a call of few
// series.
func (s Surveyed) Survey(ctx context.Context, networked bool) (c selector.Case, unit float64, err error) {
	r, err := s.race(ctx, &selector.Model{}, networked)
	if err != nil {
		return c, 0, err
	}
	return r.caseOf(s.Horizon), r.out.unit, nil
}

// race lets all compete as in mode auto.
func (s Surveyed) race(ctx context.Context, m *selector.Model, networked bool) (*race, error) {
	n, err := trainingSettings(nil, nil, nil, nil, len(s.Values))
	if err != nil {
		return nil, err
	}
	t := task{
		y: s.Values, horizon: s.Horizon, mode: modeAuto, neural: n.fitting(len(s.Values)), period: s.Period, crowd: !networked, selector: m,
		global: &globalModel{tuned: s.Global}, kind: s.Kind, warn: func(string, ...any) {},
	}
	r := t.begin()
	if err := consult(ctx, []*race{r}); err != nil {
		return nil, err
	}
	return r, r.compete(ctx)
}

// Interval is what the trainer learns of how wide intervals are.
type Interval struct {
	Spread selector.Spread
	// Classes are those of the steps, see selector.Class.
	Classes  []int
	Forecast []float64
	// Lower and Upper are the bounds by level and step.
	Lower, Upper [][]float64
}

// Interval forecasts with the selector m and returns the bounds at the levels.
func (s Surveyed) Interval(ctx context.Context, m *selector.Model, levels []float64) (v Interval, err error) {
	r, err := s.race(ctx, m, false)
	if err != nil {
		return v, err
	}
	out := r.settle()
	v = Interval{Spread: out.spreadOf(r), Forecast: out.forecast, Lower: make([][]float64, len(levels)), Upper: make([][]float64, len(levels))}
	for step := range out.forecast {
		v.Classes = append(v.Classes, selector.Class(out.past, out.period, out.testHorizon, step+1))
		for k, level := range levels {
			lower, upper := out.interval(level, step)
			v.Lower[k], v.Upper[k] = append(v.Lower[k], lower), append(v.Upper[k], upper)
		}
	}
	return v, nil
}
