package forecast

import (
	"context"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/ml/features"
	"github.com/omni-run/omni/internal/ml/globalforecast"
	"github.com/omni-run/omni/internal/ml/season"
	"github.com/omni-run/omni/internal/ml/selector"
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
	longestSearch = 1440
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
	// given is y before the effects of the other columns and the holidays were
	// taken out.
	given []float64
	// start is the index of given[0] in the series as it came.
	start   int
	effects *effects
	// dates are those of y, nil where unknown; step is what lies between them.
	dates []time.Time
	step  frequency
	// extra are contestants that know more than the values, such as dates.
	extra []contestant
	// global is the tenant's network or the shipped one; kind is what the
	// series is to it, "" where unknown.
	global *globalModel
	kind   string
	// crowd says that the series is one of so many that mode auto trains no
	// network on it, and mode global back-tests none unless tested is set.
	crowd, tested bool
	// selector weighs the models in mode auto; nil leaves it to the back-test.
	selector *selector.Model
	warn     func(format string, args ...any)
	// progress receives the share of the work done; may be nil.
	progress func(float64)
}

// run forecasts one series: scale, find the season, back-test, choose, answer.
func run(ctx context.Context, t task) (*outcome, error) {
	r := t.begin()
	if err := consult(ctx, []*race{r}); err != nil {
		return nil, err
	}
	return r.run(ctx)
}

// race is a series with what every entrant makes of it.
type race struct {
	task     task
	out      *outcome
	y        []float64 // cleaned and divided by its unit
	entrants []*entrant
	plan     plan
	// said is what consult was told.
	said    said
	network finalNetwork
	// features describe y; nil where nobody reads them.
	features []float64
	// spread is the shipped kind of network's answer; nil where it has none.
	spread *globalforecast.Forecast
}

// begin cleans the series and says who takes part and where it is cut.
func (t task) begin() *race {
	y := t.y
	if t.given == nil {
		t.given = y
	}
	y, strays := withoutStrays(y)
	if len(strays) > 0 {
		t.warn("%s", strayText(strays))
	}
	y, giants := tamed(y)
	if giants > 0 {
		t.warn("%s more than a billion times as large as nine in ten of the others; they were taken for a billion times", counted(giants, "value is", "values are"))
	}
	r := &race{out: &outcome{atLeast0: slices.Min(t.given) >= 0, unit: unitOf(y), effects: t.effects, past: len(y)}}
	r.y = divided(y, r.out.unit)
	r.out.period = t.season(r.y)
	t.neural.period = r.out.period
	r.out.selection.Mode = t.mode
	r.task = t
	r.entrants = r.list()
	r.plan = newPlan(len(r.y), t.horizon, t.neural.lookback, r.out.period)
	if t.mode == modeGlobal && t.crowd && !t.tested {
		r.plan.origins = nil // the networks say by themselves how sure they are
	}
	return r
}

// run lets the entrants compete and answers with what they are weighed to.
func (r *race) run(ctx context.Context) (*outcome, error) {
	if err := r.compete(ctx); err != nil {
		return nil, err
	}
	return r.settle(), nil
}

// settle weighs the entrants and makes their answers one.
func (r *race) settle() *outcome {
	t, out := r.task, r.out
	t.recordTraining(out, r.network)
	out.selection.Reason = t.choose(r)
	t.combine(r)
	t.rest(out)
	if r.features != nil {
		out.calibration = &t.selector.Calibration
	}
	if t.mode == modeGlobal || out.calibration != nil {
		out.spread = r.spread
	}
	out.finish(r)
	return out
}

// compete lets every entrant forecast the held-back ends of the series and
// what comes after it.
func (r *race) compete(ctx context.Context) error {
	t := r.task
	// The final network trains beside the back-test: the two share nothing.
	final := t.startFinalNetwork(ctx, r.y)
	err := r.plan.test(ctx, r.entrants, r.y, r.out.period)
	if err == nil && t.selector != nil && len(r.entrants) > 1 {
		r.features, err = features.Of(ctx, r.y, r.out.period)
	}
	t.tell(0.6)
	r.network = <-final
	if err != nil {
		return err
	}
	if r.network.err != nil && t.networked() {
		return r.network.err
	}
	t.tell(0.9)
	return t.finals(ctx, r)
}

// networked says that a network is trained on the series itself.
func (t task) networked() bool { return t.mode == modeLocal || t.mode == modeAuto && !t.crowd }

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

// list says who takes part in a mode.
func (r *race) list() []*entrant {
	t, period := r.task, r.out.period
	var list []contestant
	switch t.mode {
	case modeLocal:
		list = []contestant{t.neural.local()}
	case modeGlobal:
		list = []contestant{t.global.contestant(r)}
	default:
		demand := sparse(r.y)
		for _, c := range classical(period) {
			switch c.name {
			case modelSeasonal:
				if period < 2 {
					continue
				}
			case modelCroston, modelSBA, modelTSB:
				if !demand {
					continue
				}
			}
			list = append(list, c)
		}
		list = append(list, t.extra...)
		if t.global != nil {
			list = append(list, t.global.contestant(r))
		}
		if !t.crowd {
			list = append(list, t.neural.local())
		}
	}
	out := make([]*entrant, len(list))
	for i, c := range list {
		out[i] = &entrant{contestant: c, shown: c.name, own: c.name == modelGlobal && t.global.net != nil}
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
	if !t.networked() {
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

// finals lets every entrant continue the whole series. One whose forecast is
// not sound is out.
func (t task) finals(ctx context.Context, r *race) error {
	for _, e := range r.entrants {
		if e.problem != "" {
			continue
		}
		forecast, name, err := t.final(ctx, e, r)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil || !sound(forecast, r.y) {
			e.problem = "its forecast ran away from the history"
			continue
		}
		if e.shown = e.name; name != "" {
			e.shown = name
		}
		e.forecast = forecast
	}
	return nil
}

// combine joins the entrants' forecasts by weight.
func (t task) combine(r *race) {
	out, total := r.out, 0.0
	out.forecast = make([]float64, t.horizon)
	var names []string
	for _, e := range r.entrants {
		if e.forecast == nil {
			e.weight = 0
		}
		if e.weight == 0 {
			continue
		}
		for i, v := range e.forecast {
			out.forecast[i] += e.weight * v
		}
		total += e.weight
		names = append(names, e.shown)
	}
	if total == 0 {
		t.warn("no model gave a sound forecast; the last value is repeated")
		out.selection.Reason = "no model gave a sound forecast"
		out.forecast, names, total = season.Naive(r.y, 1, t.horizon), []string{modelNaive}, 1
	}
	for i := range out.forecast {
		out.forecast[i] /= total
	}
	for _, e := range r.entrants {
		e.weight /= total
	}
	out.model = strings.Join(names, "+")
	if len(names) > 1 {
		out.model = "blend(" + out.model + ")"
	}
}

func (t task) final(ctx context.Context, e *entrant, r *race) ([]float64, string, error) {
	if e.name == modelLSTM {
		f, err := r.network.predict(ctx, r.y, t.horizon)
		return f, "", err
	}
	p, name, err := e.fit(ctx, r.y)
	if err != nil {
		return nil, "", err
	}
	if e.name == modelGlobal && t.global.tuned != nil {
		// The quantiles come with the forecast: one pass serves both.
		r.spread = r.said.spread
		return r.spread.Median(), name, nil
	}
	f, err := p(ctx, r.y, t.horizon)
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
	if network.trained == nil {
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
