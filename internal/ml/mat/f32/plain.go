package f32

import (
	"math"
	"unsafe"
)

// plain is every kernel in plain Go: what a build without SIMD runs, and what
// the others are tested against. The inner functions leave the race detector
// out: they work on what their caller hands them, whose own accesses it sees,
// and with it they take twenty times as long.
var plain = path{
	name: "go", panel: plainPanel, row: plainRow,
	dot: plainDot, dot4: plainDot4, axpy: plainAxpy,
	exp: plainExp, sigmoid: plainSigmoid, tanh: plainTanh,
	cell: plainCell, cellBack: plainCellBack, adam: plainAdam,
}

func plainPanel(g block) {
	a := unsafe.Slice((*float32)(g.a), (g.m-1)*g.ars+(g.k-1)*g.acs+1)
	b := unsafe.Slice((*float32)(g.b), (g.k-1)*g.brs+g.n)
	c := unsafe.Slice((*float32)(g.c), (g.m-1)*g.crs+g.n)
	i := 0
	for ; i+2 <= g.m; i += 2 {
		j := 0
		for ; j+4 <= g.n; j += 4 {
			plainTile(&g, a[i*g.ars:], b[j:], c[i*g.crs+j:])
		}
		plainColumns(&g, a[i*g.ars:], b, c[i*g.crs:], j)
		plainColumns(&g, a[(i+1)*g.ars:], b, c[(i+1)*g.crs:], j)
	}
	if i < g.m {
		plainColumns(&g, a[i*g.ars:], b, c[i*g.crs:], 0)
	}
}

func plainRow(g block) {
	a := unsafe.Slice((*float32)(g.a), (g.k-1)*g.acs+1)
	b := unsafe.Slice((*float32)(g.b), (g.k-1)*g.brs+g.n)
	plainColumns(&g, a, b, unsafe.Slice((*float32)(g.c), g.n), 0)
}

// plainTile is two rows by four columns. The conversions forbid the compiler
// to fuse multiplication and addition, which it would do in one place and not
// in another: a row would then depend on the rows beside it.
//
//go:norace
func plainTile(g *block, a, b, c []float32) {
	var c00, c01, c02, c03, c10, c11, c12, c13 float32
	under, acs, brs := a[g.ars:], g.acs, g.brs
	for p := range g.k {
		x, y, r := a[p*acs], under[p*acs], (*[4]float32)(b[p*brs:])
		b0, b1, b2, b3 := r[0], r[1], r[2], r[3]
		c00 += float32(x * b0)
		c01 += float32(x * b1)
		c02 += float32(x * b2)
		c03 += float32(x * b3)
		c10 += float32(y * b0)
		c11 += float32(y * b1)
		c12 += float32(y * b2)
		c13 += float32(y * b3)
	}
	for j, s := range [4]float32{c00, c01, c02, c03} {
		put(&c[j], s, g.alpha, g.beta)
	}
	for j, s := range [4]float32{c10, c11, c12, c13} {
		put(&c[g.crs+j], s, g.alpha, g.beta)
	}
}

// plainColumns is one row from column j.
//
//go:norace
func plainColumns(g *block, a, b, c []float32, j int) {
	acs, brs := g.acs, g.brs
	for ; j+4 <= g.n; j += 4 {
		var c0, c1, c2, c3 float32
		for p := range g.k {
			x, r := a[p*acs], (*[4]float32)(b[p*brs+j:])
			c0 += float32(x * r[0])
			c1 += float32(x * r[1])
			c2 += float32(x * r[2])
			c3 += float32(x * r[3])
		}
		for q, s := range [4]float32{c0, c1, c2, c3} {
			put(&c[j+q], s, g.alpha, g.beta)
		}
	}
	for ; j < g.n; j++ {
		var s float32
		for p := range g.k {
			s += float32(a[p*acs] * b[p*brs+j])
		}
		put(&c[j], s, g.alpha, g.beta)
	}
}

//go:norace
func plainDot(x, y []float32) float32 {
	var s0, s1, s2, s3 float32
	i := 0
	for ; i+4 <= len(x); i += 4 {
		u, v := x[i:i+4:i+4], y[i:i+4:i+4]
		s0 += u[0] * v[0]
		s1 += u[1] * v[1]
		s2 += u[2] * v[2]
		s3 += u[3] * v[3]
	}
	for ; i < len(x); i++ {
		s0 += x[i] * y[i]
	}
	return (s0 + s1) + (s2 + s3)
}

func plainDot4(a unsafe.Pointer, stride int, x []float32) (out [4]float32) {
	rows := unsafe.Slice((*float32)(a), 3*stride+len(x))
	for r := range out {
		out[r] = plainDot(rows[r*stride:r*stride+len(x)], x)
	}
	return out
}

//go:norace
func plainAxpy(alpha float32, x, y []float32) {
	for i, v := range x {
		y[i] += alpha * v
	}
}

func plainExp(dst, x []float32) {
	for i, v := range x {
		dst[i] = exp1(v)
	}
}

func plainSigmoid(dst, x []float32) {
	for i, v := range x {
		dst[i] = sigmoid1(v)
	}
}

func plainTanh(dst, x []float32) {
	for i, v := range x {
		dst[i] = tanh1(v)
	}
}

// exp1 computes what the vector kernels do, except that nothing is fused.
func exp1(x float32) float32 {
	if x > expTop {
		x = expTop
	} else if x < expLow {
		x = expLow
	}
	n := float32(float32(x*log2e)+roundUp) - roundUp
	r := x - float32(n*ln2High)
	r -= float32(n * ln2Low)
	p := float32(r*exp5) + exp4
	p = float32(r*p) + exp3
	p = float32(r*p) + exp2
	p = float32(r*p) + exp1c
	p = float32(r*p) + exp0
	p = float32(float32(r*r)*p) + r + 1
	// Two factors, so that the powers at both ends of the range stay within it.
	e := int32(n)
	half := e >> 1
	return float32(p*power(half)) * power(e-half)
}

// power is 2 to the power of e, for e in [-126, 127].
func power(e int32) float32 { return math.Float32frombits(uint32(e+127) << 23) }

func sigmoid1(x float32) float32 { return 1 / (1 + exp1(-x)) }

func tanh1(x float32) float32 {
	if x > tanhTop {
		x = tanhTop
	} else if x < -tanhTop {
		x = -tanhTop
	}
	s := float32(x * x)
	p := float32(s*tanh13) + tanh11
	p = float32(s*p) + tanh9
	p = float32(s*p) + tanh7
	p = float32(s*p) + tanh5
	p = float32(s*p) + tanh3
	p = float32(s*p) + tanh1c
	q := float32(s*tanhQ6) + tanhQ4
	q = float32(s*q) + tanhQ2
	q = float32(s*q) + tanhQ0
	return float32(x*p) / q
}
