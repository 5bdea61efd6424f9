package gbdt

import (
	"cmp"
	"math"
	"slices"
)

// LogLoss is the mean negative log-likelihood of labels given log-odds, 0 for
// no rows.
func LogLoss(odds []float64, labels []bool) float64 {
	var sum float64
	for i, s := range odds {
		if !labels[i] {
			s = -s
		}
		sum += softplus(-s)
	}
	return sum / float64(max(1, len(odds)))
}

// softplus is log(1+exp(x)) without overflow.
func softplus(x float64) float64 { return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }

// AUC is the chance that a positive scores above a negative, ties counting
// half; NaN unless both are there.
func AUC(scores []float64, labels []bool) float64 {
	order := make([]int, len(scores))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(scores[a], scores[b]) })
	var ranks, positives float64
	for i := 0; i < len(order); {
		j := i
		for j < len(order) && scores[order[j]] == scores[order[i]] {
			j++
		}
		middle := float64(i+j+1) / 2
		for ; i < j; i++ {
			if labels[order[i]] {
				ranks += middle
				positives++
			}
		}
	}
	negatives := float64(len(scores)) - positives
	if positives == 0 || negatives == 0 {
		return math.NaN()
	}
	return (ranks - positives*(positives+1)/2) / (positives * negatives)
}

// Calibrate fits Slope and Intercept to held-out rows (Platt 1999, with the
// targets and the Newton steps of Lin, Lin and Weng 2007) and keeps them if
// they lower the loss there. It reports whether it did.
func (m *Model) Calibrate(held Data) bool {
	raw := make([]float64, len(held.Rows))
	for i, r := range held.Rows {
		raw[i] = m.LogOdds(r)
	}
	if p := count(held.Labels); p == 0 || p == len(held.Labels) {
		return false
	}
	a, b := platt(raw, held.Labels)
	adjusted := make([]float64, len(raw))
	for i, s := range raw {
		adjusted[i] = a*s + b
	}
	if !(a > 0) || !finite(a) || !finite(b) || LogLoss(adjusted, held.Labels) >= LogLoss(raw, held.Labels) {
		return false
	}
	m.Slope, m.Intercept = m.Slope*a, m.Intercept*a+b
	return true
}

// platt returns the a and b for which sigmoid(a*raw+b) fits the labels best.
func platt(raw []float64, labels []bool) (a, b float64) {
	positives := float64(count(labels))
	negatives := float64(len(labels)) - positives
	target := func(i int) float64 {
		if labels[i] {
			return (positives + 1) / (positives + 2)
		}
		return 1 / (negatives + 2)
	}
	loss := func(a, b float64) float64 {
		var sum float64
		for i, s := range raw {
			x := a*s + b
			sum += softplus(x) - target(i)*x
		}
		return sum
	}
	b = math.Log((positives + 1) / (negatives + 1))
	at := loss(a, b)
	for range 100 {
		var ga, gb, haa, hab, hbb float64
		for i, s := range raw {
			p := sigmoid(a*s + b)
			d, h := p-target(i), p*(1-p)
			ga, gb = ga+d*s, gb+d
			haa, hab, hbb = haa+h*s*s, hab+h*s, hbb+h
		}
		haa, hbb = haa+1e-12, hbb+1e-12
		det := haa*hbb - hab*hab
		da, db := (hbb*ga-hab*gb)/det, (haa*gb-hab*ga)/det
		size := 1.0
		for size > 1e-10 && !(loss(a-size*da, b-size*db) < at) {
			size /= 2
		}
		if size <= 1e-10 {
			break
		}
		a, b = a-size*da, b-size*db
		at = loss(a, b)
	}
	return a, b
}
