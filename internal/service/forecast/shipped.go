package forecast

import (
	"context"
	"fmt"
	"slices"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/ml/globalforecast"
)

// shippedModel returns the network that comes with the program.
func (s *Service) shippedModel() (*globalModel, error) {
	m, err := s.pretrained()
	if err != nil {
		return nil, fmt.Errorf("decoding the shipped forecast model: %w", err)
	}
	return &globalModel{tuned: m, meta: api.ForecastModelMeta{Parameters: m.Parameters(), Base: baseShipped}}, nil
}

// networkFor returns what answers mode global and takes part in mode auto: the
// tenant's promoted network, or else the shipped one. Mode local has none.
func (s *Service) networkFor(ctx context.Context, tenant, mode string) (*globalModel, error) {
	if mode == modeLocal {
		return nil, nil
	}
	return s.globalModel(ctx, tenant)
}

// part names the kind of series in the network's terms, "" where the clock
// tells none.
func (c *clock) part() string {
	switch {
	case c == nil:
		return ""
	case c.freq.months == 12:
		return "yearly"
	case c.freq.months == 3:
		return "quarterly"
	case c.freq.months == 1:
		return "monthly"
	case c.freq.days == 7:
		return "weekly"
	case c.freq.days == 1:
		return "daily"
	case c.freq.duration.Hours() == 1:
		return "hourly"
	}
	return ""
}

// networkPart chooses the networks for a series of n values and the season
// they read it with: its own, or where its kind is known the usual one, which
// the networks weigh by themselves.
func (m *globalModel) networkPart(kind string, period, n int) (*globalforecast.Frequency, int) {
	f := m.tuned.Frequency(kind)
	if f == nil && m.base != nil {
		if f = m.base.Frequency(kind); f == nil {
			f = m.base.For(period, n)
		}
	}
	if f == nil {
		f = m.tuned.For(period, n)
	}
	return f, f.Season(period, n, kind != "")
}

// contestant is the network as one that takes part. One of the shipped kind
// says what consult was told.
func (m *globalModel) contestant(r *race) contestant {
	if m.tuned == nil {
		return global(m.net, r.out.period)
	}
	told := func() [][]float64 { return r.said.tests }
	return contestant{name: modelGlobal, tests: told, fit: func(_ context.Context, y []float64) (predictor, string, error) {
		return nil, "", tooFew(y, leastConsulted)
	}}
}

// alone is the network as a contestant that is asked about one history at a
// time, where there is no race to consult it for many.
func (m *globalModel) alone(kind string, period int) contestant {
	if m.tuned == nil {
		return global(m.net, period)
	}
	predict := func(ctx context.Context, history []float64, horizon int) ([]float64, error) {
		if still(history) {
			return unmoved(history[0], horizon).Median(), nil
		}
		reads := m.reads(kind, period, history)
		list, err := reads.part.Medians(ctx, []globalforecast.Series{{Values: reads.cycle.without(history), Period: reads.period}}, horizon)
		if err != nil {
			return nil, fmt.Errorf("running the global network: %w", err)
		}
		reads.cycle.restore(list[0], len(history))
		return list[0], nil
	}
	return contestant{name: modelGlobal, fit: func(_ context.Context, y []float64) (predictor, string, error) {
		return predict, "", tooFew(y, leastConsulted)
	}}
}

// still says that all values are the same. The networks measure in units of
// what a series varies by, and there is none then.
func still(y []float64) bool { return slices.Min(y) == slices.Max(y) }

// unmoved continues a series that never moved, in the only way it knows.
func unmoved(v float64, horizon int) *globalforecast.Forecast {
	out := new(globalforecast.Forecast)
	for k := range out {
		out[k] = slices.Repeat([]float64{v}, horizon)
	}
	return out
}
