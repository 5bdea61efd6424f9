package f32

import (
	"sync"
	"unsafe"
)

const (
	// panelWidth is how many columns of C the inner kernel computes at a time.
	panelWidth = 32
	// depthBlock bounds the depth of one pass, so that a packed panel of B
	// (depthBlock by panelWidth) stays in a 32 KiB first-level cache.
	depthBlock = 256
	// rowBlock bounds the rows of A that one packed panel is used for before
	// the next one, so that they stay in the second-level cache.
	rowBlock = 512
	// leastPacked is the number of rows from which copying a panel of B into
	// one piece pays.
	leastPacked = 128
	// leastStreamed is that number where B is of mostCached numbers or more, so
	// that it comes from behind the second-level cache: copying asks for many
	// rows at once, where the tiles wait for one after the other.
	leastStreamed = 24
	mostCached    = 1 << 18
	// leastPanel is the number of rows from which several are computed at a
	// time.
	leastPanel = 2
)

// block is the work of one inner kernel: C = alpha*A*B + beta*C, with m rows,
// n columns and depth k.
type block struct {
	m, n, k     int
	alpha, beta float32
	a           unsafe.Pointer
	ars, acs    int
	b           unsafe.Pointer
	brs         int
	// roomy says that a row of B may be read up to panelWidth, whatever n is.
	roomy bool
	c     unsafe.Pointer
	crs   int
}

// Matrix is a row-major matrix inside a slice: row i begins at Data[i*Stride].
// Transposed means that the product takes it transposed; Stride still speaks
// of the rows as they are stored.
type Matrix struct {
	Data       []float32
	Stride     int
	Transposed bool
}

// Mat is a matrix whose rows follow each other.
func Mat(data []float32, cols int) Matrix { return Matrix{Data: data, Stride: cols} }

// T is the transpose of a matrix, without moving it.
func (a Matrix) T() Matrix {
	a.Transposed = !a.Transposed
	return a
}

// holds says whether the matrix has room for rows by cols (before
// transposition).
func (a Matrix) holds(rows, cols int) bool {
	if a.Transposed {
		rows, cols = cols, rows
	}
	return rows == 0 || cols == 0 || (a.Stride >= cols && len(a.Data) >= (rows-1)*a.Stride+cols)
}

// Gemm computes C = alpha*A*B + beta*C, where A is m by k, B is k by n and C is
// m by n, which must not be Transposed and must not overlap A or B. With beta
// 0, C is written without being read.
func Gemm(m, n, k int, alpha float32, a, b Matrix, beta float32, c Matrix) {
	use.gemm(m, n, k, alpha, a, b, beta, c)
}

func (p *path) gemm(m, n, k int, alpha float32, a, b Matrix, beta float32, c Matrix) {
	if m < 0 || n < 0 || k < 0 || c.Transposed || !a.holds(m, k) || !b.holds(k, n) || !c.holds(m, n) {
		panic(errShape)
	}
	if m == 0 || n == 0 {
		return
	}
	if k == 0 {
		scaleRows(m, n, beta, c)
		return
	}
	g := block{alpha: alpha, beta: beta, ars: a.Stride, acs: 1, crs: c.Stride}
	if a.Transposed {
		g.ars, g.acs = 1, a.Stride
	}
	for depth := 0; depth < k; depth += depthBlock {
		g.k = min(depthBlock, k-depth)
		if b.Transposed || m >= leastPacked || m >= leastStreamed && k*n >= mostCached {
			p.packed(&g, m, n, depth, a, b, c)
		} else {
			p.direct(&g, m, n, depth, a, b, c)
		}
		g.beta = 1
	}
}

// direct reads B where it lies.
func (p *path) direct(g *block, m, n, depth int, a, b, c Matrix) {
	g.brs = b.Stride
	if m < leastPanel {
		g.n = n
		for i := range m {
			g.a, g.b, g.c = at(a, i*g.ars+depth*g.acs), at(b, depth*b.Stride), at(c, i*g.crs)
			p.row(*g)
		}
		return
	}
	g.m = m
	for j := 0; j < n; j += panelWidth {
		g.n = min(panelWidth, n-j)
		g.a, g.b, g.c = at(a, depth*g.acs), at(b, depth*b.Stride+j), at(c, j)
		p.panel(*g)
	}
}

// panels lends the memory that packed panels are copied to.
var panels = sync.Pool{New: func() any { return new([depthBlock * panelWidth]float32) }}

// packed copies each panel of B into one piece first.
func (p *path) packed(g *block, m, n, depth int, a, b, c Matrix) {
	panel := panels.Get().(*[depthBlock * panelWidth]float32)
	defer panels.Put(panel)
	g.b, g.brs, g.roomy = unsafe.Pointer(panel), panelWidth, true
	for i := 0; i < m; i += rowBlock {
		g.m = min(rowBlock, m-i)
		for j := 0; j < n; j += panelWidth {
			g.n = min(panelWidth, n-j)
			p.pack(panel[:], b, depth, j, g.k, g.n)
			g.a, g.c = at(a, i*g.ars+depth*g.acs), at(c, i*g.crs+j)
			p.panel(*g)
		}
	}
}

// pack copies k by n of B, from (depth, j), to rows of panelWidth.
//
//go:norace
func (p *path) pack(dst []float32, b Matrix, depth, j, k, n int) {
	if !b.Transposed {
		for d := range k {
			from := (depth+d)*b.Stride + j
			copy(dst[d*panelWidth:d*panelWidth+n], b.Data[from:from+n])
		}
		return
	}
	q, whole := 0, k/8*8
	if p.transpose == nil {
		whole = 0
	}
	row := func(q int) []float32 { return b.Data[(j+q)*b.Stride+depth:][:k] }
	for ; q+8 <= n; q += 8 {
		if whole > 0 {
			p.transpose(unsafe.Pointer(&dst[q]), unsafe.Pointer(&row(q)[0]), 4*b.Stride, whole/8)
		}
		// Eight rows at a time fill half a cache line of dst at once.
		r0, r1, r2, r3, r4, r5, r6, r7 := row(q), row(q+1), row(q+2), row(q+3), row(q+4), row(q+5), row(q+6), row(q+7)
		for i := whole; i < k; i++ {
			d := (*[8]float32)(dst[i*panelWidth+q:])
			d[0], d[1], d[2], d[3] = r0[i], r1[i], r2[i], r3[i]
			d[4], d[5], d[6], d[7] = r4[i], r5[i], r6[i], r7[i]
		}
	}
	for ; q < n; q++ {
		for i, v := range row(q) {
			dst[i*panelWidth+q] = v
		}
	}
}

func at(a Matrix, i int) unsafe.Pointer { return unsafe.Pointer(&a.Data[i]) }

func scaleRows(m, n int, beta float32, c Matrix) {
	for i := range m {
		row := c.Data[i*c.Stride : i*c.Stride+n]
		if beta == 0 {
			clear(row)
			continue
		}
		for j := range row {
			row[j] *= beta
		}
	}
}
