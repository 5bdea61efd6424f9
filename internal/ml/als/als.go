// Package als factorises implicit feedback by alternating least squares (Hu,
// Koren and Volinsky, "Collaborative Filtering for Implicit Feedback
// Datasets", ICDM 2008). With r_ui >= 0 the strength of what user u did with
// item i, preference p_ui = 1 where r_ui > 0 and confidence c_ui = 1 + Alpha
// r_ui, it minimises
//
//	sum_ui c_ui (p_ui - x_u . y_i)^2 + sum_u reg_u |x_u|^2 + sum_i reg_i |y_i|^2
//
// over all pairs, also those without an event. A negative r is an event of
// preference 0: confidence 1 + Alpha |r|. Each row is solved by a few steps of
// the conjugate gradient method from its former value (Takács, Pilászy and
// Tikk, RecSys 2011), so the objective never rises. The penalty of a row with
// the observed weight n_u = sum_i (c_ui - 1) is reg_u = Reg (n_u + N)^RegPower,
// N the number of rows on the other side (Rendle, Krichene, Zhang and Koren,
// "Revisiting the Performance of iALS", RecSys 2022).
package als

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"

	"github.com/omni-run/omni/internal/ml/sparse"
)

// Options of Train; the zero value of a field takes the default.
type Options struct {
	// Factors is the length of a row's vector; 1..512, default 64.
	Factors int
	// Alpha turns strength into confidence; > 0, default 10.
	Alpha float64
	// Reg is the penalty; > 0, default 0.01.
	Reg float64
	// RegPower is how the penalty grows with a row's weight; 0..1. It has no
	// default: 0 is the plain model of 2008.
	RegPower float64
	// Iterations is the number of sweeps over users and items; default 12.
	Iterations int
	// Steps is the number of conjugate gradient steps a row; default 3.
	Steps int
	// Workers bounds the goroutines; default 1. The result does not depend on
	// it.
	Workers int
	// OnIteration, when set, is told after each sweep.
	OnIteration func(done, of int)
}

func (o Options) withDefaults() (Options, error) {
	set := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	set(&o.Factors, 64)
	set(&o.Iterations, 12)
	set(&o.Steps, 3)
	set(&o.Workers, 1)
	if o.Alpha == 0 {
		o.Alpha = 10
	}
	if o.Reg == 0 {
		o.Reg = 0.01
	}
	switch {
	case o.Factors < 1 || o.Factors > 512:
		return o, fmt.Errorf("als: %d factors; it takes 1 to 512", o.Factors)
	case !(o.Alpha > 0) || math.IsInf(o.Alpha, 1):
		return o, fmt.Errorf("als: alpha is %v; it must be positive and finite", o.Alpha)
	case !(o.Reg > 0) || math.IsInf(o.Reg, 1):
		return o, fmt.Errorf("als: reg is %v; it must be positive and finite", o.Reg)
	case !(o.RegPower >= 0 && o.RegPower <= 1):
		return o, fmt.Errorf("als: the power of reg is %v; it takes 0 to 1", o.RegPower)
	case o.Iterations < 0 || o.Steps < 0 || o.Workers < 0:
		return o, fmt.Errorf("als: iterations, steps and workers must not be negative")
	}
	return o, nil
}

// Train factorises the users x items matrix. rng draws the starting values.
func Train(ctx context.Context, x *sparse.Matrix, o Options, rng *rand.Rand) (*Model, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	scale := 0.1 / math.Sqrt(float64(o.Factors))
	start := func(rows int) []float32 {
		v := make([]float32, rows*o.Factors)
		for i := range v {
			v[i] = float32(rng.NormFloat64() * scale)
		}
		return v
	}
	users, items := start(x.Rows), start(x.Cols)
	if err := fit(ctx, x, o, users, items); err != nil {
		return nil, err
	}
	return NewModel(o.Factors, items, o.Alpha, o.Reg, o.RegPower)
}

// fit improves users and items (rows x factors each) in place.
func fit(ctx context.Context, x *sparse.Matrix, o Options, users, items []float32) error {
	t := x.Transpose()
	for i := range o.Iterations {
		if err := sweep(ctx, x, o, users, items); err != nil {
			return err
		}
		if err := sweep(ctx, t, o, items, users); err != nil {
			return err
		}
		if o.OnIteration != nil {
			o.OnIteration(i+1, o.Iterations)
		}
	}
	return nil
}

// chunk is how many rows a goroutine solves before it looks at the context.
const chunk = 64

// sweep solves every row of solve, the factors of x's rows, given the factors
// of its columns.
func sweep(ctx context.Context, x *sparse.Matrix, o Options, solve, given []float32) error {
	f := o.Factors
	g := gram(given, f, o.Workers)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range o.Workers {
		wg.Go(func() {
			s := newSolver(f, g, given, o)
			for ctx.Err() == nil {
				from := (int(next.Add(1)) - 1) * chunk
				if from >= x.Rows {
					return
				}
				for u := from; u < min(from+chunk, x.Rows); u++ {
					cols, values := x.Row(u)
					s.row(solve[u*f:(u+1)*f], cols, values, x.Cols)
				}
			}
		})
	}
	wg.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// gramParts is the fixed number of partial sums, so that the rounding does not
// depend on the number of workers.
const gramParts = 16

// gram returns V'V of the rows x f matrix v.
func gram(v []float32, f, workers int) []float32 {
	rows := len(v) / f
	parts := make([][]float64, gramParts)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(workers, gramParts) {
		wg.Go(func() {
			for p := int(next.Add(1)) - 1; p < gramParts; p = int(next.Add(1)) - 1 {
				sum := make([]float64, f*f)
				for r := rows * p / gramParts; r < rows*(p+1)/gramParts; r++ {
					row := v[r*f : (r+1)*f]
					for i, a := range row {
						if a != 0 {
							axpyWide(float64(a), row[:i+1], sum[i*f:i*f+i+1])
						}
					}
				}
				parts[p] = sum
			}
		})
	}
	wg.Wait()
	out := make([]float32, f*f)
	for i := range f {
		for j := range i + 1 {
			var s float64
			for _, p := range parts {
				s += p[i*f+j]
			}
			out[i*f+j], out[j*f+i] = float32(s), float32(s)
		}
	}
	return out
}

func axpyWide(a float64, x []float32, y []float64) {
	y = y[:len(x)]
	for i, b := range x {
		y[i] += a * float64(b)
	}
}
