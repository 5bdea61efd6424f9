package lstm

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
)

// ErrNoSamples says that there is nothing to train on.
var ErrNoSamples = errors.New("lstm: no samples to train on")

// Samples is a training set: Count sequences of Steps steps, X holding count
// by steps by inputs and Y count by outputs. Order matters only in that the
// last ones validate.
type Samples struct {
	X, Y         []float64
	Count, Steps int
}

// Training says how to train. The zero value takes every default.
type Training struct {
	// Epochs is the largest number of passes over the samples; default 50.
	Epochs int
	// Rate is Adam's step size at the start; it falls along a half cosine to a
	// tenth. Default 0.01.
	Rate float64
	// Batch is the number of sequences an update; default 32.
	Batch int
	// ClipNorm bounds the global norm of a gradient; default 1.
	ClipNorm float64
	// Dropout is the share of layer outputs zeroed in training; default 0.
	Dropout float64
	// Huber is the error beyond which the loss grows linearly instead of
	// quadratically; default 2. Infinity gives half the squared error.
	Huber float64
	// Validation is the share of the samples, from the end, held out to choose
	// the epoch whose weights are kept; default 0.2, negative for none. With
	// fewer than 8 samples nothing is held out and the training loss decides.
	Validation float64
	// Patience is the number of epochs without a better loss before training
	// stops; default 12.
	Patience int
}

func (t Training) withDefaults() Training {
	def := func(v *float64, d float64) {
		if *v == 0 {
			*v = d
		}
	}
	def(&t.Rate, 0.01)
	def(&t.ClipNorm, 1)
	def(&t.Huber, 2)
	def(&t.Validation, 0.2)
	if t.Epochs == 0 {
		t.Epochs = 50
	}
	if t.Batch == 0 {
		t.Batch = 32
	}
	if t.Patience == 0 {
		t.Patience = 12
	}
	return t
}

// Report is what a training did.
type Report struct {
	// Epochs is how many passes ran.
	Epochs int
	// Loss is the mean training loss with the weights kept (averaged over
	// their epoch), and Validation the loss on the held-out samples (NaN when
	// none were).
	Loss, Validation float64
	// Stopped is "epochs" or "patience".
	Stopped string
}

// Fit trains the network and leaves it with the weights of its best epoch.
// progress may be nil.
func (n *Network) Fit(ctx context.Context, s Samples, opt Training, rng *rand.Rand, progress func(float64)) (Report, error) {
	opt = opt.withDefaults()
	if s.Count == 0 || s.Steps == 0 {
		return Report{}, ErrNoSamples
	}
	if len(s.X) != s.Count*s.Steps*n.Inputs || len(s.Y) != s.Count*n.Outputs {
		panic("lstm: the samples do not have the size they say")
	}
	held := 0
	if s.Count >= 8 && opt.Validation > 0 {
		held = min(int(float64(s.Count)*opt.Validation), s.Count-1)
	}
	f := newFitting(n, s, opt, s.Count-held)
	// judge measures the weights as they stand, not as they were while an
	// epoch moved them: on the held-out samples, else on all.
	judge := func() (score, validation float64) {
		if held == 0 {
			return f.evaluate(0, s.Count), math.NaN()
		}
		validation = f.evaluate(s.Count-held, s.Count)
		return validation, validation
	}
	// The starting weights compete: a network whose highway starts from a
	// least-squares fit may already be best.
	best, since := append([]float64(nil), n.Weights...), 0
	report := Report{Stopped: "epochs", Loss: f.evaluate(0, s.Count-held)}
	bestScore, validation := judge()
	report.Validation = validation
	for epoch := range opt.Epochs {
		if err := ctx.Err(); err != nil {
			return report, context.Cause(ctx)
		}
		loss := f.epoch(epoch, rng)
		report.Epochs = epoch + 1
		score, validation := judge()
		if held == 0 {
			loss = score
		}
		if progress != nil {
			progress(float64(epoch+1) / float64(opt.Epochs))
		}
		if score < bestScore {
			bestScore, since = score, 0
			report.Loss, report.Validation = loss, validation
			copy(best, n.Weights)
			continue
		}
		if since++; since >= opt.Patience {
			report.Stopped = "patience"
			break
		}
	}
	copy(n.Weights, best)
	return report, nil
}

// fitting is one training in progress.
type fitting struct {
	net   *Network
	s     Samples
	opt   Training
	train int
	order []int
	w     *Workspace
	x, y  []float64
	adam  adam
}

func newFitting(n *Network, s Samples, opt Training, train int) *fitting {
	batch := min(opt.Batch, max(train, 1))
	f := &fitting{net: n, s: s, opt: opt, train: train, w: NewWorkspace(n.Config, batch, s.Steps)}
	f.x, f.y = make([]float64, batch*s.Steps*n.Inputs), make([]float64, batch*n.Outputs)
	f.order = make([]int, s.Count)
	for i := range f.order {
		f.order[i] = i
	}
	f.adam = newAdam(len(n.Weights))
	return f
}

// gather copies samples into a time-major batch.
func (f *fitting) gather(samples []int) (x, y []float64) {
	b, in, out, steps := len(samples), f.net.Inputs, f.net.Outputs, f.s.Steps
	for r, at := range samples {
		for t := range steps {
			copy(f.x[(t*b+r)*in:(t*b+r+1)*in], f.s.X[(at*steps+t)*in:(at*steps+t+1)*in])
		}
		copy(f.y[r*out:(r+1)*out], f.s.Y[at*out:(at+1)*out])
	}
	return f.x[:b*steps*in], f.y[:b*out]
}

func (f *fitting) epoch(epoch int, rng *rand.Rand) (loss float64) {
	order := f.order[:f.train]
	rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	progress := float64(epoch) / float64(f.opt.Epochs)
	rate := f.opt.Rate * (0.55 + 0.45*math.Cos(math.Pi*progress))
	size := len(f.y) / f.net.Outputs
	for from := 0; from < len(order); from += size {
		batch := order[from:min(from+size, len(order))]
		x, y := f.gather(batch)
		out := f.net.forward(f.w, x, len(batch), f.s.Steps, f.opt.Dropout, rng)
		loss += f.loss(out, y, f.w.dOut) * float64(len(batch))
		f.net.backward(f.w, x)
		clip(f.w.grad, f.opt.ClipNorm)
		f.adam.step(f.net.Weights, f.w.grad, rate)
	}
	return loss / float64(len(order))
}

func (f *fitting) evaluate(from, to int) (loss float64) {
	size := len(f.y) / f.net.Outputs
	for at := from; at < to; at += size {
		batch := f.order[at:min(at+size, to)]
		x, y := f.gather(batch)
		out := f.net.Forward(f.w, x, len(batch), f.s.Steps)
		loss += f.loss(out, y, f.w.dOut) * float64(len(batch))
	}
	return loss / float64(to-from)
}

// loss returns the mean Huber loss (Huber, 1964) and writes its gradient.
func (f *fitting) loss(out, y, grad []float64) (loss float64) {
	delta, scale := f.opt.Huber, 1/float64(len(out))
	for i, o := range out {
		e := o - y[i]
		if a := math.Abs(e); a <= delta {
			loss += 0.5 * e * e
		} else {
			loss += delta * (a - 0.5*delta)
			e = math.Copysign(delta, e)
		}
		grad[i] = e * scale
	}
	return loss * scale
}
