package seqnet

import (
	"math/rand/v2"
	"runtime"
	"sync"
)

// Training says how a Trainer steps.
type Training struct {
	// Loss judges the answers.
	Loss Loss
	// Rate is the learning rate of each step.
	Rate Schedule
	// Adam holds the optimiser's constants and state.
	Adam Adam
	// ClipNorm bounds the norm of a gradient; 0 does not.
	ClipNorm float64
	// Dropout is the share of layer outputs dropped, in [0, 1).
	Dropout float64
	// Shards is how many parts of equal size a batch is computed in, side by
	// side on as many processors as there are. Results depend on it and never
	// on the processors. Default 2.
	Shards int
	// Seed is what dropout draws from.
	Seed uint64
}

// Trainer trains a network, batch by batch. It belongs to one goroutine.
type Trainer struct {
	net    *Network
	opt    Training
	steps  int
	shards []shard
	grad   []float32
}

// shard is one part of a batch in work.
type shard struct {
	w      Workspace
	batch  Batch
	target Targets
	grad   []float32
	loss   float64
}

// NewTrainer makes a trainer of a network.
func NewTrainer(n *Network, t Training) *Trainer {
	if t.Shards < 1 {
		t.Shards = 2
	}
	return &Trainer{net: n, opt: t, shards: make([]shard, t.Shards), grad: make([]float32, len(n.Weights))}
}

// Report is what a step did.
type Report struct {
	// Loss is the mean cost of a known value, before the step.
	Loss float64
	// Norm is the gradient's norm before clipping. When it is not finite the
	// weights were left as they are.
	Norm float64
	// Rate is the learning rate used.
	Rate float64
}

// Step trains on one batch. A batch without a known target changes nothing.
func (t *Trainer) Step(b Batch, y Targets) Report {
	b.check(t.net.Config)
	r := Report{Rate: t.opt.Rate(t.steps)}
	mass := y.mass(t.net.Outputs)
	if mass == 0 {
		return r
	}
	count := min(len(t.shards), b.Size)
	t.each(count, func(i int) {
		t.run(&t.shards[i], i, b, y, i*b.Size/count, (i+1)*b.Size/count, float32(1/mass))
	})
	t.gather(count)
	for i := range count {
		r.Loss += t.shards[i].loss / mass
	}
	r.Norm = Clip(t.grad, t.opt.ClipNorm)
	if r.Norm-r.Norm == 0 {
		t.opt.Adam.Step(t.net, t.grad, r.Rate)
	}
	t.steps++
	return r
}

// run computes one shard's loss and gradient.
func (t *Trainer) run(s *shard, index int, b Batch, y Targets, from, to int, scale float32) {
	n := t.net
	b.part(n.Config, from, to, &s.batch)
	y.part(b, n.Outputs, from, to, &s.target)
	var drop *Dropout
	if t.opt.Dropout > 0 {
		drop = &Dropout{t.opt.Dropout, rand.New(rand.NewPCG(t.opt.Seed, uint64(t.steps)<<16|uint64(index)))}
	}
	answers := n.Forward(&s.w, s.batch, drop)
	s.grad = grown(s.grad, len(answers))
	s.loss = t.opt.Loss(answers, s.target, scale, s.grad)
	n.Backward(&s.w, s.grad)
}

// gather adds the shards' gradients, always in the same order.
func (t *Trainer) gather(count int) {
	copy(t.grad, t.shards[0].w.grad)
	for i := 1; i < count; i++ {
		for j, g := range t.shards[i].w.grad {
			t.grad[j] += g
		}
	}
}

// each runs f for [0, n) on at most as many goroutines as there are
// processors.
func (t *Trainer) each(n int, f func(int)) {
	workers := min(n, runtime.GOMAXPROCS(0))
	if workers == 1 {
		for i := range n {
			f(i)
		}
		return
	}
	var wait sync.WaitGroup
	for w := range workers {
		wait.Go(func() {
			for i := w; i < n; i += workers {
				f(i)
			}
		})
	}
	wait.Wait()
}

// part copies the targets of sequences [from, to) of batch b into p.
func (t Targets) part(b Batch, outputs, from, to int, p *Targets) {
	size, answers := to-from, b.answers()
	if len(t.Values) != b.Size*answers*outputs || (t.Weights != nil && len(t.Weights) != b.Size*answers) {
		panic("seqnet: the targets do not fit the batch")
	}
	p.Values = grown(p.Values, size*answers*outputs)
	for a := range answers {
		copy(p.Values[a*size*outputs:(a+1)*size*outputs], t.Values[(a*b.Size+from)*outputs:(a*b.Size+to)*outputs])
	}
	if t.Weights == nil {
		p.Weights = nil
		return
	}
	p.Weights = grown(p.Weights, size*answers)
	for a := range answers {
		copy(p.Weights[a*size:(a+1)*size], t.Weights[a*b.Size+from:a*b.Size+to])
	}
}
