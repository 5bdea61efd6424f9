// Package gbdt is gradient boosting of decision trees on histograms with the
// logistic or the pinball loss (Friedman 2001; the histogram and leaf-wise
// growth of Ke et al., "LightGBM", 2017), with missing values, monotone
// features, early stopping, Platt's calibration and exact Shapley values.
package gbdt

import (
	"errors"
	"math"
)

// Tree is one regression tree in columns, node 0 the root. A node with
// Feature -1 is a leaf.
type Tree struct {
	Feature []int32 `json:"feature"`
	// Threshold: values up to it go left.
	Threshold []float64 `json:"threshold"`
	// MissingLeft says where NaN goes.
	MissingLeft []bool    `json:"missing_left"`
	Left        []int32   `json:"left"`
	Right       []int32   `json:"right"`
	Value       []float64 `json:"value"`
	// Cover is the number of training rows that reached the node.
	Cover []float64 `json:"cover"`
}

// Model answers log-odds: Intercept + Slope * (sum of the trees' leaves).
type Model struct {
	Features  int     `json:"features"`
	Intercept float64 `json:"intercept"`
	Slope     float64 `json:"slope"`
	Trees     []Tree  `json:"trees"`
}

// LogOdds returns the log-odds of a row of m.Features numbers, NaN where
// missing.
func (m *Model) LogOdds(row []float64) float64 {
	var sum float64
	for i := range m.Trees {
		sum += m.Trees[i].leaf(row)
	}
	return m.Intercept + m.Slope*sum
}

// Probability is the logistic function of LogOdds.
func (m *Model) Probability(row []float64) float64 { return sigmoid(m.LogOdds(row)) }

func (t *Tree) leaf(row []float64) float64 { return t.Value[t.walk(row)] }

// walk returns the leaf that the row reaches.
func (t *Tree) walk(row []float64) int32 {
	at := int32(0)
	for t.Feature[at] >= 0 {
		at = t.next(at, row)
	}
	return at
}

// next returns the child the row goes to.
func (t *Tree) next(at int32, row []float64) int32 {
	v := row[t.Feature[at]]
	if v <= t.Threshold[at] || math.IsNaN(v) && t.MissingLeft[at] {
		return t.Left[at]
	}
	return t.Right[at]
}

var errDamaged = errors.New("gbdt: the model is damaged")

// Validate reports whether a decoded model can be evaluated safely: every
// column has an entry a node, children come after their parents, and all
// numbers are finite.
func (m *Model) Validate() error {
	if m.Features <= 0 || !finite(m.Intercept) || !finite(m.Slope) {
		return errDamaged
	}
	for _, t := range m.Trees {
		n := len(t.Feature)
		if n == 0 || len(t.Threshold) != n || len(t.MissingLeft) != n || len(t.Left) != n || len(t.Right) != n || len(t.Value) != n || len(t.Cover) != n {
			return errDamaged
		}
		for i, f := range t.Feature {
			if !finite(t.Threshold[i]) || !finite(t.Value[i]) || !(t.Cover[i] > 0) || !finite(t.Cover[i]) || int(f) >= m.Features {
				return errDamaged
			}
			if f >= 0 && (int(t.Left[i]) <= i || int(t.Right[i]) <= i || int(t.Left[i]) >= n || int(t.Right[i]) >= n) {
				return errDamaged
			}
		}
	}
	return nil
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

func sigmoid(x float64) float64 {
	if x >= 0 {
		return 1 / (1 + math.Exp(-x))
	}
	e := math.Exp(x)
	return e / (1 + e)
}
