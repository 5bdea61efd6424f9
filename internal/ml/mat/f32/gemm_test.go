package f32

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// random fills n numbers around 0.
func random(rng *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	return x
}

// each runs a test on every implementation this CPU has.
func each(t *testing.T, test func(t *testing.T, p *path)) {
	t.Helper()
	for _, p := range paths() {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			test(t, p)
		})
	}
}

// product is Gemm in float64 by its definition, and the bound on what float32
// may be off: each of the k roundings is at most 2^-24 of what was summed.
func product(m, n, k int, alpha float32, a, b Matrix, beta float32, c []float32, crs int) (want, bound []float64) {
	get := func(a Matrix, i, j int) float64 {
		if a.Transposed {
			i, j = j, i
		}
		return float64(a.Data[i*a.Stride+j])
	}
	want, bound = make([]float64, m*n), make([]float64, m*n)
	for i := range m {
		for j := range n {
			sum, size := 0.0, 0.0
			for p := range k {
				v := get(a, i, p) * get(b, p, j)
				sum += v
				size += math.Abs(v)
			}
			old := 0.0
			if beta != 0 {
				old = float64(beta) * float64(c[i*crs+j])
			}
			want[i*n+j] = float64(alpha)*sum + old
			bound[i*n+j] = float64(k+3) * 0x1p-24 * (math.Abs(float64(alpha))*size + math.Abs(old))
		}
	}
	return want, bound
}

func TestGemmAgreesWithTheDefinition(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *path) {
		rng, form := rand.New(rand.NewPCG(1, 2)), 0
		for _, m := range []int{1, 2, 5, 8, 23, 24, 31} {
			for _, n := range []int{1, 7, 8, 9, 16, 17, 31, 32, 33, 40, 150} {
				for _, k := range []int{1, 10, 63, 257} {
					// Every form meets every kind of edge, not every size.
					checkGemm(t, p, rng, m, n, k, form%8)
					checkGemm(t, p, rng, m, n, k, (form+5)%8)
					form++
				}
			}
		}
	})
}

// checkGemm multiplies matrices of random values inside larger slices; the
// bits of form say what is transposed and whether C is added to.
func checkGemm(t *testing.T, p *path, rng *rand.Rand, m, n, k, form int) {
	t.Helper()
	matrix := func(rows, cols int, transposed bool) Matrix {
		if transposed {
			rows, cols = cols, rows
		}
		stride := cols + rng.IntN(3)
		return Matrix{Data: random(rng, (rows-1)*stride+cols), Stride: stride, Transposed: transposed}
	}
	a, b := matrix(m, k, form&1 != 0), matrix(k, n, form&2 != 0)
	c := matrix(m, n, false)
	alpha, beta := float32(1), float32(0)
	if form&4 != 0 {
		alpha, beta = 0.5, -2
	} else {
		for i := range c.Data {
			c.Data[i] = float32(math.NaN())
		}
	}
	before := append([]float32(nil), c.Data...)
	want, bound := product(m, n, k, alpha, a, b, beta, c.Data, c.Stride)
	p.gemm(m, n, k, alpha, a, b, beta, c)
	what := fmt.Sprintf("m=%d n=%d k=%d form=%03b", m, n, k, form)
	for i := range m {
		for j := range n {
			got := float64(c.Data[i*c.Stride+j])
			if !(math.Abs(got-want[i*n+j]) <= bound[i*n+j]) {
				t.Fatalf("%s: C[%d,%d] = %v, want %v within %v", what, i, j, got, want[i*n+j], bound[i*n+j])
			}
		}
		for j := i*c.Stride + n; j < min((i+1)*c.Stride, len(c.Data)); j++ {
			if math.Float32bits(c.Data[j]) != math.Float32bits(before[j]) {
				t.Fatalf("%s: wrote beside C at row %d", what, i)
			}
		}
	}
}

// TestARowDoesNotDependOnTheBatch is what lets one series be forecast alone or
// among thousands with the same answer.
func TestARowDoesNotDependOnTheBatch(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *path) {
		rng := rand.New(rand.NewPCG(3, 4))
		const m, n, k = 41, 150, 300
		a, b, all := random(rng, m*k), random(rng, k*n), make([]float32, m*n)
		p.gemm(m, n, k, 1, Mat(a, k), Mat(b, n), 0, Mat(all, n))
		for _, rows := range []int{1, 2, 3, 5, 30} {
			part := make([]float32, rows*n)
			p.gemm(rows, n, k, 1, Mat(a, k), Mat(b, n), 0, Mat(part, n))
			for i, v := range part {
				if math.Float32bits(v) != math.Float32bits(all[i]) {
					t.Fatalf("%d rows: element %d is %v, in the batch %v", rows, i, v, all[i])
				}
			}
		}
	})
}
