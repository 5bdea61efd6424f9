package seqnet

import (
	"math/rand/v2"

	"github.com/omni-run/omni/internal/ml/mat/f32"
)

// Dropout zeroes a share of every layer's outputs on their way up, never on
// their way through time, and scales the rest up (Zaremba, Sutskever and
// Vinyals, 2014).
type Dropout struct {
	// Rate is the share, in [0, 1).
	Rate float64
	// Source draws it.
	Source *rand.Rand
}

// Forward runs a batch through the network and returns the answers, the one at
// answered step a of sequence b at (a*Size+b)*Width. The result belongs to w
// and stays valid until its next pass. drop may be nil.
func (n *Network) Forward(w *Workspace, b Batch, drop *Dropout) []float32 {
	b.check(n.Config)
	w.fit(n.Config, b)
	input, l := b.X, 0
	for block, dilations := range n.Blocks {
		below := input
		for i, dilation := range dilations {
			s := &w.layers[l]
			n.runLayer(w, l, dilation, input)
			s.sent = s.hidden
			s.drop(drop)
			if n.Residual && block > 0 && i == len(dilations)-1 {
				s.room = grown(s.room, len(s.hidden))
				if !s.dropping {
					copy(s.room, s.hidden)
				}
				f32.Axpy(1, below, s.room)
				s.sent = s.room
			}
			input = s.sent
			l++
		}
	}
	n.attend(w, input)
	return n.answer(w)
}

// runLayer computes a layer over all steps. Steps that are less than a
// dilation apart do not depend on each other, so the layer advances by groups
// of so many steps.
func (n *Network) runLayer(w *Workspace, l, dilation int, input []float32) {
	s, p, h := &w.layers[l], n.view.layers[l], n.Hidden
	in := n.layerInputs(l)
	f32.Gemm(w.rows, 4*h, in, 1, f32.Mat(input, in), f32.Mat(p.input, 4*h), 0, f32.Mat(s.gates, 4*h))
	stride := dilation * w.batch.Size
	for from := 0; from < w.rows; from += stride {
		to := min(from+stride, w.rows)
		cell := f32.Cell{
			Hidden: h, Bias: p.bias, Gates: s.gates[from*4*h : to*4*h],
			After: s.cell[from*h : to*h], Tanh: s.tanh[from*h : to*h], Out: s.hidden[from*h : to*h],
		}
		var before []float32
		if from > 0 {
			before = s.hidden[(from-stride)*h : (to-stride)*h]
			cell.Before = s.cell[(from-stride)*h : (to-stride)*h]
			f32.Gemm(to-from, 4*h, h, 1, f32.Mat(before, h), f32.Mat(p.recurrent, 4*h), 1, f32.Mat(cell.Gates, 4*h))
		}
		cell.Run(0, to-from)
		if w.batch.Present != nil {
			carry(w.batch.Present[from:to], h, cell, before)
		}
	}
}

// carry keeps the states of absent steps as they were.
func carry(present []bool, h int, cell f32.Cell, before []float32) {
	for r, there := range present {
		if there {
			continue
		}
		if before == nil {
			clear(cell.After[r*h : (r+1)*h])
			clear(cell.Out[r*h : (r+1)*h])
			continue
		}
		copy(cell.After[r*h:(r+1)*h], cell.Before[r*h:(r+1)*h])
		copy(cell.Out[r*h:(r+1)*h], before[r*h:(r+1)*h])
	}
}

// drop applies inverted dropout to what the layer sends up.
func (s *layerSpace) drop(d *Dropout) {
	s.dropping = d != nil && d.Rate > 0
	if !s.dropping {
		return
	}
	s.keep, s.room = grown(s.keep, len(s.hidden)), grown(s.room, len(s.hidden))
	d.draw(s.keep)
	for i, k := range s.keep {
		s.room[i] = s.hidden[i] * k
	}
	s.sent = s.room
}

// draw fills keep with 0 or 1/(1-Rate), four from each random number.
func (d *Dropout) draw(keep []float32) {
	const unit = 1 << 16
	limit := uint64(d.Rate*unit + 0.5)
	scale := float32(unit / (unit - float64(limit)))
	var bits uint64
	for i := range keep {
		if i%4 == 0 {
			bits = d.Source.Uint64()
		}
		keep[i] = 0
		if bits%unit >= limit {
			keep[i] = scale
		}
		bits /= unit
	}
}
