package forecast

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/ml/backtest"
	"github.com/omni-run/omni/internal/ml/lstm"
)

const (
	// judgedSteps of a series without a season are held back, and no more than
	// one in judgedShare.
	judgedSteps = 8
	judgedShare = 4
)

// rival trains the planned network once without the ends of the series and
// judges it on those, beside what the tenant uses so far. It returns nil where
// no series is long enough to hold its end back.
func (t *Trainer) rival(ctx context.Context, tenant string, p *globalPlan, progress func(float64)) (*api.AdaptedForecast, error) {
	incumbent, err := t.incumbents.globalModel(ctx, tenant)
	if err != nil {
		return nil, err
	}
	var judged []*material
	var heads [][]float64
	for _, m := range p.series {
		head := &material{values: m.values[:len(m.values)-m.heldBack()], kind: m.kind, period: m.period}
		if len(head.values) > p.config.Lookback && m.heldBack() > 0 && backtest.Scale(head.values, 1) > 0 {
			judged, heads = append(judged, m), append(heads, head.prepared())
		}
	}
	if len(judged) == 0 {
		return nil, nil
	}
	net, _, err := lstm.TrainSeries(ctx, heads, p.config, p.random(), progress)
	if err != nil {
		return nil, fmt.Errorf("training without the ends: %w", err)
	}
	answer := &api.AdaptedForecast{Frequency: "any"}
	for _, m := range judged {
		before, known, err := m.errorOf(ctx, incumbent.alone(m.kind, m.period))
		if err != nil {
			return nil, err
		}
		after, ran, err := m.errorOf(ctx, global(net, m.period))
		if err != nil {
			return nil, err
		}
		if known && ran {
			answer.Incumbent, answer.MASE = answer.Incumbent+before, answer.MASE+after
			answer.Series++
		}
	}
	if answer.Series == 0 {
		return nil, nil
	}
	answer.Incumbent, answer.MASE = answer.Incumbent/float64(answer.Series), answer.MASE/float64(answer.Series)
	return answer, nil
}

// heldBack is how many of the newest values a network is judged on.
func (m *material) heldBack() int {
	steps := judgedSteps
	if m.period > 1 {
		steps = m.period
	}
	return min(steps, len(m.values)/judgedShare)
}

// errorOf is the mean absolute error of a contestant on what is held back, over
// the mean step of what is not. ran is false for one that is unfit.
func (m *material) errorOf(ctx context.Context, c contestant) (mase float64, ran bool, err error) {
	h := m.heldBack()
	head := m.values[: len(m.values)-h : len(m.values)-h]
	predict, _, err := c.fit(ctx, head)
	if errors.Is(err, errUnfit) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, fmt.Errorf("judging a network: %w", err)
	}
	f, err := predict(ctx, head, h)
	if err != nil {
		return 0, false, fmt.Errorf("judging a network: %w", err)
	}
	sum := 0.0
	for i, v := range m.values[len(head):] {
		sum += math.Abs(v-f[i]) / float64(h)
	}
	return sum / backtest.Scale(head, 1), true, nil
}

// random is the source of everything random in a training.
func (p *globalPlan) random() *rand.Rand { return rand.New(rand.NewPCG(uint64(p.seed), 1)) }
