package seqnet

import (
	"math"

	"github.com/omni-run/omni/internal/ml/mat/f32"
)

// attend leaves what the head reads: for each answered step t the mean of the
// top layer's last states, weighted by
//
//	softmax over s of state(t)' A state(s) / sqrt(hidden)
//
// and then state(t) itself. Without attention it is the states alone.
func (n *Network) attend(w *Workspace, top []float32) {
	h := n.Hidden
	first := w.rows - w.out
	answered := top[first*h:]
	if n.Attention == 0 {
		w.head.input = answered
		return
	}
	a := &w.attention
	f32.Gemm(w.out, h, h, 1, f32.Mat(answered, h), f32.Mat(n.view.attention, h), 0, f32.Mat(a.query, h))
	for r := range w.out {
		joined := a.joined[r*2*h : (r+1)*2*h]
		context, query := joined[:h], a.query[r*h:(r+1)*h]
		copy(joined[h:], answered[r*h:(r+1)*h])
		score := a.score[r*n.Attention : (r+1)*n.Attention]
		n.weigh(w, top, first+r, query, score)
		clear(context)
		for back, s := range score {
			if s != 0 {
				at := (first + r - back*w.batch.Size) * h
				f32.Axpy(s, top[at:at+h], context)
			}
		}
	}
	w.head.input = a.joined
}

// weigh fills score with the attention that row pays to the steps before it:
// score[back] is that of back steps ago, 0 where there is none.
func (n *Network) weigh(w *Workspace, top []float32, row int, query, score []float32) {
	h, scale := n.Hidden, float32(1/math.Sqrt(float64(n.Hidden)))
	highest := float32(math.Inf(-1))
	count := 0
	for back := range score {
		at := row - back*w.batch.Size
		if at < 0 {
			break
		}
		count++
		score[back] = float32(math.Inf(-1))
		if w.batch.Present == nil || w.batch.Present[at] {
			score[back] = scale * f32.Dot(query, top[at*h:(at+1)*h])
			highest = max(highest, score[back])
		}
	}
	clear(score[count:])
	score = score[:count]
	if math.IsInf(float64(highest), -1) {
		clear(score)
		return
	}
	sum := float32(0)
	for i := range score {
		score[i] -= highest
	}
	f32.Exp(score, score)
	for _, s := range score {
		sum += s
	}
	for i := range score {
		score[i] /= sum
	}
}

// attendBack adds to topGrad what the head's gradient asks of the states.
func (n *Network) attendBack(w *Workspace, top, topGrad []float32) {
	h, first := n.Hidden, w.rows-w.out
	answered, answeredGrad := top[first*h:], topGrad[first*h:]
	if n.Attention == 0 {
		f32.Axpy(1, w.head.inputGrad, answeredGrad)
		return
	}
	a, scale := &w.attention, float32(1/math.Sqrt(float64(h)))
	clear(a.queryGrad)
	for r := range w.out {
		grad := w.head.inputGrad[r*2*h : (r+1)*2*h]
		f32.Axpy(1, grad[h:], answeredGrad[r*h:(r+1)*h])
		score, query := a.score[r*n.Attention:(r+1)*n.Attention], a.query[r*h:(r+1)*h]
		mean := float32(0)
		for back, s := range score {
			a.scoreGrad[back] = 0
			if s != 0 {
				at := (first + r - back*w.batch.Size) * h
				a.scoreGrad[back] = f32.Dot(grad[:h], top[at:at+h])
				mean += s * a.scoreGrad[back]
			}
		}
		for back, s := range score {
			if s == 0 {
				continue
			}
			at := (first + r - back*w.batch.Size) * h
			d := scale * s * (a.scoreGrad[back] - mean)
			f32.Axpy(s, grad[:h], topGrad[at:at+h])
			f32.Axpy(d, query, topGrad[at:at+h])
			f32.Axpy(d, top[at:at+h], a.queryGrad[r*h:(r+1)*h])
		}
	}
	f32.Gemm(h, h, w.out, 1, f32.Mat(answered, h).T(), f32.Mat(a.queryGrad, h), 0, f32.Mat(w.gradView.attention, h))
	f32.Gemm(w.out, h, h, 1, f32.Mat(a.queryGrad, h), f32.Mat(n.view.attention, h).T(), 1, f32.Mat(answeredGrad, h))
}
