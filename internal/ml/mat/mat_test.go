package mat_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/omni-run/omni/internal/ml/mat"
	"pgregory.net/rapid"
)

func random(rng *rand.Rand, n int) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = rng.NormFloat64()
	}
	return x
}

// naive multiplies with strides, so that one loop serves every transposition.
func naive(c, a, b []float64, m, k, n, aRow, aCol, bRow, bCol int) []float64 {
	out := append([]float64(nil), c...)
	for i := range m {
		for j := range n {
			for p := range k {
				out[i*n+j] += a[i*aRow+p*aCol] * b[p*bRow+j*bCol]
			}
		}
	}
	return out
}

func near(t interface{ Fatalf(string, ...any) }, what string, got, want []float64) {
	for i := range want {
		if math.Abs(got[i]-want[i]) > 1e-12*(1+math.Abs(want[i])) {
			t.Fatalf("%s[%d] = %v, want %v", what, i, got[i], want[i])
		}
	}
}

func TestProductsAgreeWithTheDefinition(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m, k, n := rapid.IntRange(0, 9).Draw(t, "m"), rapid.IntRange(1, 9).Draw(t, "k"), rapid.IntRange(1, 9).Draw(t, "n")
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		a, b, c := random(rng, m*k), random(rng, k*n), random(rng, m*n)
		want := naive(c, a, b, m, k, n, k, 1, n, 1)
		got := append([]float64(nil), c...)
		mat.GemmNN(got, a, b, m, k, n)
		near(t, "NN", got, want)

		at, g := random(rng, k*m), append([]float64(nil), c...)
		want = naive(c, at, b, m, k, n, 1, m, n, 1)
		mat.GemmTN(g, at, b, k, m, n)
		near(t, "TN", g, want)

		bt, h := random(rng, n*k), append([]float64(nil), c...)
		want = naive(c, a, bt, m, k, n, k, 1, 1, k)
		mat.GemmNT(h, a, bt, m, k, n)
		near(t, "NT", h, want)

		x, y := random(rng, k), random(rng, m)
		want = naive(y, a, x, m, k, 1, k, 1, 1, 1)
		mat.Gemv(y, a, x, m, k)
		near(t, "Gemv", y, want)
	})
}

func TestFloat32AgreesWithFloat64(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	a, b := random(rng, 101), random(rng, 101)
	a32, b32 := make([]float32, 101), make([]float32, 101)
	for i := range a {
		a32[i], b32[i] = float32(a[i]), float32(b[i])
	}
	if got, want := float64(mat.Dot(a32, b32)), mat.Dot(a, b); math.Abs(got-want) > 1e-5 {
		t.Fatalf("float32 dot %v, float64 %v", got, want)
	}
}

func TestActivations(t *testing.T) {
	t.Parallel()
	x := []float64{-800, -40, -1, -1e-9, 0, 1e-9, 0.5, 3, 40, 800}
	s, h := append([]float64(nil), x...), make([]float64, len(x))
	mat.Sigmoid(s)
	mat.Tanh(h, x)
	for i, v := range x {
		if want := 0.5 * (1 + math.Tanh(v/2)); math.Abs(s[i]-want) > 3e-16 {
			t.Errorf("sigmoid(%g) = %g, want %g", v, s[i], want)
		}
		if want := math.Tanh(v); math.Abs(h[i]-want) > 3e-16 {
			t.Errorf("tanh(%g) = %g, want %g", v, h[i], want)
		}
	}
	p := []float64{1000, 1000, -1000}
	mat.Softmax(p)
	near(t, "softmax", p, []float64{0.5, 0.5, 0})
}

func TestSolveSPD(t *testing.T) {
	t.Parallel()
	// A = [[4,2],[2,3]], x = [1,-2] by hand.
	b := []float64{0, -4}
	if err := mat.SolveSPD([]float64{4, 2, 2, 3}, b, 2); err != nil {
		t.Fatal(err)
	}
	near(t, "x", b, []float64{1, -2})
	if err := mat.SolveSPD([]float64{1, 2, 2, 1}, []float64{1, 1}, 2); !errors.Is(err, mat.ErrNotPositiveDefinite) {
		t.Fatalf("an indefinite matrix was solved: %v", err)
	}
	rng := rand.New(rand.NewPCG(3, 4))
	x := random(rng, 50*3)
	y := make([]float64, 50)
	mat.Gemv(y, x, []float64{2, -1, 0.5}, 50, 3)
	w, err := mat.Ridge(x, y, 50, 3, 1e-14)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "w", w, []float64{2, -1, 0.5})
}

func TestWrongShapesPanic(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]func(){
		"dot":  func() { mat.Dot([]float64{1}, []float64{1, 2}) },
		"gemm": func() { mat.GemmNN(make([]float64, 4), make([]float64, 3), make([]float64, 4), 2, 2, 2) },
		"tanh": func() { mat.Tanh(make([]float64, 1), make([]float64, 2)) },
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

func BenchmarkGemmNN(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 1))
	m, k, n := 32, 16, 64
	x, w, c := random(rng, m*k), random(rng, k*n), random(rng, m*n)
	for b.Loop() {
		mat.GemmNN(c, x, w, m, k, n)
	}
	b.ReportMetric(float64(2*m*k*n)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
}
