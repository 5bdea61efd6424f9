package ets

import "testing"

func BenchmarkLanes(b *testing.B) {
	y := make([]float64, 120)
	for i := range y {
		y[i] = 0.5 + 0.003*float64(i)
	}
	for _, kind := range []Component{None, Additive, Multiplicative} {
		b.Run(string(kind), func(b *testing.B) {
			m := &Model{Spec: Spec{Error: Multiplicative, Trend: Damped, Season: kind, Period: 12}, Alpha: .3, Beta: .1, Gamma: .2, Phi: .9, Level: .5, Slope: .01}
			m.Season = make([]float64, 12)
			if kind == Multiplicative {
				for i := range m.Season {
					m.Season[i] = 1
				}
			}
			b.Run("one", func(b *testing.B) {
				for b.Loop() {
					m.run(y, nil)
				}
			})
			b.Run("together", func(b *testing.B) {
				l := newLanes(12)
				for b.Loop() {
					for i := range width {
						l.set(i, m, false)
					}
					l.run(y)
				}
			})
			b.Run("set", func(b *testing.B) {
				l := newLanes(12)
				for b.Loop() {
					for i := range width {
						l.set(i, m, false)
					}
				}
			})
		})
	}
}
