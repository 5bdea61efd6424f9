package forecast

import (
	"context"
	"fmt"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/ml/stl"
)

// explain splits the history and the forecast into parts that add up to them.
// The season is that of an STL decomposition of what columns and holidays
// leave, carried on unchanged; the trend of the forecast is what remains of it.
func (t task) explain(ctx context.Context, out *outcome) (*api.ForecastExplanation, error) {
	n, h := len(t.y), t.horizon
	total := n + h
	holiday := make([]float64, total)
	if t.effects != nil && t.effects.holiday != nil {
		copy(holiday, t.effects.holiday)
	}
	rest := make([]float64, n)
	for i, v := range t.y {
		rest[i] = v / out.unit
	}
	trend, season, err := split(ctx, rest, out.period)
	if err != nil {
		return nil, err
	}
	e := &api.ForecastExplanation{
		Note: "season and trend by STL of what the columns and holidays leave; the forecast's season repeats the last one, its trend is the rest of it",
	}
	if out.period < 2 || len(rest) < 2*out.period {
		e.Note = "no season was found; trend by local regression of what the columns and holidays leave; the forecast's trend is all that is not holiday or column"
	}
	e.History, e.Forecast = t.emptyParts(0, n, holiday), t.emptyParts(n, total, holiday)
	e.History.Residual = make([]float64, n)
	for i := range n {
		p := &e.History
		p.Trend[i], p.Season[i] = trend[i]*out.unit, season[i]*out.unit
		p.Residual[i] = t.given[i] - t.parts(p, i)
		p.Values[i] = t.parts(p, i) + p.Residual[i]
	}
	for i := range h {
		p := &e.Forecast
		if out.period > 1 && n >= out.period {
			p.Season[i] = season[n-out.period+i%out.period] * out.unit
		}
		p.Trend[i] = out.forecast[i] - t.parts(p, i)
		p.Values[i] = t.parts(p, i)
	}
	e.Start = t.start
	return e, nil
}

// parts adds up what there is of step i, in the order of the fields.
func (t task) parts(p *api.ForecastParts, i int) float64 {
	sum := p.Trend[i] + p.Season[i] + p.Holiday[i]
	if t.effects != nil && t.effects.answer.Used {
		for _, name := range t.effects.names {
			sum += p.Exogenous[name][i]
		}
	}
	return sum
}

// emptyParts lays out the steps from up to to, with what is known of them.
func (t task) emptyParts(from, to int, holiday []float64) api.ForecastParts {
	n := to - from
	p := api.ForecastParts{Values: make([]float64, n), Trend: make([]float64, n), Season: make([]float64, n), Holiday: holiday[from:to]}
	if t.effects != nil && t.effects.answer.Used {
		p.Exogenous = map[string][]float64{}
		for k, name := range t.effects.names {
			p.Exogenous[name] = t.effects.parts[k][from:to]
		}
	}
	return p
}

// split returns trend and season of y.
func split(ctx context.Context, y []float64, period int) (trend, season []float64, err error) {
	if period < 2 || len(y) < 2*period {
		trend, _ = stl.Smooth(y, nil, max(7, len(y)/4)|1, 1, 0)
		return trend, make([]float64, len(y)), nil
	}
	r, err := stl.Decompose(ctx, y, stl.Options{Period: period, Outer: 1, Jump: max(1, period/10)})
	if err != nil {
		return nil, nil, fmt.Errorf("explaining a forecast: %w", err)
	}
	return r.Trend, r.Season, nil
}
