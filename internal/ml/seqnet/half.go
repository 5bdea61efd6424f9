package seqnet

import "math"

// toHalf rounds to IEEE 754 binary16, to nearest, ties to even. Beyond 65504
// it saturates: a weight that large is no better as an infinity.
func toHalf(f float32) uint16 {
	const most = 65504
	bits := math.Float32bits(f)
	sign := uint16(bits >> 16 & 0x8000)
	switch abs := math.Abs(float64(f)); {
	case abs != abs:
		return sign | 0x7e00
	case abs >= most:
		return sign | 0x7bff
	case abs < 0x1p-14:
		// Subnormal: a multiple of 2^-24.
		return sign | uint16(math.RoundToEven(abs*0x1p24))
	}
	mantissa, exponent := bits&0x7fffff, bits>>23&0xff
	half := (exponent-112)<<10 | mantissa>>13
	if rest := mantissa & 0x1fff; rest > 0x1000 || (rest == 0x1000 && half&1 == 1) {
		half++ // May carry into the exponent, which is right.
	}
	return sign | uint16(half)
}

// fromHalf is the float32 of a binary16.
func fromHalf(h uint16) float32 {
	sign := uint32(h&0x8000) << 16
	exponent, mantissa := uint32(h>>10&0x1f), uint32(h&0x3ff)
	switch exponent {
	case 0:
		return math.Float32frombits(sign | math.Float32bits(float32(mantissa)*0x1p-24))
	case 31:
		return math.Float32frombits(sign | 0x7f800000 | mantissa<<13)
	}
	return math.Float32frombits(sign | (exponent+112)<<23 | mantissa<<13)
}
