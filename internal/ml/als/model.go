package als

import (
	"errors"
	"fmt"
	"math"
)

// Model is the item half of a factorisation: a user's vector is solved when it
// is needed, exactly, from what the user did (fold-in), so new users and
// sessions need no training.
type Model struct {
	// Factors is the length of an item's vector.
	Factors int
	// Items is items x Factors.
	Items []float32
	// Alpha, Reg and RegPower are those of Options.
	Alpha, Reg, RegPower float64

	gram []float32
}

// NewModel wraps item vectors that were trained with these options.
func NewModel(factors int, items []float32, alpha, reg, power float64) (*Model, error) {
	if factors < 1 || factors > 512 || len(items)%factors != 0 {
		return nil, fmt.Errorf("als: %d numbers are not rows of %d factors", len(items), factors)
	}
	if !(alpha > 0) || !(reg > 0) || !(power >= 0 && power <= 1) || math.IsInf(alpha, 1) || math.IsInf(reg, 1) {
		return nil, errors.New("als: alpha, reg or its power is out of range")
	}
	return &Model{Factors: factors, Items: items, Alpha: alpha, Reg: reg, RegPower: power, gram: gram(items, factors, 1)}, nil
}

// Len returns the number of items.
func (m *Model) Len() int { return len(m.Items) / m.Factors }

// Profile is one user's vector and how it came about.
type Profile struct {
	m      *Model
	items  []int32
	values []float32
	vector []float32
	// lower is the Cholesky factor of A, f x f.
	lower []float64
}

// FoldIn solves the vector of a user with the given row of X: items and their
// strengths, negative for a dislike.
func (m *Model) FoldIn(items []int32, values []float32) (*Profile, error) {
	f := m.Factors
	a, b := make([]float64, f*f), make([]float64, f)
	for i, v := range m.gram {
		a[i] = float64(v)
	}
	reg := penalty(values, m.Len(), m.Alpha, m.Reg, m.RegPower)
	for i := range f {
		a[i*f+i] += reg
	}
	for k, item := range items {
		v := m.row(int(item))
		w := m.Alpha * math.Abs(float64(values[k]))
		for i, x := range v {
			axpyWide(w*float64(x), v[:i+1], a[i*f:i*f+i+1])
		}
		if values[k] > 0 {
			axpyWide(1+w, v, b)
		}
	}
	if !cholesky(a, f) {
		return nil, errors.New("als: the user's system is not positive definite")
	}
	solve(a, f, b)
	p := &Profile{m: m, items: items, values: values, vector: make([]float32, f), lower: a}
	for i, x := range b {
		p.vector[i] = float32(x)
	}
	return p, nil
}

func (m *Model) row(i int) []float32 { return m.Items[i*m.Factors : (i+1)*m.Factors] }

// Score sets dst, one number an item, to the predicted preferences. It panics
// when dst has another length.
func (p *Profile) Score(dst []float32) {
	if len(dst) != p.m.Len() {
		panic("als: dst is not one number an item")
	}
	for i := range dst {
		dst[i] = dot(p.vector, p.m.row(i))
	}
}

// Contributions sets dst[k] to what the k-th item of the row adds to the score
// of target; they add up to the score (Hu, Koren and Volinsky 2008, section
// 5): with c p = 0 for a dislike, the other half of whose effect is in the
// weights of the rest.
func (p *Profile) Contributions(target int, dst []float64) {
	f := p.m.Factors
	z := make([]float64, f)
	for i, v := range p.m.row(target) {
		z[i] = float64(v)
	}
	solve(p.lower, f, z)
	for k, item := range p.items {
		dst[k] = 0
		if p.values[k] <= 0 {
			continue
		}
		var sum float64
		for i, v := range p.m.row(int(item)) {
			sum += z[i] * float64(v)
		}
		dst[k] = sum * (1 + p.m.Alpha*float64(p.values[k]))
	}
}

// cholesky replaces the lower triangle of a by its factor.
func cholesky(a []float64, n int) bool {
	for i := range n {
		for j := range i + 1 {
			sum := a[i*n+j]
			ri, rj := a[i*n:i*n+j], a[j*n:j*n+j]
			for p, v := range ri {
				sum -= v * rj[p]
			}
			if i != j {
				a[i*n+j] = sum / a[j*n+j]
				continue
			}
			if !(sum > 0) || math.IsInf(sum, 1) {
				return false
			}
			a[i*n+i] = math.Sqrt(sum)
		}
	}
	return true
}

// solve replaces b by the solution of L L' x = b.
func solve(l []float64, n int, b []float64) {
	for i := range n {
		for p, v := range l[i*n : i*n+i] {
			b[i] -= v * b[p]
		}
		b[i] /= l[i*n+i]
	}
	for i := n - 1; i >= 0; i-- {
		b[i] /= l[i*n+i]
		for p, v := range l[i*n : i*n+i] {
			b[p] -= v * b[i]
		}
	}
}
