package selector

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/omni-run/omni/internal/ml/features"
	"github.com/omni-run/omni/internal/ml/gbdt"
)

// Calibration holds by what factor the half width of an interval, as a
// back-test measured it, must grow or shrink for the interval to hold its level
// on what comes after: the conformal quantile over many series (Vovk, Gammerman
// and Shafer, 2005) of error to half width. A back-test flatters, because it
// also chose, and the more so the less history there is. Trees say so for each
// series by itself, the table corrects what is left by kind of step and level.
type Calibration struct {
	// Width answers, for the Row of a Spread, the logarithm of the factor that
	// the 95 % interval needs; nil for 1.
	Width *gbdt.Quantile `json:"-"`
	// Levels are shares, increasing.
	Levels []float64 `json:"levels"`
	// Factors holds one row a class, see Class, with a factor a level.
	Factors [][]float64 `json:"factors"`
}

// Spread is what is known of a series' intervals before they are corrected.
type Spread struct {
	// Features are those of package features.
	Features        []float64
	Period, Horizon int
	// Tested is how many errors the back-test measured, TestHorizon how far
	// ahead.
	Tested, TestHorizon int
	// Own is the half width of the 95 % interval by the back-test's errors,
	// Network that of the global networks, NaN where they took no part: both
	// as geometric means over the steps, in Scale, the MASE denominator.
	Own, Network, Scale float64
}

const spreadWidth = features.Count + 6

// Row lays the spread out for the trees.
func (s Spread) Row() []float64 {
	reach := float64(s.Horizon) / float64(max(s.TestHorizon, 1))
	row := append(make([]float64, 0, spreadWidth), s.Features...)
	return append(row, float64(s.Period), math.Log(float64(s.Horizon)), reach, math.Log1p(float64(s.Tested)),
		ratio(s.Own, s.Scale), ratio(s.Own, s.Network))
}

// ratio is the logarithm of a over b, within bounds, NaN where it says nothing.
func ratio(a, b float64) float64 {
	if !(a > 0 && b > 0) {
		return math.NaN()
	}
	return clip(math.Log(a/b), 5)
}

// Widen returns the factor on all of a series' half widths.
func (c *Calibration) Widen(s Spread) float64 {
	if c.Width == nil {
		return 1
	}
	return WidthFactor(c.Width.At(s.Row()))
}

// WidthFactor is the factor that a logarithm answered by Width stands for.
func WidthFactor(logarithm float64) float64 { return math.Exp(clip(logarithm, 1.5)) }

// Classes is how many kinds of step Class tells apart.
const Classes = lengths * seasons * Reaches

const (
	lengths = 4
	seasons = 4
	// Reaches is how many neighbouring classes differ only by how far a step
	// lies past what the back-test tested.
	Reaches = 3
)

// Class sorts a step of a forecast: by the length of the history, the length
// of its season, and how far the step lies past what the back-test tested (0
// without one).
func Class(known, period, testHorizon, step int) int {
	length, season, reach := 0, 0, 0
	for _, limit := range [lengths - 1]int{20, 40, 90} {
		if known >= limit {
			length++
		}
	}
	for _, limit := range [seasons - 1]int{2, 8, 20} {
		if period >= limit {
			season++
		}
	}
	if step > testHorizon {
		reach = 1
	}
	if step > 2*testHorizon {
		reach = 2
	}
	return (length*seasons+season)*Reaches + reach
}

// Factor returns the factor of a class at a level, between the levels known by
// a straight line; 1 for a table without entries.
func (c *Calibration) Factor(class int, level float64) float64 {
	if len(c.Levels) == 0 {
		return 1
	}
	row := c.Factors[class]
	at, found := slices.BinarySearch(c.Levels, level)
	switch {
	case found:
		return row[at]
	case at == 0:
		return row[0]
	case at == len(row):
		return row[at-1]
	}
	share := (level - c.Levels[at-1]) / (c.Levels[at] - c.Levels[at-1])
	return row[at-1]*(1-share) + row[at]*share
}

var errCalibration = errors.New("selector: the calibration is damaged")

func (c *Calibration) validate() error {
	if c.Width != nil {
		if err := c.Width.Validate(); err != nil {
			return fmt.Errorf("%w: %w", errCalibration, err)
		}
	}
	if len(c.Levels) == 0 && len(c.Factors) == 0 {
		return nil
	}
	if len(c.Factors) != Classes || !slices.IsSorted(c.Levels) {
		return errCalibration
	}
	for _, row := range c.Factors {
		if len(row) != len(c.Levels) {
			return errCalibration
		}
		for _, v := range row {
			if !(v > 0) || math.IsInf(v, 0) {
				return errCalibration
			}
		}
	}
	return nil
}
