//go:build goexperiment.simd && amd64 && !go1.27

package ets

import "simd/archsimd"

// sideBySide says that several models pass over a series in little more than the
// time of one.
var sideBySide = archsimd.X86.AVX2()

type vec = archsimd.Float64x4

func load(l *lane) vec { return archsimd.LoadFloat64x4(l) }

func mask(l *[width]int64) archsimd.Mask64x4 { return archsimd.LoadInt64x4(l).ToMask() }

// run is Model.run for every lane.
func (l *lanes) run(y []float64) {
	if !archsimd.X86.AVX2() {
		l.runPlain(y)
		return
	}
	if l.begin() {
		l.runRatios(y)
	} else {
		l.runSums(y)
	}
	archsimd.ClearAVXUpperBits()
}

// runSums is run where no season is multiplicative.
func (l *lanes) runSums(y []float64) {
	alpha := load(&l.alpha)
	beta := load(&l.beta)
	phi := load(&l.phi)
	gamma := load(&l.gammaAdd)
	relative := mask(&l.relative)
	level := load(&l.level)
	slope := load(&l.slope)
	sse := load(&l.sse)
	least := load(&l.least)
	product := load(&l.product)
	one, low, high := archsimd.BroadcastFloat64x4(1), archsimd.BroadcastFloat64x4(leastProduct), archsimd.BroadcastFloat64x4(mostProduct)
	at := 0
	for _, v := range y {
		value := archsimd.BroadcastFloat64x4(v)
		season := load(&l.add[at])
		damped := phi.Mul(slope)
		base := level.Add(damped)
		forecast := base.Add(season)
		e := value.Sub(forecast)
		size := forecast.Merge(one, relative)
		r := e.Div(size)
		sse = sse.Add(r.Mul(r))
		least = least.Min(size)
		product = product.Mul(size)
		season.Add(gamma.Mul(e)).Store(&l.add[at])
		level = base.Add(alpha.Mul(e))
		slope = damped.Add(beta.Mul(e))
		if outside(product, low, high) {
			product.Store(&l.product)
			l.fold()
			product = load(&l.product)
		}
		if at++; at == len(l.add) {
			at = 0
		}
	}
	sse.Store(&l.sse)
	least.Store(&l.least)
	product.Store(&l.product)
}

func outside(x, low, high vec) bool { return x.Less(low).Or(x.Greater(high)).ToBits() != 0 }

// runRatios is run where some season is multiplicative.
func (l *lanes) runRatios(y []float64) {
	alpha := load(&l.alpha)
	beta := load(&l.beta)
	phi := load(&l.phi)
	gammaAdd := load(&l.gammaAdd)
	gammaMul := load(&l.gammaMul)
	relative := mask(&l.relative)
	seasonal := mask(&l.seasonal)
	level := load(&l.level)
	slope := load(&l.slope)
	sse := load(&l.sse)
	least := load(&l.least)
	product := load(&l.product)
	one, low, high := archsimd.BroadcastFloat64x4(1), archsimd.BroadcastFloat64x4(leastProduct), archsimd.BroadcastFloat64x4(mostProduct)
	at := 0
	for _, v := range y {
		value := archsimd.BroadcastFloat64x4(v)
		add := load(&l.add[at])
		mul := load(&l.mul[at])
		damped := phi.Mul(slope)
		base := level.Add(damped)
		forecast := base.Mul(mul).Add(add)
		e := value.Sub(forecast)
		size := forecast.Merge(one, relative)
		r := e.Div(size)
		sse = sse.Add(r.Mul(r))
		part := base.Merge(one, seasonal)
		least = least.Min(size).Min(part).Min(mul)
		product = product.Mul(size)
		add.Add(gammaAdd.Mul(e)).Store(&l.add[at])
		mul.Add(gammaMul.Mul(e).Div(part)).Store(&l.mul[at])
		step := e.Div(mul)
		level = base.Add(alpha.Mul(step))
		slope = damped.Add(beta.Mul(step))
		if outside(product, low, high) {
			product.Store(&l.product)
			l.fold()
			product = load(&l.product)
		}
		if at++; at == len(l.add) {
			at = 0
		}
	}
	sse.Store(&l.sse)
	least.Store(&l.least)
	product.Store(&l.product)
}
