package forecast

import (
	"context"
	"fmt"

	"github.com/omni-run/omni/internal/ml/globalforecast"
)

// said is what networks of the shipped kind make of a series.
type said struct {
	// tests continue the beginnings of the plan.
	tests [][]float64
	// spread continues the series; nil where no such network takes part.
	spread *globalforecast.Forecast
}

// leastConsulted is the fewest values that the networks are asked about.
const leastConsulted = 2

// asking is what is asked of the networks of one frequency, and whom the
// replies are for.
type asking struct {
	questions []globalforecast.Question
	to        []func(globalforecast.Reply)
}

// consult asks the networks about many series at once, which costs a fraction
// of asking for each. What they say of one does not depend on the others.
func consult(ctx context.Context, races []*race) error {
	list, order := map[*globalforecast.Frequency]*asking{}, []*globalforecast.Frequency(nil)
	for _, r := range races {
		r.ask(func(f *globalforecast.Frequency, q globalforecast.Question, to func(globalforecast.Reply)) {
			a := list[f]
			if a == nil {
				a, order = new(asking), append(order, f)
				list[f] = a
			}
			a.questions, a.to = append(a.questions, q), append(a.to, to)
		})
	}
	for _, f := range order {
		replies, err := f.Ask(ctx, list[f].questions)
		if err != nil {
			return fmt.Errorf("running the global network: %w", err)
		}
		for i, to := range list[f].to {
			to(replies[i])
		}
	}
	return nil
}

// ask puts the questions on a series: one for its end and the beginnings that
// the back-test cuts it at, or two, where the shortest beginning is not read by
// the same networks, with the same season and none taken out.
func (r *race) ask(put func(*globalforecast.Frequency, globalforecast.Question, func(globalforecast.Reply))) {
	t := r.task
	if t.mode == modeLocal || t.global == nil || t.global.tuned == nil || len(r.y) < leastConsulted {
		return
	}
	if still(r.y) {
		r.said.spread = unmoved(r.y[0], t.horizon)
		for range r.plan.origins {
			r.said.tests = append(r.said.tests, unmoved(r.y[0], r.plan.horizon).Median())
		}
		return
	}
	reads := t.global.reads(t.kind, r.out.period, r.y)
	whole := globalforecast.Question{Series: globalforecast.Series{Values: reads.cycle.without(r.y), Period: reads.period}, Horizon: t.horizon}
	if len(r.plan.origins) > 0 {
		first := t.global.reads(t.kind, r.out.period, r.y[:r.plan.origins[0]])
		if first != reads {
			// What was taken out of the beginning is all that its back-test knows.
			put(first.part, globalforecast.Question{
				Series: globalforecast.Series{Values: first.cycle.without(r.y), Period: first.period}, Beginnings: r.plan.origins, Test: r.plan.horizon,
			}, func(reply globalforecast.Reply) {
				for i, origin := range r.plan.origins {
					first.cycle.restore(reply.Tests[i], origin)
				}
				r.heardTests(reply)
			})
		} else {
			whole.Beginnings, whole.Test = r.plan.origins, r.plan.horizon
		}
	}
	put(reads.part, whole, func(reply globalforecast.Reply) {
		for _, quantile := range reply.Forecast {
			reads.cycle.restore(quantile, len(r.y))
		}
		r.said.spread = reply.Forecast
		if len(reply.Tests) > 0 {
			r.heardTests(reply)
		}
	})
}

// heardTests takes in what was said of the beginnings.
func (r *race) heardTests(reply globalforecast.Reply) {
	r.said.tests = reply.Tests
	for i, origin := range r.plan.origins {
		if still(r.y[:origin]) {
			r.said.tests[i] = unmoved(r.y[0], r.plan.horizon).Median()
		}
	}
}
