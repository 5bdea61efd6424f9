package calc

import (
	"math"
	"slices"
)

var scalars = map[string]func(float64) float64{
	"sqrt": math.Sqrt, "cbrt": math.Cbrt, "abs": math.Abs, "exp": math.Exp, "ln": math.Log, "log": math.Log10, "log10": math.Log10,
	"log2": math.Log2, "floor": math.Floor, "ceil": math.Ceil, "sin": math.Sin, "cos": math.Cos, "tan": math.Tan,
}

var lists = map[string]func([]float64) float64{
	"sum": Sum, "total": Sum, "mean": Mean, "avg": Mean, "average": Mean, "median": Median,
	"min": slices.Min[[]float64], "max": slices.Max[[]float64],
	"count": func(x []float64) float64 { return float64(len(x)) },
	"range": func(x []float64) float64 { return slices.Max(x) - slices.Min(x) },
	"var":   Variance, "variance": Variance,
	"std": Deviation, "stdev": Deviation, "stddev": Deviation,
	"product": func(x []float64) float64 {
		out := 1.0
		for _, v := range x {
			out *= v
		}
		return out
	},
	"first":  func(x []float64) float64 { return x[0] },
	"last":   func(x []float64) float64 { return x[len(x)-1] },
	"growth": func(x []float64) float64 { return 100 * (x[len(x)-1] - x[0]) / math.Abs(x[0]) },
}

func (p *parser) call(name string, arguments []value) (value, error) {
	if f, ok := scalars[name]; ok {
		if len(arguments) != 1 {
			return value{}, p.fail("%s takes one number", name)
		}
		x, err := p.scalar(arguments[0])
		return value{x: f(x)}, err
	}
	if f, ok := lists[name]; ok {
		all := flatten(arguments).list
		if len(all) == 0 {
			return value{}, p.fail("%s of nothing", name)
		}
		return value{x: f(all)}, nil
	}
	switch name {
	case "round":
		return p.round(arguments)
	case "percentile", "quantile":
		return p.percentile(name, arguments)
	}
	return value{}, p.fail("there is no function %q", name)
}

func (p *parser) round(arguments []value) (value, error) {
	if len(arguments) == 0 || len(arguments) > 2 {
		return value{}, p.fail("round takes a number and, if wanted, a count of decimals")
	}
	x, err := p.scalar(arguments[0])
	if err != nil || len(arguments) == 1 {
		return value{x: math.Round(x)}, err
	}
	places, err := p.scalar(arguments[1])
	if err != nil {
		return value{}, err
	}
	if places != math.Trunc(places) || places < 0 || places > 15 {
		return value{}, p.fail("decimals must be a whole number from 0 to 15")
	}
	unit := math.Pow(10, places)
	return value{x: math.Round(x*unit) / unit}, nil
}

// percentile takes a list and then the percentage (0 to 100) or, as quantile,
// the share (0 to 1).
func (p *parser) percentile(name string, arguments []value) (value, error) {
	if len(arguments) < 2 {
		return value{}, p.fail("%s takes numbers and then the wanted share", name)
	}
	share, err := p.scalar(arguments[len(arguments)-1])
	if err != nil {
		return value{}, err
	}
	if name == "percentile" {
		share /= 100
	}
	all := flatten(arguments[:len(arguments)-1]).list
	if len(all) == 0 || !(share >= 0 && share <= 1) {
		return value{}, p.fail("the wanted share is outside 0 to 100%%")
	}
	return value{x: Quantile(all, share)}, nil
}

// Sum returns the sum of x, compensated (Neumaier, 1974); 0 for no numbers.
func Sum(x []float64) float64 {
	sum, lost := 0.0, 0.0
	for _, v := range x {
		t := sum + v
		if math.Abs(sum) >= math.Abs(v) {
			lost += (sum - t) + v
		} else {
			lost += (v - t) + sum
		}
		sum = t
	}
	if math.IsNaN(lost) || math.IsInf(lost, 0) {
		return sum
	}
	return sum + lost
}

// Mean returns the arithmetic mean; NaN for no numbers. It does not overflow
// where the mean itself is finite.
func Mean(x []float64) float64 {
	if s := Sum(x); !math.IsInf(s, 0) {
		return s / float64(len(x))
	}
	out := 0.0
	for _, v := range x {
		out += v / float64(len(x))
	}
	return out
}

// Variance returns the sample variance (divisor n-1); 0 for one number.
func Variance(x []float64) float64 {
	if len(x) < 2 {
		return 0
	}
	d := Deviation(x)
	return d * d
}

// Deviation returns the sample standard deviation, scaled so that huge and
// tiny values neither overflow nor vanish.
func Deviation(x []float64) float64 {
	if len(x) < 2 {
		return 0
	}
	mean, scale := Mean(x), 0.0
	for _, v := range x {
		scale = max(scale, math.Abs(v-mean))
	}
	if scale == 0 || math.IsInf(scale, 0) || math.IsNaN(scale) {
		return scale
	}
	sum := 0.0
	for _, v := range x {
		d := (v - mean) / scale
		sum += d * d
	}
	return scale * math.Sqrt(sum/float64(len(x)-1))
}

// Median returns the middle value.
func Median(x []float64) float64 { return Quantile(x, 0.5) }

// Quantile returns the quantile at share (0 to 1) with linear interpolation
// (Hyndman and Fan, 1996, type 7). It panics on no numbers.
func Quantile(x []float64, share float64) float64 {
	sorted := slices.Clone(x)
	slices.Sort(sorted)
	at := share * float64(len(sorted)-1)
	low := int(at)
	if low+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	w := at - float64(low)
	return sorted[low]*(1-w) + sorted[low+1]*w
}
