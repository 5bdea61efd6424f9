package globalforecast

import (
	"cmp"
	"slices"
)

// weighted is a number and what it counts.
type weighted struct{ value, weight float64 }

// leastStretched is how many series of demand must have been judged for it to
// have factors of its own.
const leastStretched = 100

// stretched finds, for each quantile, the factor on its distance from the
// median that puts the share it names below it; the steps are pooled in threes,
// so that each factor rests on many errors. demand asks for the series that are
// such, the others else; nil says that those are too few.
func (f *Frequency) stretched(forecasts []Forecast, j held, demand bool) [][quantiles]float64 {
	h := f.Recipe.Near
	out := unstretched(f.Horizon())
	few := 0
	for _, d := range j.demand {
		if d == demand {
			few++
		}
	}
	if few < leastStretched && demand {
		return nil
	}
	for k, level := range Quantiles {
		if k == middle {
			continue
		}
		share := level
		if k < middle {
			share = 1 - level
		}
		groups := make([][]weighted, (h+2)/3)
		for i, y := range j.next {
			if j.demand[i] != demand {
				continue
			}
			for s, a := range y {
				m := forecasts[i][middle][s]
				if width := forecasts[i][k][s] - m; width != 0 {
					groups[s/3] = append(groups[s/3], weighted{(a - m) / width, j.weights[i]})
				}
			}
		}
		for g := range groups {
			slices.SortFunc(groups[g], func(a, b weighted) int { return cmp.Compare(a.value, b.value) })
		}
		for s := range out {
			out[s][k] = max(leastStretch, min(mostStretch, upper(groups[min(s, h-1)/3], share)))
		}
	}
	for s := range out {
		ordered(&out[s])
	}
	return out
}

const leastStretch, mostStretch = 0.2, 4

// upper is the conformal quantile of x, which is sorted: the least value up to
// which share of the weight lies, counting one more value of the mean weight
// above all. With equal weights that is the ceil((n+1)*share)-th smallest.
func upper(x []weighted, share float64) float64 {
	if len(x) == 0 {
		return 1
	}
	total := 0.0
	for _, v := range x {
		total += v.weight
	}
	need := share * (total + total/float64(len(x)))
	sum := 0.0
	for _, v := range x {
		if sum += v.weight; sum >= need-1e-9*total {
			return v.value
		}
	}
	return x[len(x)-1].value
}

// ordered keeps the stretched quantiles of a step from crossing for certain:
// none is stretched less than half of the next inner one.
func ordered(step *[quantiles]float64) {
	for k := middle + 2; k < quantiles; k++ {
		step[k] = max(step[k], step[k-1]/2)
		step[quantiles-1-k] = max(step[quantiles-1-k], step[quantiles-k]/2)
	}
}
