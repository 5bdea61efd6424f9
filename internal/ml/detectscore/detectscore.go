// Package detectscore compares alarms with labelled anomalies: by point, by
// event, and point-adjusted, which flatters.
//
// An event is a labelled window of rows; an alarm is a run of rows that a
// detector called anomalies. One alarm in a window is what a person who is
// called needs, so the event counts say more about long windows than the
// points do: a window of a thousand rows with one alarm in it is found, at a
// recall by point of a thousandth.
package detectscore

import (
	"math"

	"github.com/omni-run/omni/internal/ml/nabscore"
)

// Counts are outcomes.
type Counts struct{ TP, FP, FN, TN int }

// Precision is the share of alarms that were right; NaN without any.
func (c Counts) Precision() float64 { return ratio(c.TP, c.TP+c.FP) }

// Recall is the share of anomalies that were found; NaN without any.
func (c Counts) Recall() float64 { return ratio(c.TP, c.TP+c.FN) }

// F1 is the harmonic mean of both; NaN with neither alarm nor anomaly.
func (c Counts) F1() float64 { return ratio(2*c.TP, 2*c.TP+c.FP+c.FN) }

func ratio(part, whole int) float64 {
	if whole == 0 {
		return math.NaN()
	}
	return float64(part) / float64(whole)
}

func (c Counts) plus(o Counts) Counts {
	return Counts{c.TP + o.TP, c.FP + o.FP, c.FN + o.FN, c.TN + o.TN}
}

// Result is how the alarms on one series, or on several, did.
type Result struct {
	// Points counts every row for itself.
	Points Counts
	// Adjusted counts all rows of a window as found if one of them is, as many
	// papers do (Xu et al. 2018). A detector that rings at random scores high
	// by it (Kim et al., "Towards a rigorous evaluation of time-series anomaly
	// detection", 2022): it is for comparison with such papers only.
	Adjusted Counts
	// Windows are the labelled ones, Found those with an alarm in them.
	Windows, Found int
	// Alarms are runs of rows, True those that touch a window.
	Alarms, True int
}

// EventPrecision is the share of the alarms that touch a window; NaN without
// any alarm.
func (r Result) EventPrecision() float64 { return ratio(r.True, r.Alarms) }

// EventRecall is the share of the windows that were found; NaN without any.
func (r Result) EventRecall() float64 { return ratio(r.Found, r.Windows) }

// EventF1 is the harmonic mean of both; 0 where one of them is, NaN with
// neither alarm nor window.
func (r Result) EventF1() float64 {
	p, q := r.EventPrecision(), r.EventRecall()
	switch {
	case r.Alarms == 0 && r.Windows == 0:
		return math.NaN()
	case r.True == 0 || r.Found == 0:
		return 0
	}
	return 2 * p * q / (p + q)
}

// Add sums up results of several series.
func (r Result) Add(o Result) Result {
	return Result{
		r.Points.plus(o.Points), r.Adjusted.plus(o.Adjusted),
		r.Windows + o.Windows, r.Found + o.Found, r.Alarms + o.Alarms, r.True + o.True,
	}
}

// Compare counts what the alarms on a series are worth. It panics if there is
// not one verdict a row; the windows must be valid ([nabscore.Series.Validate]).
func Compare(s nabscore.Series, alarm []bool) Result {
	if len(alarm) != s.Rows {
		panic("detectscore: one verdict a row wanted")
	}
	inside := make([]int, s.Rows) // the window a row is in, from 1
	found := make([]bool, len(s.Windows)+1)
	for k, w := range s.Windows {
		for i := w.First; i <= w.Last; i++ {
			inside[i] = k + 1
			found[k+1] = found[k+1] || alarm[i]
		}
	}
	r := Result{Windows: len(s.Windows)}
	running, right := false, false
	for i, on := range alarm {
		labelled := inside[i] > 0
		r.Points.count(on, labelled)
		r.Adjusted.count(on || found[inside[i]], labelled)
		if on && !running {
			r.Alarms++
			right = false
		}
		if running = on; on && labelled && !right {
			r.True++
			right = true
		}
	}
	for _, f := range found[1:] {
		if f {
			r.Found++
		}
	}
	return r
}

func (c *Counts) count(on, labelled bool) {
	switch {
	case on && labelled:
		c.TP++
	case on:
		c.FP++
	case labelled:
		c.FN++
	default:
		c.TN++
	}
}

// Windows are the runs of labelled rows.
func Windows(labels []bool) (out []nabscore.Window) {
	for i, on := range labels {
		switch {
		case !on:
		case i > 0 && labels[i-1]:
			out[len(out)-1].Last = i
		default:
			out = append(out, nabscore.Window{First: i, Last: i})
		}
	}
	return out
}
