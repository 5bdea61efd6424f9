package als

import (
	"math"
)

// solver holds what one goroutine needs to solve rows.
type solver struct {
	f        int
	gram     []float32
	given    []float32
	o        Options
	r, p, ap []float32
}

func newSolver(f int, gram, given []float32, o Options) *solver {
	return &solver{f: f, gram: gram, given: given, o: o, r: make([]float32, f), p: make([]float32, f), ap: make([]float32, f)}
}

// penalty is Reg (n + others)^power, n the weight observed in the row.
func penalty(values []float32, others int, alpha, reg, power float64) float64 {
	if power == 0 {
		return reg
	}
	n := float64(others)
	for _, v := range values {
		n += alpha * math.Abs(float64(v))
	}
	return reg * math.Pow(n, power)
}

// row improves x, the vector of a row with the given entries, by conjugate
// gradient steps on A x = b with A = V'V + sum (c-1) v v' + reg I and
// b = sum c p v.
func (s *solver) row(x []float32, cols []int32, values []float32, others int) {
	if len(cols) == 0 {
		clear(x)
		return
	}
	reg := float32(penalty(values, others, s.o.Alpha, s.o.Reg, s.o.RegPower))
	alpha := float32(s.o.Alpha)
	s.gramTimes(x, s.r, reg)
	for i := range s.r {
		s.r[i] = -s.r[i]
	}
	for k, c := range cols { // r = b - A x
		v := s.given[int(c)*s.f : (int(c)+1)*s.f]
		w := alpha * abs(values[k])
		e := -w * dot(v, x)
		if values[k] > 0 {
			e += 1 + w
		}
		axpy(e, v, s.r)
	}
	copy(s.p, s.r)
	rr := dot(s.r, s.r)
	for range s.o.Steps {
		if rr < 1e-20 {
			return
		}
		s.gramTimes(s.p, s.ap, reg)
		for k, c := range cols {
			v := s.given[int(c)*s.f : (int(c)+1)*s.f]
			axpy(alpha*abs(values[k])*dot(v, s.p), v, s.ap)
		}
		curvature := dot(s.p, s.ap)
		if !(curvature > 0) {
			return
		}
		step := rr / curvature
		axpy(step, s.p, x)
		axpy(-step, s.ap, s.r)
		next := dot(s.r, s.r)
		ratio := next / rr
		for i, r := range s.r {
			s.p[i] = r + ratio*s.p[i]
		}
		rr = next
	}
}

// gramTimes sets out = (V'V + reg I) x.
func (s *solver) gramTimes(x, out []float32, reg float32) {
	for i := range out {
		out[i] = dot(s.gram[i*s.f:(i+1)*s.f], x) + reg*x[i]
	}
}

// dot sums in four lanes, so that additions do not wait for one another.
func dot(x, y []float32) float32 {
	y = y[:len(x)]
	var a, b, c, d float32
	i := 0
	for ; i+4 <= len(x); i += 4 {
		p, q := x[i:i+4:i+4], y[i:i+4:i+4]
		a += p[0] * q[0]
		b += p[1] * q[1]
		c += p[2] * q[2]
		d += p[3] * q[3]
	}
	for ; i < len(x); i++ {
		a += x[i] * y[i]
	}
	return (a + b) + (c + d)
}

func axpy(a float32, x, y []float32) {
	y = y[:len(x)]
	for i, v := range x {
		y[i] += a * v
	}
}

func abs(v float32) float32 { return float32(math.Abs(float64(v))) }
