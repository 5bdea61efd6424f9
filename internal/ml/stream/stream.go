// Package stream finds anomalies in one series while its points arrive: a
// bounded amount of work and of memory for each, and a state that can be put
// away and taken up again.
//
// Four features watch the series, each giving an error of 0 or more:
//
//   - value: how far the point is from the nearest of the last 4,096 values
//     (the nearest-neighbour distance of KNN-CAD, Burnaev and Ishimtsev 2016,
//     with sub-sequences of length one);
//   - season: how far the points have lately been from the mean of their hour
//     of the week;
//   - spread: how the standard deviation of four points differs from that of
//     the four before;
//   - level: how the mean of sixteen points differs from that of the sixteen
//     before.
//
// Errors of real series are heavy-tailed, so none is compared with a mean and
// a deviation. An error is news if it breaks its feature's record, and the
// news is the logarithm of by how much: without unit, alike for every series,
// and rare by itself, for among n exchangeable errors the last is the greatest
// with probability 1/n (Rényi 1962). The record fades, and an event that
// breaks it raises it only a quarter of the way (in logarithms), so that the second
// anomaly of its kind is still news. The news of the features is added up, and
// while an event lasts only what exceeds it so far is told again.
package stream

import (
	"math"
	"time"
)

const (
	// silence is for how many points nothing is scored: the first errors are
	// all records.
	silence = 32
	// learning is for how many points records are raised to the full.
	learning = 200
	// largest is the magnitude beyond which a value counts as this one: squares
	// of differences must stay finite.
	largest = 1e100
	// half is the news that makes a score of 0.5: errors an eighth beyond
	// their record.
	half = 0.125
	// loudest bounds what one feature can tell: twenty times its record.
	loudest = 3
)

// Feature names what made a point stand out.
type Feature int

// The features, in the order of the package comment.
const (
	Value Feature = iota
	Season
	Spread
	Level
	features
)

// String returns the feature's name.
func (f Feature) String() string {
	if f < 0 || f >= features {
		return "none"
	}
	return [features]string{"value", "season", "spread", "level"}[f]
}

// None is the feature of a point that stands out by none.
const None Feature = -1

// Point is the verdict on one point.
type Point struct {
	// Score is 0 for nothing new up to 1. From 0.5 on it is worth an alarm.
	Score float64
	// Expected is the mean of the hour of the week, or of the sixteen points
	// before while that hour has not been seen; NaN before the first value.
	Expected float64
	// Feature contributed most to the score; None if that is 0.
	Feature Feature
}

// Detector follows one series. The zero value is not ready: use New. It is not
// safe for concurrent use.
type Detector struct {
	state
	values *window
}

// New returns a detector with the default Config that has seen nothing.
func New() *Detector {
	d, err := NewWith(DefaultConfig())
	if err != nil {
		panic("stream: the default config is refused: " + err.Error())
	}
	return d
}

// NewWith returns a detector with the given Config that has seen nothing.
func NewWith(c Config) (*Detector, error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	d := &Detector{values: newWindow(history)}
	d.Config = c
	d.Told.Last = never
	for f := range d.Records {
		d.Records[f].Last = never
	}
	return d, nil
}

// Count returns how many values the detector has seen.
func (d *Detector) Count() int { return int(d.Seen) }

// Push judges the next point. Points come in the order of their times; the
// time tells the hour of the week, as its location has it. A NaN value is a
// gap: score 0, and nothing is learnt. An infinite or huge one counts as 1e100.
func (d *Detector) Push(at time.Time, value float64) Point {
	hour := 24*int(at.Weekday()) + at.Hour()
	p := Point{Expected: d.expected(hour), Feature: None}
	if math.IsNaN(value) {
		return p
	}
	value = min(max(value, -largest), largest) + 0 // no negative zero
	d.Scale = max(d.Scale, math.Abs(value))
	errors := d.errors(hour, value)

	// Differences of a millionth of the greatest value are rounding.
	floor := 1e-6 * d.Scale
	var news, most float64
	for f, e := range errors {
		n := d.Records[f].news(&d.Config, e, floor, d.Seen)
		if news += n; n > most {
			most, p.Feature = n, Feature(f)
		}
	}
	if d.Seen >= silence {
		news = d.Told.onset(&d.Config, news, d.Seen)
		p.Score = news / (news + half)
	}
	if p.Score == 0 {
		p.Feature = None
	}
	d.Seen++
	return p
}

func (d *Detector) expected(hour int) float64 {
	if h := d.Hours[hour]; h.Count > 0 {
		return h.Mean
	}
	n := min(int(d.Seen), levelWidth)
	if n == 0 {
		return math.NaN()
	}
	return d.mean(n, 0)
}
