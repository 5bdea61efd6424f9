// Package accuracy scores forecasts of many series against what came, as the
// M competitions do: means over the points of a series, then over series
// (Makridakis, Spiliotis and Assimakopoulos, "The M4 Competition: 100,000 time
// series and 61 forecasting methods", 2020).
package accuracy

import "math"

// Case is one series: what was known, oldest first, and what came next. A NaN
// in Test is a value that nobody knows: it is not scored.
type Case struct {
	Train, Test []float64
	// Lag scales errors: they are divided by the mean absolute difference of
	// values so far apart in Train. The competitions take the season's length,
	// but 1 for weekly and daily series.
	Lag int
}

// Band is the interval of one level, in (0, 1), at every step.
type Band struct {
	Level        float64
	Lower, Upper []float64
}

// Forecast is what was said of one series, step by step. Bands may be none;
// the forecasts of one call of [Measure] have the same levels in the same
// order.
type Forecast struct {
	Point []float64
	Bands []Band
}

// Interval is how the intervals of one level did.
type Interval struct {
	Level float64
	// Coverage is the share of all points that lay inside, 0 to 1.
	Coverage float64
	// MSIS is the mean scaled interval score (Gneiting and Raftery, 2007): the
	// width, and 2/(1-Level) times the distance of the points outside, over
	// the scale of the series.
	MSIS float64
}

// Step is the accuracy at one step ahead, over the series that reach it.
type Step struct {
	SMAPE, MASE float64
	Series      int
}

// Scores are means over series.
type Scores struct {
	// Series were compared; Scaled of them move at their lag. The others have
	// no scale and are left out of MASE and MSIS.
	Series, Scaled int
	// SMAPE is the symmetric percentage error, 0 to 200; two zeros have none.
	SMAPE float64
	// MASE is the mean absolute error over the scale of the series (Hyndman
	// and Koehler, 2006). NaN if no series has one.
	MASE float64
	// MAPE is the mean percentage error of the points that are not 0, over the
	// series that have any; NaN if none has.
	MAPE      float64
	Intervals []Interval
	Steps     []Step
}

// OWA is the overall weighted average of the M4 competition: the mean of sMAPE
// and MASE, each relative to those of Naive2 on the same series. It is NaN
// where the reference made no error.
func (s Scores) OWA(naive2 Scores) float64 {
	if naive2.SMAPE == 0 || naive2.MASE == 0 {
		return math.NaN()
	}
	return (s.SMAPE/naive2.SMAPE + s.MASE/naive2.MASE) / 2
}

// Scale is the mean absolute difference of values lag apart; 0 where y is no
// longer than that, or repeats exactly.
func Scale(y []float64, lag int) float64 {
	sum := 0.0
	for i := lag; i < len(y); i++ {
		sum += math.Abs(y[i]-y[i-lag]) / float64(len(y)-lag)
	}
	return sum
}

// Measure compares each forecast with its case. It panics if there are not as
// many of them, or one has fewer steps than its case. Of no case at all the
// means are NaN.
func Measure(cases []Case, forecasts []Forecast) Scores {
	if len(cases) != len(forecasts) {
		panic("accuracy: one forecast a case wanted")
	}
	var t totals
	for i, c := range cases {
		t.add(c, forecasts[i])
	}
	return t.scores()
}

// totals are sums over series.
type totals struct {
	series, scaled, relative int
	smape, mase, mape        float64
	levels, msis             []float64
	inside, points           []int
	stepSMAPE, stepMASE      []float64
	stepSeries, stepScaled   []int
}

func (t *totals) add(c Case, f Forecast) {
	if len(f.Point) < len(c.Test) {
		panic("accuracy: a forecast is shorter than what came")
	}
	if known(c.Test) == 0 {
		return
	}
	scale := Scale(c.Train, c.Lag)
	t.series++
	if scale > 0 {
		t.scaled++
	}
	n := known(c.Test)
	percent, whole := 0.0, 0
	for h, y := range c.Test {
		if math.IsNaN(y) {
			t.step(h, 0, 0, math.NaN())
			continue
		}
		d := math.Abs(y - f.Point[h])
		symmetric := 0.0
		if d > 0 {
			symmetric = 200 * d / (math.Abs(y) + math.Abs(f.Point[h]))
		}
		t.smape += symmetric / n
		if y != 0 {
			percent += 100 * d / math.Abs(y)
			whole++
		}
		t.step(h, symmetric, d, scale)
		if scale > 0 {
			t.mase += d / scale / n
		}
	}
	if whole > 0 {
		t.mape += percent / float64(whole)
		t.relative++
	}
	for k, b := range f.Bands {
		t.band(k, b, c.Test, scale)
	}
}

// known counts what is not NaN.
func known(values []float64) (n float64) {
	for _, v := range values {
		if !math.IsNaN(v) {
			n++
		}
	}
	return n
}

func (t *totals) step(h int, symmetric, d, scale float64) {
	if h == len(t.stepSMAPE) {
		t.stepSMAPE, t.stepMASE = append(t.stepSMAPE, 0), append(t.stepMASE, 0)
		t.stepSeries, t.stepScaled = append(t.stepSeries, 0), append(t.stepScaled, 0)
	}
	if math.IsNaN(scale) {
		return // a hole in what came: nothing but the room for it
	}
	t.stepSMAPE[h] += symmetric
	t.stepSeries[h]++
	if scale > 0 {
		t.stepMASE[h] += d / scale
		t.stepScaled[h]++
	}
}

func (t *totals) band(k int, b Band, test []float64, scale float64) {
	if k == len(t.levels) {
		t.levels, t.msis = append(t.levels, b.Level), append(t.msis, 0)
		t.inside, t.points = append(t.inside, 0), append(t.points, 0)
	}
	if b.Level != t.levels[k] {
		panic("accuracy: the forecasts have different levels")
	}
	penalty, n := 2/(1-b.Level), known(test)
	for h, y := range test {
		if math.IsNaN(y) {
			continue
		}
		t.points[k]++
		if y >= b.Lower[h] && y <= b.Upper[h] {
			t.inside[k]++
		}
		if scale > 0 {
			width := b.Upper[h] - b.Lower[h] + penalty*(max(0, b.Lower[h]-y)+max(0, y-b.Upper[h]))
			t.msis[k] += width / scale / n
		}
	}
}

func (t *totals) scores() Scores {
	s := Scores{
		Series: t.series, Scaled: t.scaled,
		SMAPE: share(t.smape, t.series), MASE: share(t.mase, t.scaled), MAPE: share(t.mape, t.relative),
	}
	for k, level := range t.levels {
		s.Intervals = append(s.Intervals, Interval{level, share(float64(t.inside[k]), t.points[k]), share(t.msis[k], t.scaled)})
	}
	for h, sum := range t.stepSMAPE {
		s.Steps = append(s.Steps, Step{share(sum, t.stepSeries[h]), share(t.stepMASE[h], t.stepScaled[h]), t.stepSeries[h]})
	}
	return s
}

func share(sum float64, count int) float64 {
	if count == 0 {
		return math.NaN()
	}
	return sum / float64(count)
}
