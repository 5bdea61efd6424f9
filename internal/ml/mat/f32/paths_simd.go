//go:build goexperiment.simd && amd64 && !go1.27

package f32

import (
	"simd/archsimd"
	"unsafe"
)

// transposeAVX is what path.transpose says.
//
//go:noescape
func transposeAVX(dst, src unsafe.Pointer, stride, groups int)

var avx512 = path{
	name: "avx512", panel: panelAVX512, row: rowAVX512, transpose: transposeAVX,
	dot: dotAVX512, dot4: dot4AVX512, axpy: axpyAVX512,
	exp: expAVX512, sigmoid: sigmoidAVX512, tanh: tanhAVX512,
	cell: cellAVX512, cellBack: cellBackAVX512, adam: adamAVX512,
}

var avx2 = path{
	name: "avx2", panel: panelAVX2, row: rowAVX2, transpose: transposeAVX,
	dot: dotAVX2, dot4: dot4AVX2, axpy: axpyAVX2,
	exp: expAVX2, sigmoid: sigmoidAVX2, tanh: tanhAVX2,
	cell: cellAVX2, cellBack: cellBackAVX2, adam: adamAVX2,
}

// paths lists the implementations this program can run, fastest first.
func paths() []*path {
	var list []*path
	if archsimd.X86.AVX512() {
		list = append(list, &avx512)
	}
	if archsimd.X86.AVX2() && archsimd.X86.FMA() {
		list = append(list, &avx2)
	}
	return append(list, &plain)
}
