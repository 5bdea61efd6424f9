package forecast

import (
	"context"
	"errors"

	"github.com/omni-run/omni/internal/ml/backtest"
)

// entrant is a contestant with what the back-test found.
type entrant struct {
	contestant
	windows []backtest.Window
	errors  backtest.Errors
	problem string
	// forecast continues the whole series; nil for one that cannot.
	forecast []float64
	weight   float64
	shown    string
	// own says that the tenant made it, so nobody else knows how good it is.
	own bool
}

// plan is where a series is cut for its back-test.
type plan struct {
	origins []int
	horizon int
	scale   float64
}

const (
	// testWindows and longestTest bound the rolling back-test.
	testWindows = 8
	longestTest = 60
	// fewestTests are kept when the first cut is moved back so that three
	// seasons lie before it: with two, models that estimate a season are judged
	// on what they cannot know yet.
	fewestTests = 4
)

// newPlan holds back up to the last half of the series: windows of the asked
// horizon, or of a fifth of the series where that is shorter. The network
// needs lookback+2 values before the first cut where there are as many.
func newPlan(n, horizon, lookback, period int) plan {
	p := plan{horizon: max(1, min(horizon, n/5, longestTest))}
	least := max(3, (n+1)/2, min(3*period, n-p.horizon-fewestTests))
	if want := min(lookback+2, n-p.horizon-1); want > least {
		least = want
	}
	step := max(1, min(p.horizon, (n-p.horizon-least)/(testWindows-1)))
	p.origins = backtest.Origins(n, p.horizon, testWindows, step, least)
	return p
}

// test fits every entrant on what lies before the first cut and lets it
// forecast from each. It returns only the end of ctx as an error; a contestant
// that fails is out, with its problem noted.
func (p *plan) test(ctx context.Context, entrants []*entrant, y []float64, period int) error {
	if len(p.origins) == 0 {
		return nil
	}
	head := y[:p.origins[0]]
	p.scale = backtest.Scale(head, period)
	for _, e := range entrants {
		if err := p.testOne(ctx, e, y, head); err != nil {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			e.windows, e.problem = nil, problemOf(err)
		}
	}
	return nil
}

func (p *plan) testOne(ctx context.Context, e *entrant, y, head []float64) error {
	predict, name, err := e.fit(ctx, head)
	if err != nil {
		return err
	}
	if name != "" {
		e.shown = name
	}
	var all [][]float64
	if e.tests != nil {
		all = e.tests()
	}
	for i, origin := range p.origins {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		var f []float64
		if all != nil {
			f = all[i]
		} else if f, err = predict(ctx, y[:origin:origin], p.horizon); err != nil {
			return err
		}
		if !sound(f, y[:origin]) {
			return errors.New("its back-test forecast ran away from the history")
		}
		e.windows = append(e.windows, backtest.Window{Origin: origin, Actual: y[origin : origin+p.horizon], Forecast: f})
	}
	e.errors = p.measure(e.windows)
	return nil
}

func (p *plan) measure(windows []backtest.Window) backtest.Errors {
	return backtest.Measure(windows, p.scale)
}

// problemOf words a contestant's failure for the caller.
func problemOf(err error) string {
	for _, known := range []error{errNoSeason, errNotSparse} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	if errors.Is(err, errUnfit) {
		return "too few values or values of the wrong sign for it"
	}
	return err.Error()
}
