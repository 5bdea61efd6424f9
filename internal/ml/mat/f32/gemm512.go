//go:build goexperiment.simd && amd64 && !go1.27

package f32

import (
	"simd/archsimd"
	"unsafe"
)

// The kernels below walk with unsafe pointers: a bounds check per load halves
// their speed. Gemm has checked the shapes. A pointer may stand one row behind
// its matrix when a loop ends; these functions call nothing, so no such
// pointer is ever seen by the garbage collector's precise scan.

type vec16 = archsimd.Float32x16

func load16(p unsafe.Pointer) vec16 { return archsimd.LoadFloat32x16((*[16]float32)(p)) }

func spread16(p unsafe.Pointer) vec16 { return archsimd.BroadcastFloat32x16(*(*float32)(p)) }

func store16(p unsafe.Pointer, v vec16) { v.Store((*[16]float32)(p)) }

// lanes holds sixteen ones and sixteen zeros: read from 16-n it is the mask of
// the first n lanes.
var lanes = [32]int32{-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1}

func first16(n int) archsimd.Mask32x16 {
	n = max(0, min(n, 16))
	return archsimd.LoadInt32x16((*[16]int32)(unsafe.Pointer(&lanes[16-n]))).ToMask()
}

//go:nocheckptr
func panel512(g *block) {
	a, c := g.a, g.c
	i := 0
	if g.n == panelWidth {
		for ; i+4 <= g.m; i += 4 {
			tile4x32(g, a, c)
			a, c = unsafe.Add(a, 16*g.ars), unsafe.Add(c, 16*g.crs)
		}
	} else if g.n > 16 {
		for ; i+4 <= g.m; i += 4 {
			edge4x32(g, a, c)
			a, c = unsafe.Add(a, 16*g.ars), unsafe.Add(c, 16*g.crs)
		}
	} else {
		for ; i+4 <= g.m; i += 4 {
			edge4x16(g, a, c)
			a, c = unsafe.Add(a, 16*g.ars), unsafe.Add(c, 16*g.crs)
		}
	}
	for ; i < g.m; i++ {
		edge1x32(g, a, c)
		a, c = unsafe.Add(a, 4*g.ars), unsafe.Add(c, 4*g.crs)
	}
}

// put512 finishes one vector of C.
func put512(c unsafe.Pointer, sum, alpha vec16, beta float32) {
	sum = sum.Mul(alpha)
	if beta != 0 {
		sum = load16(c).MulAdd(archsimd.BroadcastFloat32x16(beta), sum)
	}
	store16(c, sum)
}

//go:nocheckptr
func putMasked512(c unsafe.Pointer, sum, alpha vec16, beta float32, m archsimd.Mask32x16) {
	sum = sum.Mul(alpha)
	if beta != 0 {
		sum = archsimd.LoadMaskedFloat32x16((*[16]float32)(c), m).MulAdd(archsimd.BroadcastFloat32x16(beta), sum)
	}
	sum.StoreMasked((*[16]float32)(c), m)
}

//go:nocheckptr
func tile4x32(g *block, a, c unsafe.Pointer) {
	var c00, c01, c10, c11, c20, c21, c30, c31 vec16
	b, brs, acs := g.b, 4*g.brs, 4*g.acs
	r1 := 4 * g.ars
	r2, r3 := 2*r1, 3*r1
	for range g.k {
		b0, b1 := load16(b), load16(unsafe.Add(b, 64))
		x := spread16(a)
		c00, c01 = b0.MulAdd(x, c00), b1.MulAdd(x, c01)
		x = spread16(unsafe.Add(a, r1))
		c10, c11 = b0.MulAdd(x, c10), b1.MulAdd(x, c11)
		x = spread16(unsafe.Add(a, r2))
		c20, c21 = b0.MulAdd(x, c20), b1.MulAdd(x, c21)
		x = spread16(unsafe.Add(a, r3))
		c30, c31 = b0.MulAdd(x, c30), b1.MulAdd(x, c31)
		a, b = unsafe.Add(a, acs), unsafe.Add(b, brs)
	}
	alpha, crs := archsimd.BroadcastFloat32x16(g.alpha), 4*g.crs
	put512(c, c00, alpha, g.beta)
	put512(unsafe.Add(c, 64), c01, alpha, g.beta)
	c = unsafe.Add(c, crs)
	put512(c, c10, alpha, g.beta)
	put512(unsafe.Add(c, 64), c11, alpha, g.beta)
	c = unsafe.Add(c, crs)
	put512(c, c20, alpha, g.beta)
	put512(unsafe.Add(c, 64), c21, alpha, g.beta)
	c = unsafe.Add(c, crs)
	put512(c, c30, alpha, g.beta)
	put512(unsafe.Add(c, 64), c31, alpha, g.beta)
}

// edge4x32 is tile4x32 for 17 to 31 columns.
//
//go:nocheckptr
func edge4x32(g *block, a, c unsafe.Pointer) {
	var c00, c01, c10, c11, c20, c21, c30, c31 vec16
	m := first16(g.n - 16)
	b, brs, acs := g.b, 4*g.brs, 4*g.acs
	r1 := 4 * g.ars
	r2, r3 := 2*r1, 3*r1
	for range g.k {
		b0, b1 := load16(b), archsimd.LoadMaskedFloat32x16((*[16]float32)(unsafe.Add(b, 64)), m)
		x := spread16(a)
		c00, c01 = b0.MulAdd(x, c00), b1.MulAdd(x, c01)
		x = spread16(unsafe.Add(a, r1))
		c10, c11 = b0.MulAdd(x, c10), b1.MulAdd(x, c11)
		x = spread16(unsafe.Add(a, r2))
		c20, c21 = b0.MulAdd(x, c20), b1.MulAdd(x, c21)
		x = spread16(unsafe.Add(a, r3))
		c30, c31 = b0.MulAdd(x, c30), b1.MulAdd(x, c31)
		a, b = unsafe.Add(a, acs), unsafe.Add(b, brs)
	}
	alpha, crs := archsimd.BroadcastFloat32x16(g.alpha), 4*g.crs
	put512(c, c00, alpha, g.beta)
	putMasked512(unsafe.Add(c, 64), c01, alpha, g.beta, m)
	c = unsafe.Add(c, crs)
	put512(c, c10, alpha, g.beta)
	putMasked512(unsafe.Add(c, 64), c11, alpha, g.beta, m)
	c = unsafe.Add(c, crs)
	put512(c, c20, alpha, g.beta)
	putMasked512(unsafe.Add(c, 64), c21, alpha, g.beta, m)
	c = unsafe.Add(c, crs)
	put512(c, c30, alpha, g.beta)
	putMasked512(unsafe.Add(c, 64), c31, alpha, g.beta, m)
}

// edge4x16 is four rows by 1 to 16 columns.
//
//go:nocheckptr
func edge4x16(g *block, a, c unsafe.Pointer) {
	var c0, c1, c2, c3 vec16
	m := first16(g.n)
	b, brs, acs := g.b, 4*g.brs, 4*g.acs
	r1 := 4 * g.ars
	r2, r3 := 2*r1, 3*r1
	for range g.k {
		b0 := archsimd.LoadMaskedFloat32x16((*[16]float32)(b), m)
		c0 = b0.MulAdd(spread16(a), c0)
		c1 = b0.MulAdd(spread16(unsafe.Add(a, r1)), c1)
		c2 = b0.MulAdd(spread16(unsafe.Add(a, r2)), c2)
		c3 = b0.MulAdd(spread16(unsafe.Add(a, r3)), c3)
		a, b = unsafe.Add(a, acs), unsafe.Add(b, brs)
	}
	alpha, crs := archsimd.BroadcastFloat32x16(g.alpha), 4*g.crs
	putMasked512(c, c0, alpha, g.beta, m)
	c = unsafe.Add(c, crs)
	putMasked512(c, c1, alpha, g.beta, m)
	c = unsafe.Add(c, crs)
	putMasked512(c, c2, alpha, g.beta, m)
	c = unsafe.Add(c, crs)
	putMasked512(c, c3, alpha, g.beta, m)
}

// edge1x32 is one row of 1 to 32 columns.
//
//go:nocheckptr
func edge1x32(g *block, a, c unsafe.Pointer) {
	var c0, c1 vec16
	m0, m1 := first16(g.n), first16(g.n-16)
	b, brs, acs := g.b, 4*g.brs, 4*g.acs
	for range g.k {
		x := spread16(a)
		c0 = archsimd.LoadMaskedFloat32x16((*[16]float32)(b), m0).MulAdd(x, c0)
		c1 = archsimd.LoadMaskedFloat32x16((*[16]float32)(unsafe.Add(b, 64)), m1).MulAdd(x, c1)
		a, b = unsafe.Add(a, acs), unsafe.Add(b, brs)
	}
	alpha := archsimd.BroadcastFloat32x16(g.alpha)
	putMasked512(c, c0, alpha, g.beta, m0)
	putMasked512(unsafe.Add(c, 64), c1, alpha, g.beta, m1)
}

//go:nocheckptr
func row512(g *block) {
	b, c, j := g.b, g.c, 0
	for ; j+128 <= g.n; j += 128 {
		tile1x128(g, b, c)
		b, c = unsafe.Add(b, 512), unsafe.Add(c, 512)
	}
	rest := *g
	for ; j < g.n; j += 32 {
		rest.n, rest.b = min(32, g.n-j), b
		edge1x32(&rest, g.a, c)
		b, c = unsafe.Add(b, 128), unsafe.Add(c, 128)
	}
}

//go:nocheckptr
func tile1x128(g *block, b, c unsafe.Pointer) {
	var c0, c1, c2, c3, c4, c5, c6, c7 vec16
	a, brs, acs := g.a, 4*g.brs, 4*g.acs
	for range g.k {
		x := spread16(a)
		c0 = load16(b).MulAdd(x, c0)
		c1 = load16(unsafe.Add(b, 64)).MulAdd(x, c1)
		c2 = load16(unsafe.Add(b, 128)).MulAdd(x, c2)
		c3 = load16(unsafe.Add(b, 192)).MulAdd(x, c3)
		c4 = load16(unsafe.Add(b, 256)).MulAdd(x, c4)
		c5 = load16(unsafe.Add(b, 320)).MulAdd(x, c5)
		c6 = load16(unsafe.Add(b, 384)).MulAdd(x, c6)
		c7 = load16(unsafe.Add(b, 448)).MulAdd(x, c7)
		a, b = unsafe.Add(a, acs), unsafe.Add(b, brs)
	}
	alpha := archsimd.BroadcastFloat32x16(g.alpha)
	put512(c, c0, alpha, g.beta)
	put512(unsafe.Add(c, 64), c1, alpha, g.beta)
	put512(unsafe.Add(c, 128), c2, alpha, g.beta)
	put512(unsafe.Add(c, 192), c3, alpha, g.beta)
	put512(unsafe.Add(c, 256), c4, alpha, g.beta)
	put512(unsafe.Add(c, 320), c5, alpha, g.beta)
	put512(unsafe.Add(c, 384), c6, alpha, g.beta)
	put512(unsafe.Add(c, 448), c7, alpha, g.beta)
}
