// Package nabscore scores streaming anomaly detectors by the rules of the
// Numenta Anomaly Benchmark (Lavin and Ahmad 2015, "Evaluating Real-time
// Anomaly Detection Algorithms: the Numenta Anomaly Benchmark"; as its
// release 1.1 applies them).
//
// A labelled anomaly is a window of rows. The earliest row of a window whose
// anomaly score reaches the threshold earns up to the true-positive weight,
// more the earlier it is; a window in which no row reaches it costs the
// false-negative weight; every detected row outside the windows costs up to
// the false-positive weight, less right behind a window. The first rows of a
// series are a probationary period and count for nothing. One threshold,
// chosen for the whole corpus, serves all its series. The raw total is put on
// a scale on which the detector that never fires has 0 and the perfect one 100.
package nabscore

import (
	"fmt"
	"math"
)

// The probationary period: this share of a series' rows, of at most so many.
const (
	probationShare = 0.15
	probationRows  = 5000
)

// Profile weighs the kinds of outcome: what an application pays for.
type Profile struct {
	Name string
	TP   float64 // earned by a window detected at its first row
	FP   float64 // paid for a detected row far from any window
	FN   float64 // paid for a window missed
}

// Profiles returns the benchmark's three: standard, one that pays twice as much
// for false alarms, and one that pays twice as much for missed anomalies.
func Profiles() []Profile {
	return []Profile{
		{Name: "standard", TP: 1, FP: 0.11, FN: 1},
		{Name: "reward_low_FP_rate", TP: 1, FP: 0.22, FN: 1},
		{Name: "reward_low_FN_rate", TP: 1, FP: 0.11, FN: 2},
	}
}

// Window is one labelled anomaly: its first and its last row, both inside.
type Window struct {
	First, Last int
}

// Series is one file of a corpus: how many rows it has and its windows, in
// order and apart from each other.
type Series struct {
	Name    string
	Rows    int
	Windows []Window
}

// Validate reports windows that are empty, out of order, overlapping or
// outside the rows.
func (s Series) Validate() error {
	next := 0
	for i, w := range s.Windows {
		if w.First < next || w.Last < w.First || w.Last >= s.Rows {
			return fmt.Errorf("series %q: window %d covers rows %d to %d, want from %d to %d", s.Name, i, w.First, w.Last, next, s.Rows-1)
		}
		next = w.Last + 1
	}
	return nil
}

// Probation returns how many rows at the start of a series of the given length
// are not scored: 15 % of them, at most 750.
func Probation(rows int) int {
	return int(min(math.Floor(probationShare*float64(rows)), probationShare*probationRows))
}

// Normalize puts a raw total on the scale from 0 (a detector that never fires)
// to 100 (one that finds every window at its first row and nothing else).
func Normalize(raw float64, windows int, p Profile) float64 {
	n := float64(windows)
	if n == 0 {
		return 0
	}
	null, perfect := -n*p.FN, n*p.TP
	return 100 * (raw - null) / (perfect - null)
}

// Windows counts the windows of a corpus.
func Windows(corpus []Series) int {
	n := 0
	for _, s := range corpus {
		n += len(s.Windows)
	}
	return n
}

// sigmoid is the benchmark's scaled sigmoid over a position relative to a
// window's width: near 1 at the left edge (-1), 0 at the right edge, near -1
// one width behind it, exactly -1 from three widths on.
func sigmoid(position float64) float64 {
	if position >= 3 {
		return -1
	}
	return 2/(1+math.Exp(5*position)) - 1
}

// outside is the window of a row that is in none; probation that of a row
// that is not scored.
const (
	outside   = -1
	probation = -2
)

// row is what a detection at one row is worth.
type row struct {
	window int     // index into the series' windows, or outside, or probation
	worth  float64 // weighted: what the row adds to the raw total
}

// worths returns, for every row of a series, what a detection there adds.
func worths(s Series, p Profile) []row {
	rows := make([]row, s.Rows)
	start, best := Probation(s.Rows), sigmoid(-1)
	next := 0
	for i := range rows {
		for next < len(s.Windows) && i > s.Windows[next].Last {
			next++
		}
		switch {
		case next < len(s.Windows) && i >= s.Windows[next].First:
			w := s.Windows[next]
			rows[i] = row{next, p.TP * sigmoid(-float64(w.Last-i+1)/float64(w.Last-w.First+1)) / best}
		case next == 0:
			rows[i] = row{outside, -p.FP}
		default:
			// A window of one row has no width to measure by: far behind it.
			w, position := s.Windows[next-1], 3.0
			if w.Last > w.First {
				position = float64(i-w.Last) / float64(w.Last-w.First)
			}
			rows[i] = row{outside, p.FP * sigmoid(position)}
		}
		if i < start {
			rows[i].window = probation
		}
	}
	return rows
}
