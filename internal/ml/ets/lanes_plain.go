//go:build !goexperiment.simd || !amd64 || go1.27

package ets

// sideBySide says that several models pass over a series in little more than the
// time of one. Here each takes its own time.
const sideBySide = false

// run is Model.run for every lane. It serves tests here.
func (l *lanes) run(y []float64) { l.runPlain(y) }
