package seqnet

import "math"

// reference is the network by its definition: float64, one sequence, one
// number at a time, sharing nothing with the code under test but the layout of
// the weights.
type reference struct {
	Config
	weights []float64
}

func (r reference) part(name string) func(row, col int) float64 {
	for _, p := range r.Parts() {
		if p.Name == name {
			return func(row, col int) float64 { return r.weights[p.Offset+row*p.Cols+col] }
		}
	}
	panic(name)
}

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// run returns the answers at the last answers steps of one sequence.
func (r reference) run(x [][]float64, present []bool, answers int) [][]float64 {
	states, layer := x, 0
	for block, dilations := range r.Blocks {
		below := states
		for _, d := range dilations {
			states = r.layer(layer, d, states, present)
			layer++
		}
		if r.Residual && block > 0 {
			sum := make([][]float64, len(states))
			for t := range states {
				for j := range states[t] {
					sum[t] = append(sum[t], states[t][j]+below[t][j])
				}
			}
			states = sum
		}
	}
	var out [][]float64
	for t := len(x) - answers; t < len(x); t++ {
		out = append(out, r.answer(x, states, present, t))
	}
	return out
}

func name(layer int, part string) string { return "layer" + string(rune('0'+layer)) + "." + part }

func (r reference) layer(l, dilation int, in [][]float64, present []bool) [][]float64 {
	wx, wh, bias := r.part(name(l, "input")), r.part(name(l, "recurrent")), r.part(name(l, "bias"))
	h := make([][]float64, len(in))
	c := make([][]float64, len(in))
	for t := range in {
		before, cell := make([]float64, r.Hidden), make([]float64, r.Hidden)
		if t >= dilation {
			before, cell = h[t-dilation], c[t-dilation]
		}
		h[t], c[t] = make([]float64, r.Hidden), make([]float64, r.Hidden)
		for j := range r.Hidden {
			var g [4]float64
			for k := range g {
				col := k*r.Hidden + j
				g[k] = bias(0, col)
				for i, v := range in[t] {
					g[k] += v * wx(i, col)
				}
				for i, v := range before {
					g[k] += v * wh(i, col)
				}
			}
			c[t][j] = sigmoid(g[1])*cell[j] + sigmoid(g[0])*math.Tanh(g[3])
			h[t][j] = sigmoid(g[2]) * math.Tanh(c[t][j])
			if !present[t] {
				c[t][j], h[t][j] = cell[j], before[j]
			}
		}
	}
	return h
}

func (r reference) answer(x, states [][]float64, present []bool, t int) []float64 {
	joined := states[t]
	if r.Attention > 0 {
		joined = append(r.context(states, present, t), states[t]...)
	}
	if r.HeadHidden > 0 {
		w, bias := r.part("head.hidden"), r.part("head.hidden.bias")
		joined = dense(joined, w, bias, r.HeadHidden)
		for j, v := range joined {
			joined[j] = math.Tanh(v)
		}
	}
	out := dense(joined, r.part("head"), r.part("head.bias"), r.Width())
	if r.Highway > 0 {
		w := r.part("highway")
		for back := range r.Highway {
			if t-back < 0 || !present[t-back] {
				continue
			}
			for i, v := range x[t-back] {
				for j := range out {
					out[j] += v * w((r.Highway-1-back)*r.Inputs+i, j)
				}
			}
		}
	}
	return out
}

func (r reference) context(states [][]float64, present []bool, t int) []float64 {
	w := r.part("attention")
	query := dense(states[t], w, func(int, int) float64 { return 0 }, r.Hidden)
	context, sum := make([]float64, r.Hidden), 0.0
	for s := max(0, t-r.Attention+1); s <= t; s++ {
		if !present[s] {
			continue
		}
		score := 0.0
		for j, q := range query {
			score += q * states[s][j]
		}
		e := math.Exp(score / math.Sqrt(float64(r.Hidden)))
		sum += e
		for j, v := range states[s] {
			context[j] += e * v
		}
	}
	if sum > 0 {
		for j := range context {
			context[j] /= sum
		}
	}
	return context
}

func dense(x []float64, w, bias func(int, int) float64, width int) []float64 {
	out := make([]float64, width)
	for j := range out {
		out[j] = bias(0, j)
		for i, v := range x {
			out[j] += v * w(i, j)
		}
	}
	return out
}
