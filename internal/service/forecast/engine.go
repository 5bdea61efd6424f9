package forecast

import (
	"context"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/ml/season"
)

// Modes of a forecast.
const (
	modeAuto   = "auto"
	modeLocal  = "local"
	modeGlobal = "global"
)

const (
	// longestHistory is how many of the newest values are read; older ones
	// would cost time and tell little.
	longestHistory = 10_000
	// longestSearch is the longest season looked for without a hint.
	longestSearch = 60
)

// task is one series to forecast, already checked.
type task struct {
	y       []float64
	horizon int
	mode    string
	neural  neural
	// period is the stated season, 0 to detect it with the help of candidates.
	period     int
	candidates []int
	// extra are contestants that know more than the values, such as dates.
	extra []contestant
	// global is the tenant's network, for mode global.
	global *globalModel
	warn   func(format string, args ...any)
	// progress receives the share of the work done; may be nil.
	progress func(float64)
}

// run forecasts one series: scale, find the season, back-test, choose, answer.
func run(ctx context.Context, t task) (*outcome, error) {
	y := t.y
	if len(y) > longestHistory {
		t.warn("only the newest %d of %d points were used", longestHistory, len(y))
		y = y[len(y)-longestHistory:]
	}
	y, strays := withoutStrays(y)
	if len(strays) > 0 {
		t.warn("%s", strayText(strays))
	}
	y, giants := tamed(y)
	if giants > 0 {
		t.warn("%s more than a billion times as large as nine in ten of the others; they were taken for a billion times", counted(giants, "value is", "values are"))
	}
	out := &outcome{atLeast0: slices.Min(y) >= 0, unit: unitOf(y)}
	y = divided(y, out.unit)
	out.period = t.season(y)
	t.neural.period = out.period
	out.selection.Mode = t.mode

	// The final network trains beside the back-test: the two share nothing.
	final := t.startFinalNetwork(ctx, y)
	entrants := t.entrants(out.period)
	plan := newPlan(len(y), t.horizon, t.neural.lookback, out.period)
	if err := plan.test(ctx, entrants, y, out.period); err != nil {
		<-final
		return nil, err
	}
	t.tell(0.6)
	network := <-final
	if network.err != nil && t.mode != modeGlobal {
		return nil, network.err
	}
	t.tell(0.9)
	if err := t.answer(ctx, out, entrants, network, y, plan); err != nil {
		return nil, err
	}
	out.finish(y, entrants, plan)
	return out, nil
}

func (t task) tell(share float64) {
	if t.progress != nil {
		t.progress(share)
	}
}

// tamed pulls in the values that are out of all proportion to the others, which
// would vanish beside them: to 1e9 times the size that nine in ten stay below.
func tamed(y []float64) (out []float64, giants int) {
	size := make([]float64, len(y))
	for i, v := range y {
		size[i] = math.Abs(v)
	}
	slices.Sort(size)
	limit := 1e9 * size[9*(len(size)-1)/10]
	if limit == 0 || size[len(size)-1] <= limit {
		return y, 0
	}
	out = slices.Clone(y)
	for i, v := range y {
		if math.Abs(v) > limit {
			out[i] = math.Copysign(limit, v)
			giants++
		}
	}
	return out, giants
}

// unitOf is the largest size in y, or 1 when all are 0. Dividing by it keeps
// squares of 1e300 from overflowing and of 1e-300 from vanishing.
func unitOf(y []float64) float64 {
	unit := 0.0
	for _, v := range y {
		unit = max(unit, math.Abs(v))
	}
	if unit == 0 {
		return 1
	}
	return unit
}

func divided(y []float64, unit float64) []float64 {
	out := make([]float64, len(y))
	for i, v := range y {
		out[i] = v / unit
	}
	return out
}

func (t task) season(y []float64) int {
	period := t.period
	if period == 0 {
		period = season.Detect(y, t.candidates, longestSearch)
	}
	if period > 1 && len(y) < 2*period {
		if t.period > 1 {
			t.warn("season_length %d was ignored: it takes at least %d points", t.period, 2*t.period)
		}
		return 1
	}
	return period
}

// entrants lists who takes part in a mode.
func (t task) entrants(period int) []*entrant {
	var list []contestant
	switch t.mode {
	case modeLocal:
		list = []contestant{t.neural.local()}
	case modeGlobal:
		list = []contestant{global(t.global.net, period)}
	default:
		list = append(classical(period), t.extra...)
		list = append(list, t.neural.local())
	}
	out := make([]*entrant, len(list))
	for i, c := range list {
		out[i] = &entrant{contestant: c, shown: c.name}
	}
	return out
}

// finalNetwork is the network trained on the whole series.
type finalNetwork struct {
	*trained
	seconds float64
	err     error
}

func (t task) startFinalNetwork(ctx context.Context, y []float64) <-chan finalNetwork {
	done := make(chan finalNetwork, 1)
	if t.mode == modeGlobal {
		done <- finalNetwork{err: errUnfit}
		return done
	}
	go func() {
		start := time.Now()
		n, err := t.neural.train(ctx, y, nil)
		done <- finalNetwork{n, time.Since(start).Seconds(), err}
	}()
	return done
}

// answer makes the chosen models' forecasts and joins them by weight. A model
// whose forecast is not sound gives its weight to the others.
func (t task) answer(ctx context.Context, out *outcome, entrants []*entrant, network finalNetwork, y []float64, plan plan) error {
	t.recordTraining(out, network)
	out.selection.Reason = choose(entrants, plan)
	total := 0.0
	out.forecast = make([]float64, t.horizon)
	var names []string
	for _, e := range entrants {
		if e.weight == 0 {
			continue
		}
		forecast, name, err := t.final(ctx, e, network, y)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil || !sound(forecast, y) {
			e.weight, e.problem = 0, "its forecast ran away from the history"
			continue
		}
		if e.shown = e.name; name != "" {
			e.shown = name
		}
		for i, v := range forecast {
			out.forecast[i] += e.weight * v
		}
		total += e.weight
		names = append(names, e.shown)
	}
	if total == 0 {
		t.warn("no model gave a sound forecast; the last value is repeated")
		out.selection.Reason = "no model gave a sound forecast"
		out.forecast, names, total = season.Naive(y, 1, t.horizon), []string{modelNaive}, 1
	}
	for i := range out.forecast {
		out.forecast[i] /= total
	}
	for _, e := range entrants {
		e.weight /= total
	}
	out.model = strings.Join(names, "+")
	if len(names) > 1 {
		out.model = "blend(" + out.model + ")"
	}
	return nil
}

func (t task) final(ctx context.Context, e *entrant, network finalNetwork, y []float64) ([]float64, string, error) {
	if e.name == modelLSTM {
		f, err := network.predict(ctx, y, t.horizon)
		return f, "", err
	}
	p, name, err := e.fit(ctx, y)
	if err != nil {
		return nil, "", err
	}
	f, err := p(ctx, y, t.horizon)
	return f, name, err
}

func (t task) recordTraining(out *outcome, network finalNetwork) {
	if t.mode == modeGlobal {
		m := t.global.meta
		out.training = api.ForecastTraining{
			FinalLoss: m.FinalLoss, ValidationLoss: m.ValidationLoss, Epochs: m.Epochs, Seconds: m.Seconds, Parameters: m.Parameters,
		}
		return
	}
	r := network.report
	out.training = api.ForecastTraining{
		FinalLoss: r.Loss, ValidationLoss: finite(r.Validation), Epochs: r.Epochs, Seconds: network.seconds,
		Stopped: r.Stopped, Parameters: len(network.net.Network.Weights),
	}
}

// finite returns nil for a number JSON cannot hold.
func finite(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}
