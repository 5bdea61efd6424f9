package globalforecast

import (
	"math"
	"math/rand/v2"
)

// Invent makes count series of up to length values with the given season (1
// for none), out of parts that real ones are made of: trends that bend, random
// walks, autoregressions, seasons that change their shape, level breaks,
// promotions, and demand that comes now and then. It is deterministic in rng.
func Invent(rng *rand.Rand, count, length, period int) [][]float64 {
	out := make([][]float64, count)
	for i := range out {
		n := max(leastStart+2, length/4+rng.IntN(max(1, length-length/4)))
		if rng.Float64() < 0.3 {
			out[i] = demand(rng, n, period)
		} else {
			out[i] = smoothSeries(rng, n, period)
		}
		if period == week {
			shut(rng, out[i])
		}
	}
	return out
}

const week, year = 7, 365.25

// shut closes some shops on one day of the week, or two.
func shut(rng *rand.Rand, y []float64) {
	if rng.Float64() > 0.12 {
		return
	}
	first, days := rng.IntN(week), 1+rng.IntN(2)
	for i := range y {
		if (i+first)%week < days {
			y[i] = 0
		}
	}
}

// addYear adds the time of year to days: two harmonics.
func addYear(rng *rand.Rand, z []float64) {
	size := math.Exp(-4 + 2.5*rng.Float64())
	for k := 1.0; k <= 2; k++ {
		phase, a := 2*math.Pi*rng.Float64(), size*rng.NormFloat64()/k
		for i := range z {
			z[i] += a * math.Sin(2*math.Pi*k*float64(i)/year+phase)
		}
	}
}

// smoothSeries is the exponential of a sum of parts, so it is positive and
// grows by ratios.
func smoothSeries(rng *rand.Rand, n, period int) []float64 {
	z := make([]float64, n)
	addTrend(rng, z)
	addWalk(rng, z)
	if period > 1 && rng.Float64() < 0.85 {
		addSeason(rng, z, period)
	}
	if period == week && rng.Float64() < 0.5 {
		addYear(rng, z)
	}
	if rng.Float64() < 0.2 {
		addBreaks(rng, z)
	}
	if rng.Float64() < 0.2 {
		addPromotions(rng, z, period)
	}
	noise := math.Exp(-5 + 3*rng.Float64())
	heavy := rng.Float64() < 0.2
	level := math.Exp(2 + 8*rng.Float64())
	for i := range z {
		e := rng.NormFloat64()
		if heavy && rng.Float64() < 0.05 {
			e *= 5
		}
		z[i] = level * math.Exp(max(-20, min(20, z[i]+noise*e)))
	}
	return z
}

// addTrend adds up to two pieces of a straight, saturating or damped line.
func addTrend(rng *rand.Rand, z []float64) {
	n := float64(len(z))
	total := 0.6 * rng.NormFloat64()
	bend := rng.IntN(3)
	turn := rng.Float64()
	after := 0.6 * rng.NormFloat64()
	for i := range z {
		x := float64(i) / n
		switch bend {
		case 0:
			z[i] += total * x
		case 1:
			z[i] += total * (1 - math.Exp(-4*x))
		default:
			z[i] += total*min(x, turn) + after*max(0, x-turn)
		}
	}
}

// addWalk adds a random walk, or an autoregression, of random size.
func addWalk(rng *rand.Rand, z []float64) {
	size := math.Exp(-6.5 + 4*rng.Float64())
	keep := 1.0
	if rng.Float64() < 0.4 {
		keep = 0.5 + 0.5*rng.Float64()
	}
	momentum := 0.0
	if rng.Float64() < 0.4 {
		momentum = 0.8 * rng.Float64()
	}
	level, step := 0.0, 0.0
	for i := range z {
		step = momentum*step + size*rng.NormFloat64()
		level = keep*level + step
		z[i] += level
	}
}

// addSeason adds a few harmonics, or a free shape, that drift over time.
func addSeason(rng *rand.Rand, z []float64, period int) {
	shape := make([]float64, period)
	size := math.Exp(-4 + 3.5*rng.Float64())
	if rng.Float64() < 0.5 {
		for k := 1; k <= min(period/2, 1+rng.IntN(4)); k++ {
			phase, a := 2*math.Pi*rng.Float64(), size*rng.NormFloat64()/float64(k)
			for j := range shape {
				shape[j] += a * math.Sin(2*math.Pi*float64(k*j)/float64(period)+phase)
			}
		}
	} else {
		for j := range shape {
			shape[j] = size * rng.NormFloat64()
		}
	}
	drift := 0.0
	if rng.Float64() < 0.4 {
		drift = 0.1 * rng.Float64() * size
	}
	growth := 1.0
	if rng.Float64() < 0.3 {
		growth = math.Exp(0.5 * rng.NormFloat64())
	}
	for i := range z {
		j := i % period
		shape[j] += drift * rng.NormFloat64()
		z[i] += shape[j] * math.Pow(growth, float64(i)/float64(len(z)))
	}
}

func addBreaks(rng *rand.Rand, z []float64) {
	for range 1 + rng.IntN(2) {
		at, jump := rng.IntN(len(z)), 0.4*rng.NormFloat64()
		for i := at; i < len(z); i++ {
			z[i] += jump
		}
	}
}

// addPromotions adds lifts that fade, now and then or once a season.
func addPromotions(rng *rand.Rand, z []float64, period int) {
	lift, fade := 0.2+0.6*rng.Float64(), 0.6*rng.Float64()
	every := period
	if period < 4 || rng.Float64() < 0.5 {
		every = 0
	}
	left, phase := 0.0, rng.IntN(max(1, period))
	for i := range z {
		left *= fade
		if (every > 0 && i%every == phase) || (every == 0 && rng.Float64() < 0.04) {
			left = lift
		}
		z[i] += left
	}
}

// demand is zero most of the time and a positive amount otherwise.
func demand(rng *rand.Rand, n, period int) []float64 {
	y := make([]float64, n)
	chance, size, spread := 0.1+0.7*rng.Float64(), math.Exp(3*rng.Float64()), 0.6*rng.Float64()
	swing, phase := 0.0, 2*math.Pi*rng.Float64()
	if period > 1 && rng.Float64() < 0.5 {
		swing = 0.8 * rng.Float64()
	}
	trend := 0.7 * rng.NormFloat64()
	for i := range y {
		p := chance * (1 + swing*math.Sin(2*math.Pi*float64(i)/float64(max(1, period))+phase)) * math.Exp(trend*(float64(i)/float64(n)-0.5))
		if rng.Float64() < p {
			y[i] = math.Ceil(size * math.Exp(spread*rng.NormFloat64()))
		}
	}
	return y
}
