// Package f32 holds the float32 kernels that the recurrent networks stand on:
// matrix products, dot products, exponentials and the gates of an LSTM cell.
//
// Each kernel exists three times: for AVX-512, for AVX2 with FMA, and in plain
// Go. The first two are built with GOEXPERIMENT=simd on amd64 and chosen at
// start by what the CPU can do (Path says which); a build without the
// experiment, or for another CPU, has the plain ones only.
//
// Results repeat exactly: the order of every sum is fixed by the shapes alone,
// never by GOMAXPROCS. AVX-512 and AVX2 follow the same order and both fuse
// multiplication and addition, so they agree bit for bit; plain Go agrees with
// them within the rounding of float32. In Gemm without a transposed B, a row
// of the product is the same whatever the number of rows, so one sequence
// answers as it does within a batch.
//
// Lengths that do not fit are a programmer's mistake and panic. NaN and
// infinities travel as IEEE 754 says. No kernel keeps its arguments.
package f32

import "unsafe"

//go:generate go run gen.go

const (
	errLength = "f32: slice lengths do not match"
	errShape  = "f32: a slice does not hold the matrix it is said to"
)

// path is one implementation of every kernel. Arguments travel by value: behind
// a function value they would escape to the heap otherwise.
type path struct {
	name string
	// panel computes a block of C with at most panelWidth columns. Strides are
	// in elements; element (i,p) of A is a[i*ars+p*acs].
	panel func(g block)
	// row computes one row of C of any width.
	row func(g block)
	// transpose writes eight rows of src, stride bytes apart, to eight columns of
	// dst, whose rows are panelWidth numbers: groups times eight of them. Nil is
	// done in Go.
	transpose func(dst, src unsafe.Pointer, stride, groups int)

	dot func(x, y []float32) float32
	// dot4 is the dot products of x with four rows from a, stride apart.
	dot4    func(a unsafe.Pointer, stride int, x []float32) [4]float32
	axpy    func(alpha float32, x, y []float32)
	exp     func(dst, x []float32)
	sigmoid func(dst, x []float32)
	tanh    func(dst, x []float32)

	cell     func(s Cell, from, to int)
	cellBack func(s CellBack, from, to int)
	adam     func(a Adam, w, g, m, v []float32)
}

// use is the fastest implementation this CPU runs. It never changes.
var use = paths()[0]

// Path names the implementation in use: "avx512", "avx2" or "go".
func Path() string { return use.name }

// Dot returns the sum of x[i]*y[i].
func Dot(x, y []float32) float32 {
	if len(x) != len(y) {
		panic(errLength)
	}
	return use.dot(x, y)
}

// Axpy adds alpha*x to y.
func Axpy(alpha float32, x, y []float32) {
	if len(x) != len(y) {
		panic(errLength)
	}
	use.axpy(alpha, x, y)
}

// Exp writes e to the power of x to dst, which may be x. The relative error is
// below 2e-7 where the result is a normal number.
func Exp(dst, x []float32) {
	if len(dst) != len(x) {
		panic(errLength)
	}
	use.exp(dst, x)
}

// Sigmoid writes 1/(1+exp(-x)) to dst, which may be x. The relative error is
// below 3e-7 where the result is a normal number.
func Sigmoid(dst, x []float32) {
	if len(dst) != len(x) {
		panic(errLength)
	}
	use.sigmoid(dst, x)
}

// Tanh writes the hyperbolic tangent of x to dst, which may be x. The relative
// error is below 5e-7.
func Tanh(dst, x []float32) {
	if len(dst) != len(x) {
		panic(errLength)
	}
	use.tanh(dst, x)
}
