package globalforecast

import "math"

// corpus is what networks learn from: series and, where they are of several
// data sets, the set of each.
type corpus struct {
	series [][]float64
	sets   []string
}

// set names the data set of series i.
func (c corpus) set(i int) string {
	if c.sets == nil {
		return ""
	}
	return c.sets[i]
}

// shares gives each series its part in what is drawn. Within a set series count
// by the root of their length; a set as a whole counts by the root of the sum
// of those, so that a few hundred series of another kind are heard beside
// thousands of one.
func (c corpus) shares() []float64 {
	total := map[string]float64{}
	out := make([]float64, len(c.series))
	for i, y := range c.series {
		if len(y) > leastStart {
			out[i] = math.Sqrt(float64(len(y)))
			total[c.set(i)] += out[i]
		}
	}
	for i := range out {
		if out[i] > 0 {
			out[i] /= math.Sqrt(total[c.set(i)])
		}
	}
	return out
}
