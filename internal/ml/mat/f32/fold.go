//go:build goexperiment.simd && amd64 && !go1.27

package f32

import "simd/archsimd"

// lanes holds sixteen ones and sixteen zeros: read from 16-n it is the mask of
// the first n lanes.
var lanes = [32]int32{-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1}

// fold8 adds the upper half to the lower.
func fold8(v archsimd.Float32x8) archsimd.Float32x4 { return v.GetLo().Add(v.GetHi()) }

// fold adds four lanes, neighbours first.
func fold(v archsimd.Float32x4) float32 {
	var room [4]float32
	v.Store(&room)
	return (room[0] + room[1]) + (room[2] + room[3])
}
