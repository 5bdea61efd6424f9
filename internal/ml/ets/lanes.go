package ets

import (
	"math"
	"slices"
)

// width is how many models pass over a series side by side.
const width = 4

// lane numbers are by model.
type lane = [width]float64

// lanes are models of one season's length side by side. The parts that a model
// has not are neutral: a season of 0 that is added or of 1 that multiplies,
// with nothing that moves it. So every model takes the same steps, and each
// number is rounded as in Model.run.
type lanes struct {
	alpha, beta, phi   lane
	level, slope       lane
	gammaAdd, gammaMul lane
	relative, seasonal [width]int64 // -1 where errors, or the season, are multiplicative
	// add and mul are the season by phase, first as it begins.
	firstAdd, firstMul []lane
	add, mul           []lane
	held               [width]*Model // whose season begins there
	sse, logs, product lane
	least              lane // the least of what must be above 0
}

func newLanes(period int) *lanes {
	all := make([]lane, 4*period)
	l := &lanes{firstAdd: all[:period], firstMul: all[period : 2*period], add: all[2*period : 3*period], mul: all[3*period:]}
	for i := range width {
		l.idle(i)
		l.put(i, nil)
	}
	return l
}

// set puts a model into lane i. moves says that the season that it begins with
// may be another one at each point.
func (l *lanes) set(i int, m *Model, moves bool) {
	l.alpha[i], l.beta[i], l.phi[i], l.level[i], l.slope[i] = m.Alpha, m.Beta, m.Phi, m.Level, m.Slope
	l.gammaAdd[i], l.gammaMul[i], l.relative[i], l.seasonal[i] = 0, 0, 0, 0
	if m.Error == Multiplicative {
		l.relative[i] = -1
	}
	switch m.Spec.Season {
	case Additive:
		l.gammaAdd[i] = m.Gamma
	case Multiplicative:
		l.gammaMul[i], l.seasonal[i] = m.Gamma, -1
	case None, Damped:
	}
	if moves || l.held[i] != m {
		l.put(i, m)
	}
}

// put lays the beginning of a model's season out; nil has none.
func (l *lanes) put(i int, m *Model) {
	l.held[i] = m
	for k := range l.firstAdd {
		l.firstAdd[k][i], l.firstMul[k][i] = 0, 1
	}
	if m == nil {
		return
	}
	for k, v := range m.Season {
		if m.Spec.Season == Multiplicative {
			l.firstMul[k][i] = v
		} else {
			l.firstAdd[k][i] = v
		}
	}
}

// idle puts a model that never moves into lane i.
func (l *lanes) idle(i int) {
	l.alpha[i], l.beta[i], l.phi[i], l.level[i], l.slope[i] = 0, 0, 1, 1, 0
	l.gammaAdd[i], l.gammaMul[i], l.relative[i], l.seasonal[i] = 0, 0, 0, 0
}

// begin readies the lanes for a pass; it reports whether a season is
// multiplicative.
func (l *lanes) begin() (ratios bool) {
	copy(l.add, l.firstAdd)
	copy(l.mul, l.firstMul)
	for i := range width {
		l.sse[i], l.logs[i], l.product[i], l.least[i] = 0, 0, 1, math.Inf(1)
	}
	return slices.Contains(l.seasonal[:], -1)
}

// runPlain is Model.run for every lane. It says what the vectors must do; by
// itself it gains nothing over a pass for each model.
func (l *lanes) runPlain(y []float64) {
	l.begin()
	at := 0
	for _, v := range y {
		add, mul, fold := &l.add[at], &l.mul[at], false
		for i := range width {
			damped := l.phi[i] * l.slope[i]
			base := l.level[i] + damped
			forecast := base*mul[i] + add[i]
			e := v - forecast
			size, part := 1.0, 1.0
			if l.relative[i] != 0 {
				size = forecast
			}
			if l.seasonal[i] != 0 {
				part = base
			}
			relative := e / size
			l.sse[i] += relative * relative
			l.least[i] = min(l.least[i], size, part, mul[i])
			l.product[i] *= size
			fold = fold || l.product[i] < leastProduct || l.product[i] > mostProduct
			step := e / mul[i]
			add[i] += l.gammaAdd[i] * e
			mul[i] += l.gammaMul[i] * e / part
			l.level[i] = base + l.alpha[i]*step
			l.slope[i] = damped + l.beta[i]*step
		}
		if fold {
			l.fold()
		}
		if at++; at == len(l.add) {
			at = 0
		}
	}
}

// Products of forecasts are brought back to 1 outside these bounds.
const (
	leastProduct = 1e-100
	mostProduct  = 1e100
)

// fold takes the logarithms of the products that are out of bounds.
func (l *lanes) fold() {
	for i, p := range l.product {
		if p < leastProduct || p > mostProduct {
			l.logs[i] += math.Log(p)
			l.product[i] = 1
		}
	}
}

// result is what Model.run returns of the model in lane i.
func (l *lanes) result(i int) (sse, logs float64) {
	if !(l.least[i] > 0) {
		return math.Inf(1), 0
	}
	if l.relative[i] == 0 {
		return l.sse[i], 0
	}
	return l.sse[i], l.logs[i] + math.Log(l.product[i])
}
