package agents

import (
	"fmt"
	"math"

	"github.com/omni-run/omni/internal/ml/calc"
	"github.com/omni-run/omni/internal/tool/catalog"
)

// learner updates the baselines of the observed metrics and reports those that
// have moved. The baselines themselves are committed after every agent has
// looked, so that none judges by what it is about to judge.
func (l *look) learner() error {
	var moved []string
	total := 0
	judge := func(path string, values []float64) {
		if len(values) == 0 {
			return
		}
		before := l.learned[path]
		b := baseline{}
		if before != nil {
			b = *before
		}
		old := b
		for _, x := range values {
			b.add(x)
		}
		total += b.N
		l.did("update_baseline", map[string]any{
			"metric": path, "n": float64(b.N), "mean": b.Mean, "deviation": b.deviation(), "moving_average": b.Average,
			"p05": b.Quantiles[0].value(), "p50": b.Quantiles[1].value(), "p95": b.Quantiles[2].value(),
		})
		if text, weight := drift(&old, &b, values); weight > 0 {
			moved = append(moved, path)
			l.proves(path, text, weight)
			l.did("report_drift", map[string]any{"metric": path, "mean": old.Mean, "now": b.Average, "why": text})
		}
	}
	for _, path := range names(l.seen.scalars) {
		judge(path, []float64{l.seen.scalars[path]})
	}
	for _, path := range names(l.seen.series) {
		judge(path, catalog.Known(l.seen.series[path]))
	}
	switch {
	case len(moved) > 0:
		l.kind = "drift"
		l.text = "These metrics have left what was learned: " + sentence(moved)
	case total > 0:
		l.kind = "baseline_updated"
		l.text = fmt.Sprintf("Metrics learned from: %d; none has drifted.", len(l.seen.scalars)+len(l.seen.series))
		l.proves("baselines", fmt.Sprintf("%d values are behind the baselines", total), float64(total)/float64(total+20))
	}
	return nil
}

// drift tells whether the new values moved the metric: by the control chart of
// the moving average, or within a long series by its two halves (Welch, 1947).
func drift(old, now *baseline, values []float64) (string, float64) {
	if old.N >= enough {
		moved := math.Abs(now.Average-old.Mean) / (3 * old.scale() * math.Sqrt(smoothing/(2-smoothing)))
		if moved > 1 {
			return fmt.Sprintf("the moving average %s is %s control limits from the mean %s", show(now.Average), show(min(moved, 1e6)), show(old.Mean)), 1 - 0.5/moved
		}
		return "", 0
	}
	if len(values) < 2*enough {
		return "", 0
	}
	a, b := values[:len(values)/2], values[len(values)/2:]
	sa, sb := calc.Deviation(a), calc.Deviation(b)
	room := math.Sqrt(sa*sa/float64(len(a)) + sb*sb/float64(len(b)))
	room = max(room, 1e-9*math.Abs(calc.Mean(a)), 1e-300)
	if t := math.Abs(calc.Mean(b)-calc.Mean(a)) / room; t > 4 {
		return fmt.Sprintf("the mean went from %s to %s between the halves (t %s)", show(calc.Mean(a)), show(calc.Mean(b)), show(min(t, 1e6))), 1 - 2/t
	}
	return "", 0
}
