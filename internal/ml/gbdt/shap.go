package gbdt

// Contributions returns each feature's Shapley value for the row's log-odds,
// exact for the trees with the training rows' shares at the splits (TreeSHAP,
// algorithm 2 of Lundberg, Erion and Lee, "Consistent Individualized Feature
// Attribution for Tree Ensembles", 2018), and the base they start from:
//
//	LogOdds(row) = base + sum of contributions
func (m *Model) Contributions(row []float64) (byFeature []float64, base float64) {
	byFeature = make([]float64, m.Features)
	var sum float64
	for i := range m.Trees {
		t := &m.Trees[i]
		sum += t.mean(0)
		s := shapley{tree: t, row: row, phi: byFeature}
		s.walk(0, nil, 1, 1, -1)
	}
	for i := range byFeature {
		byFeature[i] *= m.Slope
	}
	return byFeature, m.Intercept + m.Slope*sum
}

func (t *Tree) mean(at int32) float64 {
	if t.Feature[at] < 0 {
		return t.Value[at]
	}
	l, r := t.Left[at], t.Right[at]
	return (t.Cover[l]*t.mean(l) + t.Cover[r]*t.mean(r)) / t.Cover[at]
}

// step is one feature on the way to a node: the share of subsets that flow
// through without it (zero) and with it (one), and the weights by subset size.
type step struct {
	feature           int32
	zero, one, weight float64
}

type shapley struct {
	tree *Tree
	row  []float64
	phi  []float64
}

func (s *shapley) walk(at int32, path []step, zero, one float64, feature int32) {
	path = extend(path, zero, one, feature)
	t := s.tree
	if t.Feature[at] < 0 {
		for i := 1; i < len(path); i++ {
			s.phi[path[i].feature] += unwoundSum(path, i) * (path[i].one - path[i].zero) * t.Value[at]
		}
		return
	}
	hot := t.next(at, s.row)
	cold := t.Left[at] + t.Right[at] - hot
	zeroBefore, oneBefore := 1.0, 1.0
	for i := 1; i < len(path); i++ {
		if path[i].feature == t.Feature[at] {
			zeroBefore, oneBefore = path[i].zero, path[i].one
			path = unwind(path, i)
			break
		}
	}
	s.walk(hot, path, zeroBefore*t.Cover[hot]/t.Cover[at], oneBefore, t.Feature[at])
	s.walk(cold, path, zeroBefore*t.Cover[cold]/t.Cover[at], 0, t.Feature[at])
}

// extend returns a longer copy of path.
func extend(path []step, zero, one float64, feature int32) []step {
	n := len(path)
	out := make([]step, n+1)
	copy(out, path)
	out[n] = step{feature: feature, zero: zero, one: one}
	if n == 0 {
		out[n].weight = 1
	}
	size := float64(n + 1)
	for i := n - 1; i >= 0; i-- {
		out[i+1].weight += one * out[i].weight * float64(i+1) / size
		out[i].weight *= zero * float64(n-i) / size
	}
	return out
}

// unwind returns a copy of path without step i.
func unwind(path []step, i int) []step {
	n := len(path) - 1
	out := make([]step, len(path))
	copy(out, path)
	one, zero, next := path[i].one, path[i].zero, path[n].weight
	size := float64(n + 1)
	for j := n - 1; j >= 0; j-- {
		if one != 0 {
			kept := out[j].weight
			out[j].weight = next * size / (float64(j+1) * one)
			next = kept - out[j].weight*zero*float64(n-j)/size
		} else {
			out[j].weight = out[j].weight * size / (zero * float64(n-j))
		}
	}
	for j := i; j < n; j++ {
		out[j].feature, out[j].zero, out[j].one = path[j+1].feature, path[j+1].zero, path[j+1].one
	}
	return out[:n]
}

// unwoundSum is the sum of the weights of unwind(path, i).
func unwoundSum(path []step, i int) float64 {
	n := len(path) - 1
	one, zero, next := path[i].one, path[i].zero, path[n].weight
	var total float64
	size := float64(n + 1)
	for j := n - 1; j >= 0; j-- {
		if one != 0 {
			w := next * size / (float64(j+1) * one)
			total += w
			next = path[j].weight - w*zero*float64(n-j)/size
		} else {
			total += path[j].weight * size / (zero * float64(n-j))
		}
	}
	return total
}
