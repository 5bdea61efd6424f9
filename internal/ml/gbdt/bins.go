package gbdt

import (
	"math"
	"slices"
)

const (
	maxBins = 254
	missing = 255 // the bin of NaN
)

// bins holds the training rows as bin numbers, column by column.
type bins struct {
	codes [][]uint8
	// cuts[f][b] is the threshold between bins b and b+1.
	cuts [][]float64
}

func bin(rows [][]float64, features int) *bins {
	b := &bins{codes: make([][]uint8, features), cuts: make([][]float64, features)}
	values := make([]float64, 0, len(rows))
	for f := range features {
		values = values[:0]
		for _, r := range rows {
			if !math.IsNaN(r[f]) {
				values = append(values, r[f])
			}
		}
		slices.Sort(values)
		cuts := cutsOf(values)
		codes := make([]uint8, len(rows))
		for i, r := range rows {
			if math.IsNaN(r[f]) {
				codes[i] = missing
				continue
			}
			at, _ := slices.BinarySearch(cuts, r[f]) // the first cut >= the value
			codes[i] = uint8(at)
		}
		b.codes[f], b.cuts[f] = codes, cuts
	}
	return b
}

// cutsOf places thresholds halfway between neighbouring values: between all
// when they are few, else between those nearest to even quantiles.
func cutsOf(sorted []float64) []float64 {
	distinct := slices.Compact(slices.Clone(sorted))
	var cuts []float64
	add := func(a, b float64) {
		c := a/2 + b/2
		if c >= b { // neighbours too close for a number in between
			c = a
		}
		if len(cuts) == 0 || c > cuts[len(cuts)-1] {
			cuts = append(cuts, c)
		}
	}
	if len(distinct) <= maxBins {
		for i := 1; i < len(distinct); i++ {
			add(distinct[i-1], distinct[i])
		}
		return cuts
	}
	for q := 1; q < maxBins; q++ {
		v := sorted[q*len(sorted)/maxBins]
		at, _ := slices.BinarySearch(distinct, v)
		if at > 0 {
			add(distinct[at-1], distinct[at])
		}
	}
	return cuts
}
