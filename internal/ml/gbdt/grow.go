package gbdt

import (
	"math"
)

type cell struct {
	gradient, hessian float64
	rows              float64
}

// leaf is a node that may still be split.
type leaf struct {
	node      int32
	depth     int
	rows      []int32
	histogram [][]cell // by feature, then bin
	total     cell
	low, high float64 // bounds that monotone features set
	best      split
}

type split struct {
	gain        float64
	feature     int32
	bin         int
	missingLeft bool
	left, right cell
}

// grower grows one tree on gradients and hessians.
type grower struct {
	o                 Options
	b                 *bins
	gradient, hessian []float64
	features          []int // those this tree may use
	tree              Tree
}

func (g *grower) grow(rows []int32) Tree {
	root := &leaf{rows: rows, low: math.Inf(-1), high: math.Inf(1)}
	for _, i := range rows {
		root.total.add(g.gradient[i], g.hessian[i])
	}
	root.histogram = g.histogram(rows)
	root.node = g.node(root.total, g.weight(root.total, root.low, root.high))
	g.findSplit(root)
	open := []*leaf{root}
	for leaves := 1; leaves < g.o.Leaves; leaves++ {
		at := -1
		for i, l := range open {
			if l.best.gain > 0 && (at < 0 || l.best.gain > open[at].best.gain) {
				at = i
			}
		}
		if at < 0 {
			break
		}
		left, right := g.divide(open[at])
		open[at] = left
		open = append(open, right)
	}
	return g.tree
}

func (c *cell) add(gradient, hessian float64) {
	c.gradient += gradient
	c.hessian += hessian
	c.rows++
}

func (c cell) minus(d cell) cell {
	return cell{c.gradient - d.gradient, c.hessian - d.hessian, c.rows - d.rows}
}

func (c cell) plus(d cell) cell {
	return cell{c.gradient + d.gradient, c.hessian + d.hessian, c.rows + d.rows}
}

func (g *grower) weight(c cell, low, high float64) float64 {
	return max(low, min(high, -c.gradient/(c.hessian+g.o.Lambda)))
}

func (g *grower) gainOf(c cell) float64 { return c.gradient * c.gradient / (c.hessian + g.o.Lambda) }

func (g *grower) node(c cell, weight float64) int32 {
	t := &g.tree
	t.Feature, t.Threshold, t.MissingLeft = append(t.Feature, -1), append(t.Threshold, 0), append(t.MissingLeft, false)
	t.Left, t.Right = append(t.Left, 0), append(t.Right, 0)
	t.Value, t.Cover = append(t.Value, g.o.LearningRate*weight), append(t.Cover, c.rows)
	return int32(len(t.Feature) - 1)
}

func (g *grower) histogram(rows []int32) [][]cell {
	out := make([][]cell, len(g.b.codes))
	for _, f := range g.features {
		h, codes := make([]cell, 256), g.b.codes[f]
		for _, i := range rows {
			h[codes[i]].add(g.gradient[i], g.hessian[i])
		}
		out[f] = h
	}
	return out
}

// findSplit sets the leaf's best split, with gain 0 if none is allowed.
func (g *grower) findSplit(l *leaf) {
	l.best = split{}
	if g.o.MaxDepth > 0 && l.depth >= g.o.MaxDepth || int(l.total.rows) < 2*g.o.MinLeaf {
		return
	}
	for _, f := range g.features {
		h := l.histogram[f]
		gone := h[missing]
		var below cell
		for b := range g.b.cuts[f] {
			below = below.plus(h[b])
			g.consider(l, f, b, true, below.plus(gone))
			if gone.rows > 0 {
				g.consider(l, f, b, false, below)
			}
		}
	}
}

func (g *grower) consider(l *leaf, f, b int, missingLeft bool, left cell) {
	right := l.total.minus(left)
	if int(left.rows) < g.o.MinLeaf || int(right.rows) < g.o.MinLeaf {
		return
	}
	gain := g.gainOf(left) + g.gainOf(right) - g.gainOf(l.total)
	if gain <= max(l.best.gain, 1e-9) {
		return
	}
	if direction := g.o.monotone(f); direction != 0 {
		if (g.weight(right, l.low, l.high)-g.weight(left, l.low, l.high))*float64(direction) < 0 {
			return
		}
	}
	if l.histogram[f][missing].rows == 0 {
		missingLeft = left.rows >= right.rows // none seen here: go with the many
	}
	l.best = split{gain: gain, feature: int32(f), bin: b, missingLeft: missingLeft, left: left, right: right}
}

// divide carries out a leaf's best split. The smaller child's histogram is
// counted, the other's is the difference to the parent's.
func (g *grower) divide(l *leaf) (left, right *leaf) {
	s, codes := l.best, g.b.codes[l.best.feature]
	cut := 0
	for i, r := range l.rows {
		c := codes[r]
		if c != missing && int(c) <= s.bin || c == missing && s.missingLeft {
			l.rows[i], l.rows[cut] = l.rows[cut], l.rows[i]
			cut++
		}
	}
	left = &leaf{depth: l.depth + 1, rows: l.rows[:cut], total: s.left, low: l.low, high: l.high}
	right = &leaf{depth: l.depth + 1, rows: l.rows[cut:], total: s.right, low: l.low, high: l.high}
	g.bound(l, left, right)
	small, large := left, right
	if len(left.rows) > len(right.rows) {
		small, large = right, left
	}
	small.histogram = g.histogram(small.rows)
	for _, f := range g.features {
		for b, c := range small.histogram[f] {
			l.histogram[f][b] = l.histogram[f][b].minus(c)
		}
	}
	large.histogram, l.histogram = l.histogram, nil
	left.node = g.node(left.total, g.weight(left.total, left.low, left.high))
	right.node = g.node(right.total, g.weight(right.total, right.low, right.high))
	t := &g.tree
	t.Feature[l.node], t.Threshold[l.node], t.MissingLeft[l.node] = s.feature, g.b.cuts[s.feature][s.bin], s.missingLeft
	t.Left[l.node], t.Right[l.node] = left.node, right.node
	g.findSplit(left)
	g.findSplit(right)
	return left, right
}

// bound keeps all that will grow below a split on a monotone feature on its
// side of the middle.
func (g *grower) bound(l, left, right *leaf) {
	direction := g.o.monotone(int(l.best.feature))
	if direction == 0 {
		return
	}
	middle := g.weight(l.best.left, l.low, l.high)/2 + g.weight(l.best.right, l.low, l.high)/2
	if direction > 0 {
		left.high, right.low = middle, middle
	} else {
		left.low, right.high = middle, middle
	}
}
