//go:build goexperiment.simd && amd64 && !go1.27

package f32

import "simd/archsimd"

var avx512 = path{
	name: "avx512", panel: panel512, row: row512,
	dot: plainDot, axpy: plainAxpy,
	exp: plainExp, sigmoid: plainSigmoid, tanh: plainTanh,
	cell: plainCell, cellBack: plainCellBack, adam: plainAdam,
}

// paths lists the implementations this program can run, fastest first.
func paths() []*path {
	list := []*path{}
	if archsimd.X86.AVX512() {
		list = append(list, &avx512)
	}
	return append(list, &plain)
}
