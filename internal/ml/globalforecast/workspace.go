package globalforecast

// workspace holds what one pass needs and its gradient reads; it is reused
// from batch to batch. It is not safe for concurrent use.
type workspace struct {
	batch int

	// in is the layers' input, time-major: step t of row b at (t*batch+b)*wide.
	in []float32
	// window, tail and season are the inputs of highway and head, by row.
	window, season, echo, hold []float32
	layers                     [layers]layerSpace
	// top is the second layer's output plus the first one's.
	top                           []float32
	query, score, context         []float32
	joint, headSum, headGate, hid []float32
	raw                           []float32 // the answer before it is bent
	medians                       []float32 // the highway's part of it
	out                           []float32 // batch by horizon by quantiles

	grad gradSpace
}

type layerSpace struct{ gates, cell, tanh, hidden []float32 }

type gradSpace struct {
	raw, medians, head, joint, query, score []float32
	top, below, hidden, cell                []float32
}

func sized(x *[]float32, n int) {
	if cap(*x) < n {
		*x = make([]float32, n)
	}
	*x = (*x)[:n]
}

func (w *workspace) size(s Shape, batch int) {
	w.batch = batch
	t, h := s.steps(), s.Hidden
	sized(&w.in, t*batch*s.stepWide())
	sized(&w.window, batch*s.Window)
	sized(&w.season, batch*s.Horizon)
	sized(&w.echo, batch*s.Horizon)
	sized(&w.hold, batch)
	for l := range w.layers {
		y := &w.layers[l]
		sized(&y.gates, t*batch*4*h)
		sized(&y.cell, t*batch*h)
		sized(&y.tanh, t*batch*h)
		sized(&y.hidden, t*batch*h)
	}
	sized(&w.top, t*batch*h)
	sized(&w.query, batch*h)
	sized(&w.score, t*batch)
	sized(&w.context, batch*h)
	sized(&w.joint, batch*s.joint())
	sized(&w.headSum, batch*s.Head)
	sized(&w.headGate, batch*s.Head)
	sized(&w.hid, batch*s.Head)
	sized(&w.raw, batch*s.outputs())
	sized(&w.medians, batch*s.Horizon)
	sized(&w.out, batch*s.Horizon*quantiles)
}

func (w *workspace) sizeGrad(s Shape) {
	b, t, h := w.batch, s.steps(), s.Hidden
	g := &w.grad
	sized(&g.raw, b*s.outputs())
	sized(&g.medians, b*s.Horizon)
	sized(&g.head, b*s.Head)
	sized(&g.joint, b*s.joint())
	sized(&g.query, b*h)
	sized(&g.score, t*b)
	sized(&g.top, t*b*h)
	sized(&g.below, t*b*h)
	sized(&g.hidden, b*h)
	sized(&g.cell, b*h)
}
