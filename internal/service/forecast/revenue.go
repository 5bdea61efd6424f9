package forecast

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/service"
)

const (
	mostDays = 3650
	// errorCorrelation is how far the errors of different steps go together
	// when they are summed into the total's interval: 0 would be independent,
	// 1 all in step.
	errorCorrelation = 0.5
)

func (s *Service) predictRevenue(ctx context.Context, call *service.Call, req *api.RevenueRequest) (*api.RevenueAnswer, error) {
	steps, err := whole("forecast_days", req.ForecastDays, defaultSteps, 1, min(mostDays, s.limits.Steps))
	if err != nil {
		return nil, err
	}
	level := 95.0
	if req.Level != nil {
		level = *req.Level
	}
	if err := checkLevel("level", level); err != nil {
		return nil, err
	}
	holiday, err := holidaysOf(req.Country)
	if err != nil {
		return nil, err
	}
	h, err := s.readHistory(req.HistoricalData, call.Warn)
	if err != nil {
		return nil, err
	}
	n, err := trainingSettings(nil, nil, nil, req.Seed, s.limits.Points)
	if err != nil {
		return nil, err
	}
	n = n.fitting(len(h.y))
	future, err := futureDates("forecast_days", h.freq, h.dates[len(h.dates)-1], steps)
	if err != nil {
		return nil, err
	}
	network, err := s.networkFor(ctx, call.Tenant, modeAuto)
	if err != nil {
		return nil, err
	}
	t := task{
		y: h.y, horizon: steps, mode: modeAuto, neural: n, candidates: h.freq.seasons(), global: network, kind: (&clock{freq: h.freq}).part(),
		selector: s.selector(), warn: call.Warn, progress: call.Progress,
	}
	if skip := sinceShift(t.y); skip > 0 {
		call.Warn("the level changed on %s, from about %.4g to about %.4g; only the values since then were used", h.dates[skip].Format(h.layout), middle(t.y[:skip]), middle(t.y[skip:]))
		t.cut(skip, nil)
		h.dates = h.dates[skip:]
	}
	if t.step = h.freq; h.freq.days == 1 {
		all := append(append([]time.Time(nil), h.dates...), continueDates(h.freq, h.dates[len(h.dates)-1], max(steps, longestTest))...)
		t.takeOut(all, holiday)
		t.extra = []contestant{calendar(all).contestant()}
	}
	out, err := run(ctx, t)
	if err != nil {
		return nil, err
	}
	answer := &api.RevenueAnswer{
		Model: out.model, DataPointsUsed: h.used, Freq: h.freq.code, SeasonLength: out.period,
		Backtest: out.backtest, Selection: out.selection,
	}
	fillRevenue(answer, out, future, h.layout, level/100)
	return answer, nil
}

// fillRevenue words the forecast step by step and in total.
func fillRevenue(answer *api.RevenueAnswer, out *outcome, dates []time.Time, layout string, level float64) {
	var below, above spread
	for i, v := range out.forecast {
		lower, upper := out.interval(level, i)
		answer.Predictions = append(answer.Predictions, api.RevenuePrediction{
			Date: dates[i].Format(layout), PredictedRevenue: v, LowerBound: lower, UpperBound: upper,
		})
		answer.TotalPredicted += v
		below.add((v - lower) / out.unit)
		above.add((upper - v) / out.unit)
	}
	answer.ConfidenceInterval = [2]float64{
		out.boundedTotal(answer.TotalPredicted - below.total()*out.unit), out.boundedTotal(answer.TotalPredicted + above.total()*out.unit),
	}
}

// spread adds up margins whose errors go together in part.
type spread struct{ sum, squares float64 }

func (s *spread) add(margin float64) {
	s.sum += margin
	s.squares += margin * margin
}

func (s *spread) total() float64 {
	return math.Sqrt((1-errorCorrelation)*s.squares + errorCorrelation*s.sum*s.sum)
}

func (out *outcome) boundedTotal(v float64) float64 {
	if out.atLeast0 && v < 0 {
		return 0
	}
	return max(-math.MaxFloat64, min(math.MaxFloat64, v))
}

// history is dated revenue on an even grid.
type history struct {
	y      []float64
	dates  []time.Time
	freq   frequency
	layout string
	// used is how many given points are in y.
	used int
}

// readHistory checks the points, finds their step and fills the gaps.
func (s *Service) readHistory(points []api.RevenuePoint, warn func(string, ...any)) (*history, error) {
	const field = "historical_data"
	if len(points) < 2 {
		return nil, api.Unprocessable("too_few_points", "%s has %d points; it needs at least 2", field, len(points)).At(field, "has %d points, needs at least 2", len(points))
	}
	texts, raw := make([]string, len(points)), make(api.Values, len(points))
	for i, p := range points {
		texts[i] = p.Date
		if p.Revenue == nil {
			f := at(field+"[].revenue", i)
			return nil, api.Unprocessable("missing_value", "%s is missing; send a number, or leave the point out", f).At(f, "is missing")
		}
		raw[i] = *p.Revenue
	}
	dates, layout, err := parseDates(field+"[].date", texts)
	if err != nil {
		return nil, err
	}
	y, err := cleaned(field+"[].revenue", raw, "none", s.limits.Points)
	if err != nil {
		return nil, err
	}
	if skip := len(y) - longestHistory; skip > 0 {
		warn("only the newest %d of %d points were used", longestHistory, len(y))
		y, dates = y[skip:], dates[skip:]
	}
	found, dates := inferClock(dates)
	h := &history{y: y, dates: dates, freq: found.frequency, layout: layout, used: len(y)}
	if !found.regular || !h.fillGaps(warn) {
		warn("the dates are not evenly spaced; the points were taken as they come and the forecast continues with their usual step, %s", h.freq.code)
	}
	return h, nil
}

// fillGaps puts the points on their grid, joining the neighbours of what is
// missing by a line. It refuses when most of the grid would be invented.
func (h *history) fillGaps(warn func(string, ...any)) bool {
	g, ok := gridOf(h.dates, h.freq)
	if !ok || len(g.dates) > longestHistory && g.missing() > 0 {
		return false
	}
	if missing := g.missing(); missing > 0 {
		warn("%s between the first and the last have no point (step %s); they were filled in by a straight line", counted(missing, "date", "dates"), h.freq.code)
	}
	h.y, h.dates = g.spread(h.y, gapsLinear), g.dates
	return true
}

func counted(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprint(n, " ", more)
}
