package main

import (
	"fmt"
	"math"
	"slices"

	"github.com/omni-run/omni/internal/ml/selector"
)

// loss is the error of the weighted mean of the forecasts, half MASE and half
// sMAPE, each relative to the mean of Theta's (naive for demand) over the
// group, as the M4 competition's OWA is to Naive2's.
type loss struct {
	list   []example
	groups map[string]*reference
	// share tempers the rows whose error is many times the usual.
	share []float64
	mixed []float64
}

type reference struct{ mase, smape, n float64 }

// mostRow is the largest reference error of a row, in means of its group.
const mostRow = 5

func newLoss(list []example) *loss {
	l := &loss{list: list, groups: map[string]*reference{}, share: make([]float64, len(list))}
	for i := range list {
		e := &list[i]
		g := l.groups[e.Group]
		if g == nil {
			g = &reference{}
			l.groups[e.Group] = g
		}
		mase, smape := e.errorsOf(e.reference())
		g.mase, g.smape, g.n = g.mase+mase, g.smape+smape, g.n+1
	}
	for i := range list {
		e := &list[i]
		g := l.groups[e.Group]
		mase, _ := e.errorsOf(e.reference())
		l.share[i] = min(1, mostRow*g.mase/g.n/max(mase, 1e-9))
	}
	return l
}

// reference is Theta's forecast, or the naive one where it has none.
func (e *example) reference() []float64 {
	names := selector.Members()
	for _, name := range []string{"theta", "naive"} {
		if f := e.Case.Members[slices.Index(names, name)].Forecast; f != nil {
			return f
		}
	}
	return make([]float64, len(e.Actual))
}

// Loss implements gbdt.Loss.
func (l *loss) Loss(row int, weights, gradient []float64) float64 {
	e := &l.list[row]
	g := l.groups[e.Group]
	n := float64(len(e.Actual))
	byMASE, bySMAPE := 0.5*g.n/g.mase, 0.5*g.n/max(g.smape, 1e-9)
	if e.Demand {
		byMASE, bySMAPE = 2*byMASE, 0
	}
	l.mixed = l.mix(e, weights)
	clear(gradient)
	total := 0.0
	for i, a := range e.Actual {
		v := l.mixed[i] * e.Unit
		d := math.Abs(a - v)
		cost := byMASE / e.Scale / n
		if t := math.Abs(a) + math.Abs(v); t > 0 {
			cost += bySMAPE * 200 / t / n // its own change with v is left out
		}
		total += cost * d
		slope := cost * e.Unit
		if v < a {
			slope = -slope
		}
		for k, m := range e.Case.Members {
			if m.Forecast != nil {
				gradient[k] += slope * m.Forecast[i] * l.share[row]
			}
		}
	}
	return total * l.share[row]
}

func (l *loss) mix(e *example, weights []float64) []float64 {
	out := slices.Grow(l.mixed[:0], len(e.Actual))[:len(e.Actual)]
	clear(out)
	for k, m := range e.Case.Members {
		if weights[k] > 0 {
			for i := range out {
				out[i] += weights[k] * m.Forecast[i]
			}
		}
	}
	return out
}

// report prints how the held rows fare, group by group: every member, the
// plain mean of the members, and the model.
func (l *loss) report(m *selector.Model, list []example) {
	type sums struct{ mase, smape, n float64 }
	names := append(selector.Members(), "MEAN", "MODEL")
	var groups []string
	table := map[string][]sums{}
	for i := range list {
		e := &list[i]
		if !e.Held || e.Case.Members[len(e.Case.Members)-1].Forecast != nil {
			continue // one row a series: without the network
		}
		if table[e.Group] == nil {
			table[e.Group] = make([]sums, len(names))
			groups = append(groups, e.Group)
		}
		even := make([]float64, len(e.Case.Members))
		for k, member := range e.Case.Members {
			if member.Forecast != nil {
				even[k] = 1
			}
		}
		count := 0.0
		for _, v := range even {
			count += v
		}
		for k := range even {
			even[k] /= count
		}
		for k, name := range names {
			var f []float64
			switch {
			case k < len(e.Case.Members):
				f = e.Case.Members[k].Forecast
			case name == "MEAN":
				f = slices.Clone(l.mix(e, even))
			default:
				f = slices.Clone(l.mix(e, m.Weights(e.Case)))
			}
			if f == nil {
				continue
			}
			mase, smape := e.errorsOf(f)
			s := &table[e.Group][k]
			s.mase, s.smape, s.n = s.mase+mase, s.smape+smape, s.n+1
		}
	}
	for _, g := range groups {
		fmt.Println(g)
		for k, s := range table[g] {
			if s.n > 0 {
				fmt.Printf("  %-16s n %5.0f  MASE %.4f  sMAPE %.3f\n", names[k], s.n, s.mase/s.n, s.smape/s.n)
			}
		}
	}
}
