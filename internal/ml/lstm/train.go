package lstm

import (
	"context"
	"math"
	"math/rand/v2"

	"github.com/omni-run/omni/internal/ml/seqnet"
)

// samples is a training set: count sequences of steps steps, x holding count
// by steps by features and y one target each. Order matters only in that the
// last ones validate.
type samples struct {
	x, y         []float32
	count, steps int
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

// fit trains the network and leaves it with the weights of its best epoch.
// progress may be nil. There must be samples.
func fit(ctx context.Context, n *seqnet.Network, s samples, opt Training, rng *rand.Rand, progress func(float64)) (Report, error) {
	held := 0
	if s.count >= 8 && opt.Validation > 0 {
		held = min(int(float64(s.count)*opt.Validation), s.count-1)
	}
	f := newFitting(n, s, opt, s.count-held)
	// judge measures the weights as they stand, not as they were while an
	// epoch moved them: on the held-out samples, else on all.
	judge := func() (score, validation float64) {
		if held == 0 {
			return f.evaluate(0, s.count), math.NaN()
		}
		validation = f.evaluate(s.count-held, s.count)
		return validation, validation
	}
	// The starting weights compete: a network whose highway starts from a
	// least-squares fit may already be best.
	best, since := append([]float32(nil), n.Weights...), 0
	report := Report{Stopped: "epochs", Loss: f.evaluate(0, s.count-held)}
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
	net   *seqnet.Network
	s     samples
	opt   Training
	train int
	size  int
	order []int
	w     seqnet.Workspace
	loss  seqnet.Loss
	adam  seqnet.Adam
	// x, y and grad are one batch.
	x, y, grad []float32
}

func newFitting(n *seqnet.Network, s samples, opt Training, train int) *fitting {
	f := &fitting{net: n, s: s, opt: opt, train: train, size: min(opt.Batch, max(train, 1)), loss: seqnet.Huber(opt.Huber)}
	f.x, f.y, f.grad = make([]float32, f.size*s.steps*features), make([]float32, f.size), make([]float32, f.size)
	f.order = make([]int, s.count)
	for i := range f.order {
		f.order[i] = i
	}
	return f
}

// gather copies samples into a time-major batch.
func (f *fitting) gather(chosen []int) (seqnet.Batch, seqnet.Targets) {
	b, steps := len(chosen), f.s.steps
	for r, at := range chosen {
		from := f.s.x[at*steps*features : (at+1)*steps*features]
		for t := range steps {
			to := f.x[(t*b+r)*features:][:features]
			to[0], to[1] = from[t*features], from[t*features+1]
		}
		f.y[r] = f.s.y[at]
	}
	return seqnet.Batch{Size: b, Steps: steps, X: f.x[:b*steps*features]}, seqnet.Targets{Values: f.y[:b]}
}

func (f *fitting) epoch(epoch int, rng *rand.Rand) (loss float64) {
	order := f.order[:f.train]
	rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	progress := float64(epoch) / float64(f.opt.Epochs)
	rate := f.opt.Rate * (0.55 + 0.45*math.Cos(math.Pi*progress))
	var drop *seqnet.Dropout
	if f.opt.Dropout > 0 {
		drop = &seqnet.Dropout{Rate: f.opt.Dropout, Source: rng}
	}
	for from := 0; from < len(order); from += f.size {
		chosen := order[from:min(from+f.size, len(order))]
		b, y := f.gather(chosen)
		loss += f.loss(f.net.Forward(&f.w, b, drop), y, 1/float32(len(chosen)), f.grad[:len(chosen)])
		f.net.Backward(&f.w, f.grad[:len(chosen)])
		seqnet.Clip(f.w.Grad(), f.opt.ClipNorm)
		f.adam.Step(f.net, f.w.Grad(), rate)
	}
	return loss / float64(len(order))
}

func (f *fitting) evaluate(from, to int) (loss float64) {
	for at := from; at < to; at += f.size {
		chosen := f.order[at:min(at+f.size, to)]
		b, y := f.gather(chosen)
		loss += f.loss(f.net.Forward(&f.w, b, nil), y, 1, f.grad[:len(chosen)])
	}
	return loss / float64(to-from)
}
