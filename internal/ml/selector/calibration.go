package selector

import (
	"errors"
	"math"
	"slices"
)

// Calibration holds by what factor the half width of an interval, as a
// back-test measured it, must grow or shrink for the interval to hold its level
// on what comes after: the conformal quantile over many series (Vovk, Gammerman
// and Shafer, 2005) of error to half width. A back-test flatters, because it
// also chose, and the more so the less history there is.
type Calibration struct {
	// Levels are shares, increasing.
	Levels []float64 `json:"levels"`
	// Factors holds one row a class, see Class, with a factor a level.
	Factors [][]float64 `json:"factors"`
}

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

var errCalibration = errors.New("selector: the calibration table is damaged")

func (c *Calibration) validate() error {
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
