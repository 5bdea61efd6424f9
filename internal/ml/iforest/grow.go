package iforest

import "math/rand/v2"

// grower builds one isolation tree.
type grower struct {
	rows   [][]float64
	random *rand.Rand
	limit  int
	nodes  []node
	order  []int // features, shuffled as far as a node needed
}

// grow draws psi rows without replacement and isolates them.
func (g *grower) grow(psi int) tree {
	sample := g.sample(psi)
	g.order = make([]int, len(g.rows[0]))
	for i := range g.order {
		g.order[i] = i
	}
	g.nodes = make([]node, 0, 2*psi)
	g.split(sample, 0)
	return tree{nodes: g.nodes}
}

// sample returns psi distinct row numbers by a partial Fisher–Yates shuffle
// that remembers only what it moved.
func (g *grower) sample(psi int) []int {
	moved := make(map[int]int, psi)
	out := make([]int, psi)
	for i := range out {
		j := i + g.random.IntN(len(g.rows)-i)
		pick, ok := moved[j]
		if !ok {
			pick = j
		}
		if here, ok := moved[i]; ok {
			moved[j] = here
		} else {
			moved[j] = i
		}
		out[i] = pick
	}
	return out
}

// split adds the node that holds sample and all below it, and returns its
// number. It reorders sample in place.
func (g *grower) split(sample []int, depth int) int32 {
	at := int32(len(g.nodes))
	g.nodes = append(g.nodes, node{feature: -1, depth: float64(depth) + AveragePathLength(len(sample))})
	if depth >= g.limit || len(sample) < 2 {
		return at
	}
	feature, low, high := g.pick(sample)
	if feature < 0 {
		return at // every feature is constant here
	}
	u := g.random.Float64()
	threshold := low*(1-u) + high*u // high-low could overflow
	if threshold >= high || threshold < low {
		threshold = low
	}
	cut := 0
	for i, r := range sample {
		if g.rows[r][feature] <= threshold {
			sample[i], sample[cut] = sample[cut], sample[i]
			cut++
		}
	}
	left := g.split(sample[:cut], depth+1)
	right := g.split(sample[cut:], depth+1)
	share := float64(cut) / float64(len(sample))
	g.nodes[at] = node{
		feature: int32(feature), left: left, right: right, threshold: threshold,
		depth: share*g.nodes[left].depth + (1-share)*g.nodes[right].depth,
	}
	return at
}

// pick draws features in random order until one varies within the sample, and
// returns it with its range, or -1.
func (g *grower) pick(sample []int) (feature int, low, high float64) {
	for i := range g.order {
		j := i + g.random.IntN(len(g.order)-i)
		g.order[i], g.order[j] = g.order[j], g.order[i]
		feature = g.order[i]
		low, high = g.rows[sample[0]][feature], g.rows[sample[0]][feature]
		for _, r := range sample[1:] {
			v := g.rows[r][feature]
			low, high = min(low, v), max(high, v)
		}
		if high > low {
			return feature, low, high
		}
	}
	return -1, 0, 0
}
