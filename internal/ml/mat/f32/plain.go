package f32

import (
	"math"
	"unsafe"
)

// plain is every kernel in plain Go: what a build without SIMD runs, and what
// the others are tested against.
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
	for i := range g.m {
		plainRowOf(&g, a[i*g.ars:], b, c[i*g.crs:i*g.crs+g.n])
	}
}

func plainRow(g block) {
	a := unsafe.Slice((*float32)(g.a), (g.k-1)*g.acs+1)
	b := unsafe.Slice((*float32)(g.b), (g.k-1)*g.brs+g.n)
	c := unsafe.Slice((*float32)(g.c), g.n)
	for j := 0; j < g.n; j += panelWidth {
		width := min(panelWidth, g.n-j)
		plainRowOf(&g, a, b[j:], c[j:j+width])
	}
}

// plainRowOf is one row of at most panelWidth columns.
func plainRowOf(g *block, a, b, c []float32) {
	var room [panelWidth]float32
	sum := room[:len(c)]
	p := 0
	for ; p+4 <= g.k; p += 4 {
		w0, w1, w2, w3 := a[p*g.acs], a[(p+1)*g.acs], a[(p+2)*g.acs], a[(p+3)*g.acs]
		b0, b1 := b[p*g.brs:][:len(sum)], b[(p+1)*g.brs:][:len(sum)]
		b2, b3 := b[(p+2)*g.brs:][:len(sum)], b[(p+3)*g.brs:][:len(sum)]
		for j, s := range sum {
			sum[j] = s + w0*b0[j] + w1*b1[j] + w2*b2[j] + w3*b3[j]
		}
	}
	for ; p < g.k; p++ {
		w, row := a[p*g.acs], b[p*g.brs:][:len(sum)]
		for j, v := range row {
			sum[j] += w * v
		}
	}
	for j, s := range sum {
		s *= g.alpha
		if g.beta != 0 {
			s += g.beta * c[j]
		}
		c[j] = s
	}
}

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

func exp1(x float32) float32 { return float32(math.Exp(float64(x))) }

func sigmoid1(x float32) float32 { return float32(1 / (1 + math.Exp(-float64(x)))) }

func tanh1(x float32) float32 {
	if abs := math.Abs(float64(x)); abs < 0.05 {
		// Below, 1-2/(1+exp(2x)) would lose what float32 can hold.
		return float32(math.Tanh(float64(x)))
	}
	return float32(1 - 2/(1+math.Exp(2*float64(x))))
}
