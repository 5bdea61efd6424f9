package seqnet

// Workspace holds the activations and gradients of one batch, so that passes
// over batches of a size seen before allocate nothing. It belongs to one
// goroutine. The zero value is ready; one made for a network serves others of
// the same Config only.
type Workspace struct {
	batch Batch
	rows  int // Size*Steps
	out   int // Size*Answers

	layers []layerSpace
	// cellGrad carries the gradient of the cell states from one group of steps
	// to the group before it.
	cellGrad []float32
	// up and down alternate as the gradient of a layer's output and of its
	// input; skip is the gradient that goes around a block.
	up, down, skip []float32
	// transposed is the weights of the layer at hand, turned for the way back.
	transposed []float32

	attention attentionSpace
	head      headSpace

	grad     []float32
	gradView view
	inGrad   []float32
}

type layerSpace struct {
	gates  []float32 // rows by 4*Hidden, after their activations
	cell   []float32 // rows by Hidden, as are all below
	tanh   []float32 // of the cell
	hidden []float32
	// sent is what the next layer reads: hidden, after dropout and with the
	// block's input where that applies; then it lies in room.
	sent, room []float32
	// keep holds dropout's multipliers when the last pass dropped.
	keep     []float32
	dropping bool
}

type attentionSpace struct {
	query, queryGrad []float32 // out by Hidden
	score, scoreGrad []float32 // out by Attention
	joined           []float32 // out by 2*Hidden
}

type headSpace struct {
	input      []float32 // out by joined: a view, not owned
	hidden     []float32 // out by HeadHidden
	recent     []float32 // out by Highway*Inputs
	answer     []float32 // out by Width
	inputGrad  []float32
	hiddenGrad []float32
	recentGrad []float32
}

func (w *Workspace) fit(c Config, b Batch) {
	w.batch, w.rows, w.out = b, b.Size*b.Steps, b.Size*b.answers()
	if w.layers == nil {
		w.layers = make([]layerSpace, c.Layers())
	}
	h := c.Hidden
	for l := range w.layers {
		s := &w.layers[l]
		s.gates = grown(s.gates, w.rows*4*h)
		s.cell, s.tanh, s.hidden = grown(s.cell, w.rows*h), grown(s.tanh, w.rows*h), grown(s.hidden, w.rows*h)
	}
	if c.Attention > 0 {
		a := &w.attention
		a.query, a.score = grown(a.query, w.out*h), grown(a.score, w.out*c.Attention)
		a.joined = grown(a.joined, w.out*2*h)
	}
	w.head.hidden = grown(w.head.hidden, w.out*c.HeadHidden)
	w.head.recent = grown(w.head.recent, w.out*c.Highway*c.Inputs)
	w.head.answer = grown(w.head.answer, w.out*c.Width())
}

func (w *Workspace) fitBack(c Config) {
	h, widest := c.Hidden, c.Hidden
	for l := range w.layers {
		widest = max(widest, c.layerInputs(l))
	}
	group := 0
	for _, b := range c.Blocks {
		for _, d := range b {
			group = max(group, min(d, w.batch.Steps))
		}
	}
	w.cellGrad = grown(w.cellGrad, group*w.batch.Size*h)
	w.up, w.down = grown(w.up, w.rows*h), grown(w.down, w.rows*h)
	if c.Residual {
		w.skip = grown(w.skip, w.rows*h)
	}
	w.transposed = grown(w.transposed, widest*4*h)
	if c.Attention > 0 {
		a := &w.attention
		a.queryGrad, a.scoreGrad = grown(a.queryGrad, w.out*h), grown(a.scoreGrad, c.Attention)
	}
	w.head.inputGrad = grown(w.head.inputGrad, w.out*c.joined())
	w.head.hiddenGrad = grown(w.head.hiddenGrad, w.out*c.HeadHidden)
	w.inGrad = grown(w.inGrad, w.rows*c.Inputs)
	w.head.recentGrad = grown(w.head.recentGrad, w.out*c.Highway*c.Inputs)
	if w.grad == nil {
		w.grad = make([]float32, c.Parameters())
		w.gradView = c.view(w.grad)
	}
}

// Grad is the gradient that Backward left, in the order of Network.Weights.
func (w *Workspace) Grad() []float32 { return w.grad }

// InputGrad is the gradient with respect to Batch.X that Backward left.
func (w *Workspace) InputGrad() []float32 { return w.inGrad }
