package lstm

// Workspace holds the activations and gradients of one batch, so that passes
// allocate nothing. It belongs to one goroutine. All matrices are time-major:
// step t of sequence b starts at (t*batch+b)*width.
type Workspace struct {
	shape        Config
	batch, steps int

	layers []layerSpace
	// dHidden and dCell carry gradients back from step t+1 to t.
	dHidden, dCell []float64

	query, dQuery []float64 // batch by hidden
	score, dScore []float64 // batch by steps; attention weights after softmax
	joined        []float64 // batch by 2*hidden: context, then last state
	dJoined       []float64
	recent        []float64 // batch by lags*inputs
	out, dOut     []float64 // batch by outputs

	grad []float64
	view view
}

type layerSpace struct {
	gates  []float64 // steps by batch by 4*hidden, after their activations
	cell   []float64
	tanh   []float64 // of the cell
	hidden []float64
	// masked is hidden after dropout; without dropout it is hidden itself.
	masked []float64
	// dropped holds the multipliers of a pass with dropout and their product
	// with hidden; dropping says that the last pass used them.
	dropped  struct{ keep, product []float64 }
	dropping bool
	dOut     []float64 // gradient with respect to masked
}

// NewWorkspace makes room for batches of up to batch sequences of up to steps
// steps of a network of this shape.
func NewWorkspace(c Config, batch, steps int) *Workspace {
	w := &Workspace{shape: c}
	h, cells := c.Hidden, batch*steps
	for range c.Layers {
		w.layers = append(w.layers, layerSpace{
			gates: make([]float64, cells*4*h), cell: make([]float64, cells*h), tanh: make([]float64, cells*h),
			hidden: make([]float64, cells*h), dOut: make([]float64, cells*h),
		})
	}
	w.dHidden, w.dCell = make([]float64, batch*h), make([]float64, batch*h)
	w.query, w.dQuery = make([]float64, batch*h), make([]float64, batch*h)
	w.score, w.dScore = make([]float64, cells), make([]float64, cells)
	w.joined, w.dJoined = make([]float64, 2*batch*h), make([]float64, 2*batch*h)
	w.recent = make([]float64, batch*c.Lags*c.Inputs)
	w.out, w.dOut = make([]float64, batch*c.Outputs), make([]float64, batch*c.Outputs)
	w.grad = make([]float64, c.Parameters())
	w.view = c.view(w.grad)
	return w
}

// size fits the workspace to a batch; smaller than made for is fine.
func (w *Workspace) size(batch, steps int) {
	if batch*steps > len(w.score) || batch*w.shape.Hidden > len(w.query) || steps == 0 {
		panic("lstm: the batch does not fit the workspace")
	}
	w.batch, w.steps = batch, steps
}
