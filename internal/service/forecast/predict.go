package forecast

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/service"
)

// settings is a checked request without its series.
type settings struct {
	horizon   int
	neural    neural
	levels    []float64
	quantiles []float64
	mode      string
	impute    string
	period    int
	gaps      string
	country   string
	explain   bool
	// crowd says that the series are too many to train a network on each, tested
	// that a back-test's errors are wanted even then.
	crowd, tested bool
}

func (s *Service) settings(req *api.ForecastRequest) (set settings, err error) {
	if set.horizon, err = whole("forecast_steps", req.ForecastSteps, defaultSteps, 1, s.limits.Steps); err != nil {
		return set, err
	}
	if set.neural, err = trainingSettings(req.SequenceLength, req.Epochs, req.LearningRate, req.Seed, s.limits.Points); err != nil {
		return set, err
	}
	if set.levels, err = levels(req.Level); err != nil {
		return set, err
	}
	if err = checkQuantiles(req.Quantiles); err != nil {
		return set, err
	}
	set.quantiles = req.Quantiles
	if set.mode, err = oneOf("mode", req.Mode, modeAuto, modeAuto, modeLocal, modeGlobal); err != nil {
		return set, err
	}
	if set.impute, err = oneOf("impute", req.Impute, "none", "none", "linear", "previous", "zero"); err != nil {
		return set, err
	}
	if set.gaps, err = gapsPolicy(req.Gaps); err != nil {
		return set, err
	}
	if _, err = holidaysOf(req.Country); err != nil {
		return set, err
	}
	set.country, set.explain = req.Country, req.Explain
	if req.SeasonLength != nil {
		set.period, err = whole("season_length", req.SeasonLength, 0, 1, mostSeason)
	}
	return set, err
}

func (s *Service) predictLSTM(ctx context.Context, call *service.Call, req *api.ForecastRequest) (*api.ForecastAnswer, error) {
	set, err := s.settings(req)
	if err != nil {
		return nil, err
	}
	for i, v := range req.Level {
		if v < 1 {
			call.Warn("level[%d] is %g %%; levels are percentages: for %g %% send %g", i, v, 100*v, 100*v)
		}
	}
	if req.Series != nil {
		return s.predictMany(ctx, call, req, set)
	}
	if len(req.Hierarchy) > 0 || req.Reconcile != "" {
		return nil, api.Unprocessable("ambiguous_input", "a hierarchy names sums among series; send series").At("series", "is missing")
	}
	one := api.ForecastSeries{
		TimeSeries: req.TimeSeries, Timestamps: req.Timestamps, LastTimestamp: req.LastTimestamp, Freq: req.Freq, Exogenous: req.Exogenous,
	}
	network, err := s.networkFor(ctx, call.Tenant, set.mode)
	if err != nil {
		return nil, err
	}
	series, err := s.checkOne(ctx, one, "", set, network, call.Warn, call.Progress)
	if err != nil {
		return nil, err
	}
	if err := consult(ctx, []*race{series.race}); err != nil {
		return nil, err
	}
	out, err := series.forecast(ctx)
	if err != nil {
		return nil, err
	}
	return &api.ForecastAnswer{ForecastResult: out.answer}, nil
}

// served is the answer for one series with what it was made from.
type served struct {
	answer *api.ForecastResult
	*outcome
}

// checked is a series that can be forecast.
type checked struct {
	*race
	values []float64 // as they came
	set    settings
	dates  []string
}

// checkOne checks one series and lays its race out. prefix stands before the
// names of its fields in errors, such as "series[3].".
func (s *Service) checkOne(ctx context.Context, in api.ForecastSeries, prefix string, set settings, network *globalModel,
	warn func(string, ...any), progress func(float64),
) (*checked, error) {
	field := prefix + "time_series"
	y, err := cleaned(field, in.TimeSeries, set.impute, s.limits.Points)
	if err != nil {
		return nil, err
	}
	if err := enough(field, len(y), set.neural); err != nil {
		return nil, err
	}
	set.neural = set.neural.fitting(len(y))
	extra, err := readColumns(prefix, in.Exogenous, len(y), set.horizon)
	if err != nil {
		return nil, err
	}
	clock, err := readClock(in, prefix, len(y), set.gaps, warn)
	if err != nil {
		return nil, err
	}
	dates, err := clock.continued(set.horizon)
	if err != nil {
		return nil, err
	}
	if set.neural.lookback > longestLookback && set.mode == modeLocal {
		warn("the network reads the newest %d of the %d values of sequence_length", longestLookback, set.neural.lookback)
	}
	t := task{
		y: y, horizon: set.horizon, mode: set.mode, neural: set.neural, period: set.period, global: network, kind: clock.part(), crowd: set.crowd, tested: set.tested,
		selector: s.selector(), warn: warn, progress: progress,
	}
	if clock != nil {
		t.candidates = clock.freq.seasons()
		t.y, t.dates = clock.laid(y, extra, set.gaps)
		t.step = clock.freq
	}
	if err := t.prepare(ctx, extra, set); err != nil {
		return nil, err
	}
	return &checked{race: t.begin(), values: y, set: set, dates: dates}, nil
}

// forecast answers a series that consult has been asked about.
func (c *checked) forecast(ctx context.Context) (*served, error) {
	out, err := c.run(ctx)
	if err != nil {
		return nil, err
	}
	result := out.result(c.set)
	result.Timestamps = c.dates
	if c.set.explain {
		if result.Explanation, err = c.task.explain(ctx, out); err != nil {
			return nil, err
		}
	}
	if out.atLeast0 && out.cutOff() && slices.Max(c.values) > 0 {
		c.task.warn("the history is never negative, so neither is the forecast: values below 0 were set to 0")
	}
	return &served{result, out}, nil
}

// cut leaves out the oldest values.
func (t *task) cut(skip int, extra *columns) {
	t.y, t.start = t.y[skip:], t.start+skip
	if t.dates != nil {
		t.dates = t.dates[skip:]
	}
	if extra != nil {
		extra.newest(skip)
	}
}

// prepare cuts the series to what counts, takes the other columns' effects out
// of it and adds the calendar's contestant.
func (t *task) prepare(ctx context.Context, extra *columns, set settings) error {
	if skip := len(t.y) - longestHistory; skip > 0 {
		t.warn("only the newest %d of %d points were used", longestHistory, len(t.y))
		t.cut(skip, extra)
	}
	if skip := sinceShift(t.y); skip > 0 {
		t.warn("the level changed at value %d, from about %.4g to about %.4g; only the values since then were used", t.start+skip, middle(t.y[:skip]), middle(t.y[skip:]))
		t.cut(skip, extra)
	}
	t.given = t.y
	if extra != nil {
		e, err := extra.regression(ctx, t.y, t.horizon, t.season(divided(t.y, unitOf(t.y))), t.warn)
		if err != nil {
			return err
		}
		if t.effects = e; e.used {
			t.y = slices.Clone(t.y)
			for i := range t.y {
				t.y[i] -= e.total(i)
			}
		}
	}
	return t.addCalendar(set.country)
}

// addCalendar takes the country's holidays out of a daily series with dates and
// lets the calendar take part: for one with holidays, or where the history
// tells the time of year.
func (t *task) addCalendar(country string) error {
	holiday, err := holidaysOf(country)
	if err != nil {
		return err
	}
	if t.dates == nil || t.step.days != 1 {
		if country != "" {
			t.warn("country was ignored: holidays are for daily series with dates")
		}
		return nil
	}
	all := append(slices.Clone(t.dates), continueDates(t.step, t.dates[len(t.dates)-1], max(t.horizon, longestTest))...)
	t.takeOut(all, holiday)
	if country != "" || t.yearTested() {
		t.extra = append(t.extra, calendar(all).contestant())
	}
	return nil
}

// yearTested says that the back-test can judge the calendar's time of year:
// that a year and a half lie before its first cut.
func (t *task) yearTested() bool {
	origins := newPlan(len(t.y), t.horizon, t.neural.lookback, t.step.week()).origins
	return len(origins) > 0 && origins[0] >= yearlyDays
}

// takeOut leaves the holidays out of the series; they are put back into its
// forecast.
func (t *task) takeOut(dates []time.Time, holiday func(time.Time) string) {
	unit := unitOf(t.y)
	part := holidayEffects(divided(t.y, unit), dates, t.step.week(), holiday)
	if part == nil {
		return
	}
	if t.effects == nil {
		t.effects = &effects{columns: &columns{}}
	}
	for i := range part {
		part[i] *= unit
	}
	t.effects.used, t.effects.holiday = true, part
	t.effects.parts = append(t.effects.parts, part)
	if t.given == nil {
		t.given = t.y
	}
	t.y = slices.Clone(t.y)
	for i := range t.y {
		t.y[i] -= part[i]
	}
}

// result words an outcome for the caller.
func (out *outcome) result(set settings) *api.ForecastResult {
	r := &api.ForecastResult{
		Model: out.model, Forecast: out.forecast, Intervals: map[string][]float64{}, Training: out.training,
		Backtest: out.backtest, Selection: out.selection, SeasonLength: out.period,
		Weights: map[string]float64{}, Reason: out.selection.Reason,
	}
	for _, c := range out.selection.Candidates {
		if c.Weight > 0 {
			r.Weights[c.Model] += c.Weight
		}
	}
	if out.effects != nil && len(out.effects.names) > 0 {
		r.Exogenous = &out.effects.answer
	}
	for _, level := range set.levels {
		lower, upper := make([]float64, len(out.forecast)), make([]float64, len(out.forecast))
		for i := range out.forecast {
			lower[i], upper[i] = out.interval(level/100, i)
		}
		name := strconv.FormatFloat(level, 'g', -1, 64)
		r.Intervals["lo-"+name], r.Intervals["hi-"+name] = lower, upper
	}
	widest := slices.Max(set.levels) / 100
	for i, v := range out.forecast {
		lower, upper := out.interval(widest, i)
		r.ConfidenceIntervals = append(r.ConfidenceIntervals, api.ConfidenceInterval{Lower: lower, Upper: upper, Prediction: v})
	}
	if len(set.quantiles) > 0 {
		r.Quantiles = map[string][]float64{}
	}
	for _, q := range set.quantiles {
		values := make([]float64, len(out.forecast))
		for i := range values {
			values[i] = out.quantile(q, i)
		}
		r.Quantiles[strconv.FormatFloat(q, 'g', -1, 64)] = values
	}
	return r
}
