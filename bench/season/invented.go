package main

import (
	"math"
	"math/rand/v2"
)

// process draws one series of n values.
type process struct {
	name    string
	seasons []int
	lengths []int
	draw    func(rng *rand.Rand, n int) []float64
}

// short to long histories of what has no season.
var lengths = []int{24, 40, 60, 100, 200, 500, 1000}

// each is how many series of a length are drawn.
const each = 300

func inventions() (out []collection) {
	for k, p := range processes() {
		rng := rand.New(rand.NewPCG(7, uint64(k)))
		c := collection{name: p.name, seasons: p.seasons}
		number := each
		if len(p.lengths) > 0 {
			number = 100
		} else {
			p.lengths = lengths
		}
		for _, n := range p.lengths {
			for range number {
				c.series = append(c.series, p.draw(rng, n))
			}
		}
		out = append(out, c)
	}
	return out
}

func processes() []process {
	none := []process{
		{name: "noise", draw: autoregressive(0)},
		{name: "noise of heavy tails", draw: from(func(rng *rand.Rand, _ int) float64 { return rng.NormFloat64() / math.Sqrt(rng.ExpFloat64()) })},
		{name: "autoregression 0.5", draw: autoregressive(0.5)},
		{name: "autoregression 0.8", draw: autoregressive(0.8)},
		{name: "autoregression 0.95", draw: autoregressive(0.95)},
		{name: "autoregression -0.5", draw: autoregressive(-0.5)},
		{name: "random walk", draw: autoregressive(1)},
		{name: "random walk with drift", draw: add(autoregressive(1), from(func(_ *rand.Rand, i int) float64 { return float64(i) / 2 }))},
		{name: "random walk of logarithms", draw: exponential(autoregressive(1), 0.05)},
		{name: "walk of walks (smooth)", draw: summed(autoregressive(1))},
		{name: "walk plus noise", draw: add(autoregressive(1), scaled(autoregressive(0), 3))},
		{name: "line and noise", draw: add(autoregressive(0), from(func(_ *rand.Rand, i int) float64 { return float64(i) / 5 }))},
		{name: "levels and noise", draw: add(autoregressive(0), levels)},
		{name: "steps of uneven size", draw: summed(from(func(rng *rand.Rand, _ int) float64 { return rng.NormFloat64() * math.Exp(rng.NormFloat64()) }))},
		{name: "demand now and then", draw: from(func(rng *rand.Rand, _ int) float64 {
			return math.Round(3*rng.ExpFloat64()) * float64(rng.IntN(4)/3)
		})},
	}
	some := []process{
		{name: "quarters of 6 years, mild", seasons: []int{4}, lengths: []int{24}, draw: seasonal(4, 1.5, 0.5)},
		{name: "months of 6 years, mild", seasons: []int{12}, lengths: []int{72}, draw: seasonal(12, 1, 0.5)},
		{name: "months of 15 years, walking", seasons: []int{12}, lengths: []int{180}, draw: seasonal(12, 1, 1)},
		{name: "days of 10 weeks", seasons: []int{7}, lengths: []int{70}, draw: seasonal(7, 1, 0.2)},
		{name: "a season of 17", seasons: []int{17}, lengths: []int{170}, draw: seasonal(17, 1, 0.2)},
		{name: "weeks of 4 years, smooth", seasons: []int{52}, lengths: []int{208}, draw: add(autoregressive(0.5), wave(52, 2))},
		{name: "hours of 5 weeks, quieter weekends", seasons: []int{24, 168}, lengths: []int{840}, draw: dayAndWeek(24)},
		{name: "half hours of 5 weeks", seasons: []int{48, 336}, lengths: []int{1680}, draw: dayAndWeek(48)},
		{name: "quarter hours of 4 weeks", seasons: []int{96, 672}, lengths: []int{2688}, draw: dayAndWeek(96)},
		{name: "five minutes of 4 weeks", seasons: []int{288, 2016}, lengths: []int{8064}, draw: dayAndWeek(288)},
		{name: "minutes of 6 days", seasons: []int{1440}, lengths: []int{8640}, draw: add(autoregressive(0.8), wave(1440, 3))},
	}
	return append(none, some...)
}

type draw = func(rng *rand.Rand, n int) []float64

func from(f func(rng *rand.Rand, i int) float64) draw {
	return func(rng *rand.Rand, n int) []float64 {
		y := make([]float64, n)
		for i := range y {
			y[i] = f(rng, i)
		}
		return y
	}
}

// autoregressive draws an autoregression of order one; a walk for 1.
func autoregressive(phi float64) draw {
	return func(rng *rand.Rand, n int) []float64 {
		y, state := make([]float64, n), 0.0
		for i := -100; i < n; i++ {
			if state = phi*state + rng.NormFloat64(); i >= 0 {
				y[i] = state
			}
		}
		return y
	}
}

func levels(rng *rand.Rand, n int) []float64 {
	y, level := make([]float64, n), 0.0
	for i := range y {
		if rng.IntN(40) == 0 {
			level = 10 * rng.NormFloat64()
		}
		y[i] = level
	}
	return y
}

func add(a, b draw) draw {
	return func(rng *rand.Rand, n int) []float64 {
		y := a(rng, n)
		for i, v := range b(rng, n) {
			y[i] += v
		}
		return y
	}
}

func scaled(a draw, by float64) draw {
	return func(rng *rand.Rand, n int) []float64 {
		y := a(rng, n)
		for i := range y {
			y[i] *= by
		}
		return y
	}
}

func exponential(a draw, by float64) draw {
	return func(rng *rand.Rand, n int) []float64 {
		y := scaled(a, by)(rng, n)
		for i, v := range y {
			y[i] = 100 * math.Exp(v)
		}
		return y
	}
}

func summed(a draw) draw {
	return func(rng *rand.Rand, n int) []float64 {
		y := a(rng, n)
		for i := 1; i < n; i++ {
			y[i] += y[i-1]
		}
		return y
	}
}

// seasonal draws a season of random indices as large as size beside noise of 1
// and a walk.
func seasonal(period int, size, walk float64) draw {
	return func(rng *rand.Rand, n int) []float64 {
		indices := make([]float64, period)
		for i := range indices {
			indices[i] = size * rng.NormFloat64()
		}
		y := scaled(autoregressive(1), walk)(rng, n)
		for i := range y {
			y[i] += indices[i%period] + rng.NormFloat64()
		}
		return y
	}
}

func wave(period int, size float64) draw {
	return from(func(_ *rand.Rand, i int) float64 { return size * math.Sin(2*math.Pi*float64(i)/float64(period)) })
}

// dayAndWeek draws a working day's curve that weekends flatten.
func dayAndWeek(day int) draw {
	return add(autoregressive(0.7), from(func(_ *rand.Rand, i int) float64 {
		size := 6.0
		if i/day%7 >= 5 {
			size = 3
		}
		phase := 2 * math.Pi * float64(i%day) / float64(day)
		return -size*math.Cos(phase) - size/3*math.Cos(2*phase)
	}))
}
