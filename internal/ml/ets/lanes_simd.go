//go:build goexperiment.simd && amd64 && !go1.27

package ets

import "simd/archsimd"

// sideBySide says that several models pass over a series in little more than the
// time of one.
var sideBySide = archsimd.X86.AVX2()

type vec = archsimd.Float64x4

func load(l *lane) (a, b vec) {
	return archsimd.LoadFloat64x4((*[4]float64)(l[:4])), archsimd.LoadFloat64x4((*[4]float64)(l[4:]))
}

func store(l *lane, a, b vec) {
	a.Store((*[4]float64)(l[:4]))
	b.Store((*[4]float64)(l[4:]))
}

func masks(l *[width]int64) (a, b archsimd.Mask64x4) {
	return archsimd.LoadInt64x4((*[4]int64)(l[:4])).ToMask(), archsimd.LoadInt64x4((*[4]int64)(l[4:])).ToMask()
}

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
	alpha0, alpha1 := load(&l.alpha)
	beta0, beta1 := load(&l.beta)
	phi0, phi1 := load(&l.phi)
	gamma0, gamma1 := load(&l.gammaAdd)
	relative0, relative1 := masks(&l.relative)
	level0, level1 := load(&l.level)
	slope0, slope1 := load(&l.slope)
	sse0, sse1 := load(&l.sse)
	least0, least1 := load(&l.least)
	product0, product1 := load(&l.product)
	one, low, high := archsimd.BroadcastFloat64x4(1), archsimd.BroadcastFloat64x4(leastProduct), archsimd.BroadcastFloat64x4(mostProduct)
	at := 0
	for _, v := range y {
		value := archsimd.BroadcastFloat64x4(v)
		season0, season1 := load(&l.add[at])
		damped0, damped1 := phi0.Mul(slope0), phi1.Mul(slope1)
		base0, base1 := level0.Add(damped0), level1.Add(damped1)
		forecast0, forecast1 := base0.Add(season0), base1.Add(season1)
		e0, e1 := value.Sub(forecast0), value.Sub(forecast1)
		size0, size1 := forecast0.Merge(one, relative0), forecast1.Merge(one, relative1)
		r0, r1 := e0.Div(size0), e1.Div(size1)
		sse0, sse1 = sse0.Add(r0.Mul(r0)), sse1.Add(r1.Mul(r1))
		least0, least1 = least0.Min(size0), least1.Min(size1)
		product0, product1 = product0.Mul(size0), product1.Mul(size1)
		store(&l.add[at], season0.Add(gamma0.Mul(e0)), season1.Add(gamma1.Mul(e1)))
		level0, level1 = base0.Add(alpha0.Mul(e0)), base1.Add(alpha1.Mul(e1))
		slope0, slope1 = damped0.Add(beta0.Mul(e0)), damped1.Add(beta1.Mul(e1))
		if outside(product0, product1, low, high) {
			store(&l.product, product0, product1)
			l.fold()
			product0, product1 = load(&l.product)
		}
		if at++; at == len(l.add) {
			at = 0
		}
	}
	store(&l.sse, sse0, sse1)
	store(&l.least, least0, least1)
	store(&l.product, product0, product1)
}

func outside(a, b, low, high vec) bool {
	return a.Less(low).Or(a.Greater(high)).Or(b.Less(low)).Or(b.Greater(high)).ToBits() != 0
}

// runRatios is run where some season is multiplicative.
func (l *lanes) runRatios(y []float64) {
	alpha0, alpha1 := load(&l.alpha)
	beta0, beta1 := load(&l.beta)
	phi0, phi1 := load(&l.phi)
	gammaAdd0, gammaAdd1 := load(&l.gammaAdd)
	gammaMul0, gammaMul1 := load(&l.gammaMul)
	relative0, relative1 := masks(&l.relative)
	seasonal0, seasonal1 := masks(&l.seasonal)
	level0, level1 := load(&l.level)
	slope0, slope1 := load(&l.slope)
	sse0, sse1 := load(&l.sse)
	least0, least1 := load(&l.least)
	product0, product1 := load(&l.product)
	one, low, high := archsimd.BroadcastFloat64x4(1), archsimd.BroadcastFloat64x4(leastProduct), archsimd.BroadcastFloat64x4(mostProduct)
	at := 0
	for _, v := range y {
		value := archsimd.BroadcastFloat64x4(v)
		add0, add1 := load(&l.add[at])
		mul0, mul1 := load(&l.mul[at])
		damped0, damped1 := phi0.Mul(slope0), phi1.Mul(slope1)
		base0, base1 := level0.Add(damped0), level1.Add(damped1)
		forecast0, forecast1 := base0.Mul(mul0).Add(add0), base1.Mul(mul1).Add(add1)
		e0, e1 := value.Sub(forecast0), value.Sub(forecast1)
		size0, size1 := forecast0.Merge(one, relative0), forecast1.Merge(one, relative1)
		r0, r1 := e0.Div(size0), e1.Div(size1)
		sse0, sse1 = sse0.Add(r0.Mul(r0)), sse1.Add(r1.Mul(r1))
		part0, part1 := base0.Merge(one, seasonal0), base1.Merge(one, seasonal1)
		least0, least1 = least0.Min(size0).Min(part0).Min(mul0), least1.Min(size1).Min(part1).Min(mul1)
		product0, product1 = product0.Mul(size0), product1.Mul(size1)
		store(&l.add[at], add0.Add(gammaAdd0.Mul(e0)), add1.Add(gammaAdd1.Mul(e1)))
		store(&l.mul[at], mul0.Add(gammaMul0.Mul(e0).Div(part0)), mul1.Add(gammaMul1.Mul(e1).Div(part1)))
		step0, step1 := e0.Div(mul0), e1.Div(mul1)
		level0, level1 = base0.Add(alpha0.Mul(step0)), base1.Add(alpha1.Mul(step1))
		slope0, slope1 = damped0.Add(beta0.Mul(step0)), damped1.Add(beta1.Mul(step1))
		if outside(product0, product1, low, high) {
			store(&l.product, product0, product1)
			l.fold()
			product0, product1 = load(&l.product)
		}
		if at++; at == len(l.add) {
			at = 0
		}
	}
	store(&l.sse, sse0, sse1)
	store(&l.least, least0, least1)
	store(&l.product, product0, product1)
}
