package neldermead

import (
	"math"
	"slices"
)

// Search is a search whose caller evaluates the function, so that several can
// go on side by side: Next, Tell, and again.
type Search struct {
	opt                               Options
	simplex                           []vertex
	centre, tried, second             []float64
	expansion, contraction, shrinkage float64
	stage                             stage
	at                                int // the vertex evaluated in starting and shrinking
	reflected                         float64
	used                              int
	converged                         bool
}

type vertex struct {
	x []float64
	f float64
}

// stage says which value the search waits for.
type stage int

const (
	starting stage = iota
	reflecting
	expanding
	contracting
	shrinking
	ended
)

// New begins a search from start.
func New(start []float64, opt Options) *Search {
	n := len(start)
	if opt.Evaluations == 0 {
		opt.Evaluations = 200 * max(n, 1)
	}
	if opt.Step == 0 {
		opt.Step = 0.5
	}
	if opt.Tolerance == 0 {
		opt.Tolerance = 1e-8
	}
	d := float64(max(n, 2))
	s := &Search{
		opt: opt, simplex: make([]vertex, n+1), expansion: 1 + 2/d, contraction: 0.75 - 0.5/d, shrinkage: 1 - 1/d,
		centre: make([]float64, n), tried: make([]float64, n), second: make([]float64, n),
	}
	for i := range s.simplex {
		s.simplex[i].x = slices.Clone(start)
		if i > 0 {
			s.simplex[i].x[i-1] += opt.Step
		}
	}
	return s
}

// Next returns the point whose value the search waits for, which must stay as
// it is, or false at the end.
func (s *Search) Next() (x []float64, more bool) {
	switch s.stage {
	case starting, shrinking:
		return s.simplex[s.at].x, true
	case reflecting:
		return s.tried, true
	case expanding, contracting:
		return s.second, true
	default:
		return nil, false
	}
}

// Tell gives the search the value at the point that Next returned.
func (s *Search) Tell(v float64) {
	if s.stage == ended {
		return
	}
	s.used++
	if math.IsNaN(v) {
		v = math.Inf(1)
	}
	n := len(s.simplex) - 1
	switch s.stage {
	case starting, shrinking:
		s.simplex[s.at].f = v
		if s.at++; s.at > n {
			s.turn()
		} else if s.stage == shrinking {
			s.shrink()
		}
	case reflecting:
		s.reflect(v, n)
	case expanding:
		if v < s.reflected {
			s.accept(s.second, v)
		} else {
			s.accept(s.tried, s.reflected)
		}
	case contracting:
		if v < min(s.reflected, s.simplex[n].f) {
			s.accept(s.second, v)
			return
		}
		s.stage, s.at = shrinking, 1
		s.shrink()
	}
}

// Result is where the search stands.
func (s *Search) Result() Result {
	s.sort()
	return Result{X: s.simplex[0].x, Value: s.simplex[0].f, Evaluations: s.used, Converged: s.converged}
}

// sort puts the vertices in order, equal ones as they were: mostly it is one
// that moves.
func (s *Search) sort() {
	for i := 1; i < len(s.simplex); i++ {
		v, j := s.simplex[i], i
		for ; j > 0 && v.f < s.simplex[j-1].f; j-- {
			s.simplex[j] = s.simplex[j-1]
		}
		if j < i {
			s.simplex[j] = v
		}
	}
}

// turn begins the next turn of the search, or ends it.
func (s *Search) turn() {
	s.sort()
	n := len(s.simplex) - 1
	best, worst := s.simplex[0], s.simplex[n]
	if s.used >= s.opt.Evaluations && n > 0 {
		s.stage = ended
		return
	}
	s.converged = n == 0 || worst.f-best.f <= s.opt.Tolerance*(math.Abs(best.f)+s.opt.Tolerance) && diameter(s.simplex) <= math.Sqrt(s.opt.Tolerance)
	if s.converged {
		s.stage = ended
		return
	}
	clear(s.centre)
	for _, v := range s.simplex[:n] {
		for j, x := range v.x {
			s.centre[j] += x / float64(n)
		}
	}
	s.along(s.tried, 1)
	s.stage = reflecting
}

// along sets dst on the line from the worst vertex through the centre.
func (s *Search) along(dst []float64, t float64) {
	worst := s.simplex[len(s.simplex)-1].x
	for j := range dst {
		dst[j] = s.centre[j] + t*(s.centre[j]-worst[j])
	}
}

// accept puts a point in the place of the worst vertex.
func (s *Search) accept(x []float64, v float64) {
	worst := &s.simplex[len(s.simplex)-1]
	copy(worst.x, x)
	worst.f = v
	s.turn()
}

// reflect goes on from the value of the worst vertex's reflection.
func (s *Search) reflect(v float64, n int) {
	s.reflected = v
	switch {
	case v < s.simplex[0].f:
		s.along(s.second, s.expansion)
		s.stage = expanding
	case v < s.simplex[n-1].f:
		s.accept(s.tried, v)
	default:
		t := s.contraction
		if v >= s.simplex[n].f {
			t = -s.contraction
		}
		s.along(s.second, t)
		s.stage = contracting
	}
}

// shrink moves a vertex towards the best.
func (s *Search) shrink() {
	best, x := s.simplex[0].x, s.simplex[s.at].x
	for j := range x {
		x[j] = best[j] + s.shrinkage*(x[j]-best[j])
	}
}

// diameter is the largest distance, along a coordinate, of a vertex from the
// first. Equal values alone prove nothing: two vertices may stand on opposite
// slopes.
func diameter(simplex []vertex) (d float64) {
	for _, v := range simplex[1:] {
		for j, x := range v.x {
			d = max(d, math.Abs(x-simplex[0].x[j]))
		}
	}
	return d
}
