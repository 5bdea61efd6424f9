package f32

import (
	"math"
	"math/rand/v2"
	"testing"
)

// awkward are the numbers at which elementwise functions go wrong.
func awkward() []float32 {
	x := []float32{
		0, float32(math.Copysign(0, -1)), 1e-30, -1e-30, 1e-8, -1e-8, 1, -1, 0.5, 87, 88, 88.7, 88.8, 89, 200, 1e30,
		-87, -88, -100, -103, -104, -105, -200, -1e30, 7.9, 8, 9, 20, -7.9, -9, -20, math.MaxFloat32, -math.MaxFloat32,
		float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN()),
	}
	rng := rand.New(rand.NewPCG(1, 1))
	for range 20000 {
		x = append(x, float32(rng.NormFloat64()*math.Exp(rng.Float64()*8-4)))
	}
	return x
}

// TestElementwise compares with package math. Where the result is not a
// normal float32 an absolute error of the smallest normal one is allowed.
func TestElementwise(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		of       func(p *path) func(dst, x []float32)
		want     func(float64) float64
		relative float64
	}{
		"exp":     {func(p *path) func(dst, x []float32) { return p.exp }, math.Exp, 2e-7},
		"sigmoid": {func(p *path) func(dst, x []float32) { return p.sigmoid }, func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }, 3e-7},
		"tanh":    {func(p *path) func(dst, x []float32) { return p.tanh }, math.Tanh, 5e-7},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, p *path) {
				x := awkward()
				got := make([]float32, len(x))
				c.of(p)(got, x)
				worst := 0.0
				for i, v := range x {
					want, g := c.want(float64(v)), float64(got[i])
					if math.IsNaN(want) != math.IsNaN(g) || math.IsInf(float64(float32(want)), 1) != math.IsInf(g, 1) {
						t.Fatalf("%s(%v) = %v, want %v", name, v, g, want)
					}
					if math.IsNaN(want) || math.IsInf(g, 1) {
						continue
					}
					off := math.Abs(g - want)
					if off > c.relative*math.Abs(want)+0x1p-126 {
						t.Fatalf("%s(%v) = %v, want %v", name, v, g, want)
					}
					if math.Abs(want) > 0x1p-126 {
						worst = max(worst, off/math.Abs(want))
					}
				}
				t.Logf("largest relative error %.2g", worst)
				c.of(p)(x[5:5+17], x[5:5+17]) // In place, of an odd length.
				for i := range 17 {
					if math.Float32bits(x[5+i]) != math.Float32bits(got[5+i]) {
						t.Fatalf("in place: element %d is %v, want %v", i, x[5+i], got[5+i])
					}
				}
			})
		})
	}
}

func TestDotAxpyAndGemv(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *path) {
		rng := rand.New(rand.NewPCG(2, 2))
		for n := range 200 {
			x, y := random(rng, n), random(rng, n)
			want, size := 0.0, 0.0
			for i, v := range x {
				want += float64(v) * float64(y[i])
				size += math.Abs(float64(v) * float64(y[i]))
			}
			if got := float64(p.dot(x, y)); math.Abs(got-want) > float64(n)*0x1p-24*size {
				t.Fatalf("dot of %d: %v, want %v", n, got, want)
			}
			z := append([]float32(nil), y...)
			p.axpy(0.5, x, z)
			for i, v := range z {
				if want := float64(y[i]) + 0.5*float64(x[i]); math.Abs(float64(v)-want) > 0x1p-22*(1+math.Abs(want)) {
					t.Fatalf("axpy of %d: element %d is %v, want %v", n, i, v, want)
				}
			}
		}
		for _, transposed := range []bool{false, true} {
			for _, m := range []int{1, 3, 4, 9, 150} {
				for _, n := range []int{1, 5, 16, 31, 100} {
					checkGemv(t, p, rng, m, n, transposed)
				}
			}
		}
	})
}

func checkGemv(t *testing.T, p *path, rng *rand.Rand, m, n int, transposed bool) {
	t.Helper()
	a := Matrix{Data: random(rng, m*(n+2)), Stride: n + 2}
	if transposed {
		a = Matrix{Data: random(rng, n*(m+2)), Stride: m + 2, Transposed: true}
	}
	x, y := random(rng, n), random(rng, m)
	for _, c := range []struct{ alpha, beta float32 }{{1, 0}, {-2, 0.5}} {
		got := append([]float32(nil), y...)
		want, bound := product(m, 1, n, c.alpha, a, Mat(x, 1), c.beta, y, 1)
		p.gemv(m, n, c.alpha, a, x, c.beta, got)
		for i, g := range got {
			if math.Abs(float64(g)-want[i]) > bound[i] {
				t.Fatalf("gemv %d by %d, transposed %v: %v, want %v", m, n, transposed, g, want[i])
			}
		}
	}
}

// TestCell checks the way forward against package math and the way back
// against central differences of it.
func TestCell(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *path) {
		for _, h := range []int{1, 5, 8, 10, 16, 24, 37} {
			for _, first := range []bool{true, false} {
				checkCell(t, p, h, first)
			}
		}
	})
}

func sigmoidExact(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

func checkCell(t *testing.T, p *path, h int, first bool) {
	t.Helper()
	const rows = 3
	rng := rand.New(rand.NewPCG(uint64(h), 3))
	sums, bias := random(rng, rows*4*h), random(rng, 4*h)
	var before []float32
	if !first {
		before = random(rng, rows*h)
	}
	c := Cell{Hidden: h, Gates: append([]float32(nil), sums...), Bias: bias, Before: before, After: make([]float32, rows*h), Tanh: make([]float32, rows*h), Out: make([]float32, rows*h)}
	p.cell(c, 0, rows)
	dOut, dAfter := random(rng, rows*h), random(rng, rows*h)
	b := CellBack{Hidden: h, Gates: c.Gates, Before: before, Tanh: c.Tanh, GradOut: dOut, GradCell: append([]float32(nil), dAfter...), GradBefore: make([]float32, rows*h)}
	p.cellBack(b, 0, rows)
	for r := range rows {
		for j := range h {
			at := r*h + j
			var g [4]float64
			for k := range g {
				g[k] = float64(sums[r*4*h+k*h+j]) + float64(bias[k*h+j])
			}
			old := 0.0
			if !first {
				old = float64(before[at])
			}
			run := func(g [4]float64, old float64) (after, out float64) {
				after = sigmoidExact(g[1])*old + sigmoidExact(g[0])*math.Tanh(g[3])
				return after, sigmoidExact(g[2]) * math.Tanh(after)
			}
			after, out := run(g, old)
			nearly(t, "cell state", float64(c.After[at]), after, 2e-6)
			nearly(t, "hidden state", float64(c.Out[at]), out, 2e-6)
			slope := func(move func(by float64) (after, out float64)) float64 {
				a1, o1 := move(1e-5)
				a0, o0 := move(-1e-5)
				return ((a1-a0)*float64(dAfter[at]) + (o1-o0)*float64(dOut[at])) / 2e-5
			}
			for k := range g {
				want := slope(func(by float64) (float64, float64) {
					moved := g
					moved[k] += by
					return run(moved, old)
				})
				nearly(t, "gradient of a gate", float64(b.Gates[r*4*h+k*h+j]), want, 4e-6)
			}
			nearly(t, "gradient of the state", float64(b.GradBefore[at]), slope(func(by float64) (float64, float64) { return run(g, old+by) }), 4e-6)
		}
	}
}

func nearly(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance*(1+math.Abs(want))) {
		t.Fatalf("%s is %v, want %v", what, got, want)
	}
}

func TestAdam(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *path) {
		rng := rand.New(rand.NewPCG(4, 4))
		for _, n := range []int{0, 1, 7, 16, 50} {
			a := Adam{Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8, Rate: 0.01, Keep: 0.99}
			w, g, m, v := random(rng, n), random(rng, n), random(rng, n), make([]float32, n)
			w0, m0 := append([]float32(nil), w...), append([]float32(nil), m...)
			p.adam(a, w, g, m, v)
			for i, d := range g {
				mean, square := 0.9*float64(m0[i])+0.1*float64(d), 0.001*float64(d)*float64(d)
				nearly(t, "weight", float64(w[i]), 0.99*float64(w0[i])-0.01*mean/(math.Sqrt(square)+1e-8), 2e-5)
				nearly(t, "mean", float64(m[i]), mean, 1e-6)
				nearly(t, "square", float64(v[i]), square, 1e-6)
			}
		}
	})
}

// TestVectorPathsAgreeBitForBit is why a model trained on one machine repeats
// on another with the other instruction set.
func TestVectorPathsAgreeBitForBit(t *testing.T) {
	t.Parallel()
	var vector []*path
	for _, p := range paths() {
		if p != &plain {
			vector = append(vector, p)
		}
	}
	if len(vector) < 2 {
		t.Skip("this build or this CPU does not have both AVX-512 and AVX2")
	}
	results := make([][]float32, len(vector))
	for i, p := range vector {
		results[i] = everything(p)
	}
	for i, v := range results[0] {
		if math.Float32bits(v) != math.Float32bits(results[1][i]) {
			t.Fatalf("number %d: %s says %v, %s %v", i, vector[0].name, v, vector[1].name, results[1][i])
		}
	}
}

// everything is numbers from every kernel of a path.
func everything(p *path) (out []float32) {
	rng := rand.New(rand.NewPCG(5, 5))
	for _, m := range []int{1, 5, 9, 40} {
		for _, n := range []int{1, 9, 16, 20, 40, 70, 150, 300} {
			for _, k := range []int{1, 10, 300} {
				for form := range 4 {
					a, b, c := Mat(random(rng, m*k), k), Mat(random(rng, k*n), n), random(rng, m*n)
					if form&1 != 0 {
						a = Mat(a.Data, m).T()
					}
					if form&2 != 0 {
						b = Mat(b.Data, k).T()
					}
					p.gemm(m, n, k, 0.7, a, b, 0.3, Mat(c, n))
					out = append(out, c...)
				}
			}
			y := make([]float32, m)
			p.gemv(m, n, 1, Mat(random(rng, m*n), n), random(rng, n), 0, y)
			out = append(out, y...)
			out = append(out, p.dot(random(rng, n), random(rng, n)))
			p.axpy(0.3, random(rng, m), y)
			out = append(out, y...)
		}
	}
	x := awkward()
	x = x[:35] // Without NaN, whose bits no rule fixes.
	for _, f := range []func(dst, x []float32){p.exp, p.sigmoid, p.tanh} {
		y := make([]float32, len(x))
		f(y, x)
		out = append(out, y...)
	}
	const h, rows = 21, 4
	c := Cell{Hidden: h, Gates: random(rng, rows*4*h), Bias: random(rng, 4*h), Before: random(rng, rows*h), After: make([]float32, rows*h), Tanh: make([]float32, rows*h), Out: make([]float32, rows*h)}
	p.cell(c, 0, rows)
	back := CellBack{Hidden: h, Gates: append([]float32(nil), c.Gates...), Before: c.Before, Tanh: c.Tanh, GradOut: random(rng, rows*h), GradCell: random(rng, rows*h), GradBefore: make([]float32, rows*h)}
	p.cellBack(back, 0, rows)
	w, g, m, v := random(rng, 50), random(rng, 50), random(rng, 50), make([]float32, 50)
	p.adam(Adam{0.9, 0.999, 1e-8, 0.01, 0.99}, w, g, m, v)
	for _, part := range [][]float32{c.Gates, c.After, c.Tanh, c.Out, back.Gates, back.GradBefore, w, m, v} {
		out = append(out, part...)
	}
	return out
}

func TestWrongShapesPanic(t *testing.T) {
	t.Parallel()
	x := make([]float32, 6)
	for name, f := range map[string]func(){
		"dot":       func() { Dot(x, x[1:]) },
		"axpy":      func() { Axpy(1, x, x[1:]) },
		"exp":       func() { Exp(x, x[1:]) },
		"sigmoid":   func() { Sigmoid(x, x[1:]) },
		"tanh":      func() { Tanh(x, x[1:]) },
		"gemm A":    func() { Gemm(3, 2, 2, 1, Mat(x[:5], 2), Mat(x, 2), 0, Mat(x, 2)) },
		"gemm B":    func() { Gemm(2, 3, 2, 1, Mat(x, 2), Mat(x[:5], 3), 0, Mat(x, 3)) },
		"gemm C":    func() { Gemm(2, 3, 2, 1, Mat(x, 2), Mat(x, 3), 0, Mat(x[:5], 3)) },
		"gemm turn": func() { Gemm(2, 2, 2, 1, Mat(x, 2), Mat(x, 2), 0, Mat(x, 2).T()) },
		"stride":    func() { Gemm(2, 2, 3, 1, Mat(x, 2), Mat(x, 2), 0, Mat(x, 2)) },
		"gemv":      func() { Gemv(3, 2, 1, Mat(x[:5], 2), x[:2], 0, x[:3]) },
		"cell":      func() { (&Cell{Hidden: 1, Gates: x, Bias: x[:4], After: x, Tanh: x, Out: x}).Run(0, 2) },
		"cell back": func() {
			(&CellBack{Hidden: 1, Gates: x, Tanh: x, GradOut: x, GradCell: x, GradBefore: x}).Run(0, 2)
		},
		"adam": func() { (&Adam{}).Run(x, x, x, x[1:]) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s accepted a wrong shape", name)
				}
			}()
			f()
		}()
	}
}

// TestNothingIsAllocated covers what runs in every step of a network.
func TestNothingIsAllocated(t *testing.T) {
	x, c := make([]float32, 64*64), make([]float32, 64*64)
	if n := testing.AllocsPerRun(50, func() {
		Gemm(64, 64, 64, 1, Mat(x, 64), Mat(x, 64).T(), 0, Mat(c, 64))
		Gemm(1, 64, 64, 1, Mat(x, 64), Mat(x, 64), 0, Mat(c, 64))
		Gemv(64, 64, 1, Mat(x, 64), x[:64], 0, c[:64])
		Exp(c, x)
	}); n > 0.5 { // The garbage collector may empty the pool of panels once.
		t.Errorf("%v allocations", n)
	}
}
