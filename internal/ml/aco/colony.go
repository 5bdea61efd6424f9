package aco

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/omni-run/omni/internal/ml/schedule"
)

// Parameters of the MAX-MIN ant system; those of Stützle & Hoos (2000) where
// they carry over.
const (
	evaporation = 0.1  // rho: local search makes good tours early, so faster than 0.02
	heuristicBy = 2.0  // beta, the weight of the heuristic information
	greedyShare = 0.5  // q0: how often an ant takes the best, not a draw (Dorigo & Gambardella 1997)
	bestShare   = 0.05 // the chance that a converged colony builds its best plan again, sets tau min
	candidates  = 24   // ready tasks, and modes of one task, that an ant looks at
	positions   = 64   // places in the order are told apart up to this many
)

// colony is the memory of the ants: when to take a task, and in which mode.
// Where in the order a task stands is read by the summation rule (Merkle,
// Middendorf & Schmeck 2002): a task that should already have been taken keeps
// its pull.
type colony struct {
	in        *schedule.Instance
	rng       *rand.Rand
	bins      int
	order     [][]float64 // [task][bin]
	mode      [][]float64 // [task][mode]
	low, high float64

	gen     *schedule.Generator
	missing []int
	ready   []int
	weight  []float64
	modes   []int
	ends    []float64
	sum     [][]float64 // running sums of order
}

func newColony(in *schedule.Instance, rng *rand.Rand) *colony {
	n := len(in.Modes)
	c := &colony{in: in, rng: rng, bins: min(n, positions), gen: schedule.NewGenerator(in)}
	c.missing = make([]int, n)
	c.order, c.mode, c.sum = make([][]float64, n), make([][]float64, n), make([][]float64, n)
	for i := range n {
		c.order[i], c.sum[i] = make([]float64, c.bins), make([]float64, c.bins)
		c.mode[i] = make([]float64, len(in.Modes[i]))
	}
	c.reset()
	return c
}

// reset forgets everything: all trails at their maximum, which explores most.
func (c *colony) reset() {
	// Trails are scaled so that the best plan deposits 1 a round; then
	// tau max = 1/rho, and tau min follows from bestShare.
	choices := float64(min(len(c.in.Modes), candidates)) / 2
	root := math.Pow(bestShare, 1/float64(len(c.in.Modes)))
	c.high = 1 / evaporation
	c.low = c.high * min(0.2, (1-root)/(max(0.5, choices-1)*root))
	for i := range c.order {
		for b := range c.order[i] {
			c.order[i][b] = c.high
		}
		for m := range c.mode[i] {
			c.mode[i][m] = c.high
		}
	}
	c.accumulate()
}

func (c *colony) accumulate() {
	for i := range c.order {
		var sum float64
		for b, tau := range c.order[i] {
			sum += tau
			c.sum[i][b] = sum
		}
	}
}

func (c *colony) bin(position int) int { return position * c.bins / len(c.in.Modes) }

// reinforce lets all trails evaporate and lays the trail of a plan.
func (c *colony) reinforce(p *schedule.Plan, order []int) {
	for i := range c.order {
		for b := range c.order[i] {
			c.order[i][b] = max(c.low, c.order[i][b]*(1-evaporation))
		}
		for m := range c.mode[i] {
			c.mode[i][m] = max(c.low, c.mode[i][m]*(1-evaporation))
		}
	}
	for k, i := range order {
		b := c.bin(k)
		c.order[i][b] = min(c.high, c.order[i][b]+1)
		m := p.Mode[i]
		c.mode[i][m] = min(c.high, c.mode[i][m]+1)
	}
	c.accumulate()
}

// build lets one ant make a plan. key is the heuristic urgency of each task,
// in [0, 1].
func (c *colony) build(p *schedule.Plan, key []float64) {
	c.gen.Reset()
	c.ready = c.ready[:0]
	for i := range c.missing {
		if c.missing[i] = len(c.in.Pred[i]); c.missing[i] == 0 {
			c.admit(i, key)
		}
	}
	for k := range c.missing {
		at := c.pickTask(c.bin(k), key)
		i := c.ready[at]
		c.ready = slices.Delete(c.ready, at, at+1)
		ready := c.gen.Ready(p, i)
		c.gen.Place(p, i, c.pickMode(i, ready), ready)
		for _, s := range c.in.Succ[i] {
			if c.missing[s]--; c.missing[s] == 0 {
				c.admit(s, key)
			}
		}
	}
}

// admit puts a task into the ready list, most urgent first.
func (c *colony) admit(i int, key []float64) {
	at, _ := slices.BinarySearchFunc(c.ready, i, func(a, b int) int {
		return cmp.Or(cmp.Compare(key[b], key[a]), cmp.Compare(a, b))
	})
	c.ready = slices.Insert(c.ready, at, i)
}

// pickTask returns an index into the ready list.
func (c *colony) pickTask(bin int, key []float64) int {
	n := min(len(c.ready), candidates)
	if n == 1 {
		return 0
	}
	c.weight = c.weight[:0]
	for _, i := range c.ready[:n] {
		urgency := 0.05 + key[i]
		c.weight = append(c.weight, c.sum[i][bin]*urgency*urgency)
	}
	return c.draw(c.weight)
}

// pickMode returns a mode of the task by trail and by how soon, and under the
// cost objective how cheaply, it would end.
func (c *colony) pickMode(i int, ready float64) int {
	modes := c.in.Modes[i]
	if len(modes) == 1 {
		return 0
	}
	c.modes, c.ends = c.modes[:0], c.ends[:0]
	for m := range modes {
		c.ends = append(c.ends, c.gen.End(i, m, ready))
		c.modes = append(c.modes, m)
	}
	if len(c.modes) > candidates {
		slices.SortStableFunc(c.modes, func(a, b int) int { return cmp.Compare(c.ends[a], c.ends[b]) })
		c.modes = c.modes[:candidates]
	}
	soonest, cheapest := math.Inf(1), math.Inf(1)
	for _, m := range c.modes {
		soonest, cheapest = min(soonest, c.ends[m]), min(cheapest, modes[m].Cost)
	}
	c.weight = c.weight[:0]
	for _, m := range c.modes {
		// Both ratios lie in (0, 1]: 1 is the best there is.
		merit := share(soonest-ready, c.ends[m]-ready)
		if c.in.Problem.Objective == schedule.Cost {
			merit *= math.Pow(share(cheapest, modes[m].Cost), heuristicBy)
		}
		c.weight = append(c.weight, c.mode[i][m]*math.Pow(merit, heuristicBy))
	}
	return c.modes[c.draw(c.weight)]
}

// share returns best/x, 1 when both are 0, and never less than a thousandth.
func share(best, x float64) float64 {
	if x <= best {
		return 1
	}
	return max(1e-3, best/x)
}

// draw returns an index: the heaviest with chance greedyShare, else by weight.
func (c *colony) draw(weight []float64) int {
	if c.rng.Float64() < greedyShare {
		best := 0
		for k, w := range weight {
			if w > weight[best] {
				best = k
			}
		}
		return best
	}
	var sum float64
	for _, w := range weight {
		sum += w
	}
	left := c.rng.Float64() * sum
	for k, w := range weight {
		if left -= w; left < 0 {
			return k
		}
	}
	return len(weight) - 1
}
