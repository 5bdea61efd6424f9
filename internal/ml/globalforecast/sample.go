package globalforecast

import (
	"math"
	"math/rand/v2"
	"sort"
)

// sampler draws training windows: a series by its share of the corpus, a place
// in it, and what of the history before it is seen.
type sampler struct {
	r       Recipe
	rng     *rand.Rand
	reader  reader
	series  [][]float64
	chances []float64 // running sums
}

func newSampler(r Recipe, known corpus, rng *rand.Rand) (*sampler, error) {
	s := &sampler{r: r, rng: rng, reader: reader{shape: r.Shape}}
	total := 0.0
	for i, share := range known.shares() {
		if share == 0 {
			continue
		}
		total += share
		y := known.series[i]
		s.series, s.chances = append(s.series, y), append(s.chances, total)
	}
	if len(s.series) == 0 {
		return nil, ErrNoSeries
	}
	return s, nil
}

// draw fills a batch. A batch shares its season and whether it is forced to be
// linear.
func (s *sampler) draw(batch []*window) {
	season := s.season()
	linear := s.rng.Float64() < s.r.Linear
	for _, w := range batch {
		y := s.pick()
		cut := leastStart + s.rng.IntN(len(y)-leastStart)
		past := y[:cut]
		if s.rng.Float64() < shortShare {
			reach := 2.5 * max(float64(s.r.Seasons[0].Period), float64(s.r.Shape.Window)/2)
			keep := leastStart + int(math.Pow(s.rng.Float64(), 1.5)*reach)
			past = past[len(past)-min(len(past), keep):]
		}
		s.reader.read(w, past, season, s.r.Smooth, linear)
		s.aim(w, y[cut:])
	}
}

func (s *sampler) season() Season {
	u := s.rng.Float64()
	for _, c := range s.r.Seasons {
		if u -= c.Share; u < 0 {
			return c
		}
	}
	return s.r.Seasons[0]
}

func (s *sampler) pick() []float64 {
	u := s.rng.Float64() * s.chances[len(s.chances)-1]
	return s.series[min(sort.SearchFloat64s(s.chances, u), len(s.series)-1)]
}

// aim sets what the window should have said, and how much an error counts:
// as sMAPE and MASE would, the latter against the steps of the values read.
func (s *sampler) aim(w *window, next []float64) {
	n := min(len(next), s.r.Shape.Horizon)
	sized(&w.target, n)
	far := 0.0
	for h := range n {
		season := float64(w.season[h])
		d := w.view.of(next[h]) - season
		far = max(far, math.Abs(d))
		w.target[h] = float32(season + max(-usualTarget, min(usualTarget, d)))
	}
	z, lag := s.reader.z, s.r.Scored
	mean := 0.0
	for i := lag; i < len(z); i++ {
		mean += math.Abs(z[i]-z[i-lag]) / float64(len(z)-lag)
	}
	if len(z) <= lag {
		mean = w.view.scale
	}
	weight := min(mostWeight, w.view.scale*(s.r.RelativeShare+s.r.ScaledShare/max(mean, leastScale)))
	w.weight = float32(weight * min(1, usualTarget/max(far, 1e-9)))
}
