package forecast

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/ml/backtest"
	"github.com/omni-run/omni/internal/ml/regress"
	"github.com/omni-run/omni/internal/ml/theta"
)

const (
	mostColumns = 20
	// rowsAColumn is how many values each column needs before it can be told
	// from chance.
	rowsAColumn = 5
	// worthless is by how much the back-test may worsen with the columns before
	// they are left out: a hold-out in which nothing happened proves nothing.
	worthless = 1.02
)

// columns are the caller's other columns, past and future in one list each.
type columns struct {
	names  []string
	values [][]float64
}

// readColumns checks the exogenous columns of a series of n values.
func readColumns(prefix string, raw map[string]api.Values, n, horizon int) (*columns, error) {
	if len(raw) == 0 {
		return nil, nil
	}
	if len(raw) > mostColumns {
		return nil, api.Unprocessable("too_many_columns", "%sexogenous has %d columns; at most %d", prefix, len(raw), mostColumns).At(prefix+"exogenous", "too many columns")
	}
	c := &columns{}
	for _, name := range slices.Sorted(maps.Keys(raw)) {
		field := prefix + "exogenous." + name
		if name == "" || len(name) > 64 {
			return nil, api.Unprocessable("bad_column", "a column of %sexogenous has a name of %d bytes; it must have 1 to 64", prefix, len(name)).
				At(prefix+"exogenous", "a column's name must have 1 to 64 bytes")
		}
		values := raw[name]
		if len(values) != n+horizon {
			return nil, api.Unprocessable("length_mismatch", "%s has %d values; it needs %d: one for each of the %d values of the series and of the %d steps forecast",
				field, len(values), n+horizon, n, horizon).At(field, "has %d values, needs %d", len(values), n+horizon)
		}
		for i, v := range values {
			switch {
			case math.IsNaN(v):
				return nil, api.Unprocessable("missing_value", "%s is missing; a column must be known at every step, the forecast's too", at(field, i)).At(at(field, i), "is missing")
			case math.Abs(v) > mostInput:
				return nil, api.Unprocessable("value_out_of_range", "%s is %g; values may not exceed %g in size", at(field, i), v, mostInput).At(at(field, i), "is too large")
			}
		}
		c.names, c.values = append(c.names, name), append(c.values, values)
	}
	return c, nil
}

// spread puts the past part on a grid, drawing lines over its gaps.
func (c *columns) spread(g *grid, n int) {
	for k, v := range c.values {
		c.values[k] = append(g.spread(v[:n], gapsLinear), v[n:]...)
	}
}

// newest drops the oldest skip values.
func (c *columns) newest(skip int) {
	for k, v := range c.values {
		c.values[k] = v[skip:]
	}
}

// effects is a regression on the columns, in the unit of the series.
type effects struct {
	*columns
	// used says that parts count: those of the columns, where answer.Used says
	// so, and the holidays'.
	used bool
	// parts[k] is what column k adds, over the past and the future; the holidays
	// come last.
	parts   [][]float64
	holiday []float64 // nil for none
	answer  api.ForecastExogenous
}

// total returns the sum of the parts at step i.
func (e *effects) total(i int) (sum float64) {
	for _, p := range e.parts {
		sum += p[i]
	}
	return sum
}

// regression estimates the columns' effects on y and tests, on the back-test's
// windows with the Theta method, whether knowing them helps.
func (c *columns) regression(ctx context.Context, y []float64, horizon, period int, warn func(string, ...any)) (*effects, error) {
	e := &effects{columns: c}
	if need := rowsAColumn * (len(c.names) + 2); len(y) < need {
		e.answer.Reason = fmt.Sprintf("the series is too short to tell the columns' effect: it takes %d values", need)
		return e, nil
	}
	unit := unitOf(y)
	scaled := divided(y, unit)
	with, without, err := c.test(ctx, scaled, horizon, period)
	if err != nil {
		return nil, err
	}
	e.answer.MASEWith, e.answer.MASEWithout = finite(with), finite(without)
	if !(with <= worthless*without) {
		e.answer.Reason = "left out: in the back-test the forecasts were worse with the columns than without"
		return e, nil
	}
	fit, err := regress.Fit(scaled, c.past(len(y)), period)
	if err != nil {
		e.answer.Reason = "left out: the regression has no solution"
		return e, nil //nolint:nilerr // the forecast goes on without the columns, and says so
	}
	e.used, e.answer.Used = true, true
	e.answer.Reason = fmt.Sprintf("a regression on the columns (errors' memory %.1f) is part of the forecast: its back-test error is no worse than without", fit.Memory)
	e.answer.Coefficients = map[string]float64{}
	for k, name := range c.names {
		c.reined(k, len(y), warn)
		part := make([]float64, len(c.values[k]))
		slope := fit.Slopes[k] * unit
		for i, v := range c.values[k] {
			part[i] = fit.Effect(k, v) * unit
		}
		e.parts = append(e.parts, part)
		switch {
		case fit.Flat(k):
			warn("the column %s does not vary; it has no effect", name)
		case !math.IsInf(slope, 0):
			e.answer.Coefficients[name] = slope
		}
	}
	return e, nil
}

// columnReach is how many times the range of a column's past its future may lie
// beyond it.
const columnReach = 10

// reined pulls the future values of column k to within that reach of what the n past
// ones span: further out a straight line proves nothing, and what chance made
// of its slope would be all of the forecast.
func (c *columns) reined(k, n int, warn func(string, ...any)) {
	low, high := slices.Min(c.values[k][:n]), slices.Max(c.values[k][:n])
	least, most := low-columnReach*(high-low), high+columnReach*(high-low)
	told := false
	for i := n; i < len(c.values[k]) && high > low; i++ {
		v := c.values[k][i]
		if v >= least && v <= most {
			continue
		}
		if !told {
			c.values[k] = slices.Clone(c.values[k])
			warn("exogenous.%s is %g in step %d of the forecast, far outside the %g to %g of the history; it was taken for %g", c.names[k], v, i-n+1, low, high, max(least, min(most, v)))
			told = true
		}
		c.values[k][i] = max(least, min(most, v))
	}
}

func (c *columns) past(n int) [][]float64 {
	out := make([][]float64, len(c.values))
	for k, v := range c.values {
		out[k] = v[:n]
	}
	return out
}

// test returns the error of the Theta method over the back-test's windows with
// the columns' effects, estimated before the first window, and without.
func (c *columns) test(ctx context.Context, y []float64, horizon, period int) (with, without float64, err error) {
	p := newPlan(len(y), horizon, 0, period)
	if len(p.origins) == 0 {
		return math.NaN(), math.NaN(), nil
	}
	head := p.origins[0]
	fit, err := regress.Fit(y[:head], c.past(head), period)
	if err != nil {
		return math.NaN(), 0, nil //nolint:nilerr // a regression without solution is one that does not help
	}
	p.scale = backtest.Scale(y[:head], period)
	rest := slices.Clone(y)
	for i := range rest {
		rest[i] -= c.effect(fit, i)
	}
	var known, plain []backtest.Window
	for _, origin := range p.origins {
		if ctx.Err() != nil {
			return 0, 0, context.Cause(ctx)
		}
		a, err := theta.Fit(recent(y[:origin], period), period)
		if err != nil {
			return 0, 0, fmt.Errorf("testing the columns: %w", err)
		}
		b, err := theta.Fit(recent(rest[:origin], period), period)
		if err != nil {
			return 0, 0, fmt.Errorf("testing the columns: %w", err)
		}
		actual, f := y[origin:origin+p.horizon], b.Forecast(p.horizon)
		for i := range f {
			f[i] += c.effect(fit, origin+i)
		}
		plain = append(plain, backtest.Window{Actual: actual, Forecast: a.Forecast(p.horizon)})
		known = append(known, backtest.Window{Actual: actual, Forecast: f})
	}
	return p.measure(known).MASE, p.measure(plain).MASE, nil
}

func (c *columns) effect(fit *regress.Model, i int) (sum float64) {
	for k, v := range c.values {
		sum += fit.Effect(k, v[i])
	}
	return sum
}
