package seqnet

import "fmt"

// Batch is sequences of equal length side by side; shorter ones are padded
// with absent steps.
type Batch struct {
	// Size is the number of sequences, Steps their length.
	Size, Steps int
	// X holds the features: those of step t of sequence b begin at
	// (t*Size+b)*Inputs.
	X []float32
	// Present says which steps exist, step t of sequence b at t*Size+b; nil
	// means all. Over an absent step every state stays what it was, so a
	// sequence padded in front answers as it does without padding.
	Present []bool
	// Answers is at how many steps, the last ones, the network answers; 0
	// counts as 1.
	Answers int
}

func (b Batch) answers() int { return max(1, b.Answers) }

func (b Batch) check(c Config) {
	if b.Size < 1 || b.Steps < 1 || b.answers() > b.Steps {
		panic(fmt.Sprintf("seqnet: a batch of %d sequences of %d steps with %d answers", b.Size, b.Steps, b.answers()))
	}
	if len(b.X) != b.Size*b.Steps*c.Inputs {
		panic(fmt.Sprintf("seqnet: the batch holds %d inputs, want %d", len(b.X), b.Size*b.Steps*c.Inputs))
	}
	if b.Present != nil && len(b.Present) != b.Size*b.Steps {
		panic(fmt.Sprintf("seqnet: Present has %d entries, want %d", len(b.Present), b.Size*b.Steps))
	}
}

// part copies sequences [from, to) of b into p, growing p's slices as needed.
func (b Batch) part(c Config, from, to int, p *Batch) {
	size, in := to-from, c.Inputs
	p.Size, p.Steps, p.Answers = size, b.Steps, b.Answers
	p.X = grown(p.X, size*b.Steps*in)
	for t := range b.Steps {
		copy(p.X[t*size*in:(t+1)*size*in], b.X[(t*b.Size+from)*in:(t*b.Size+to)*in])
	}
	if b.Present == nil {
		p.Present = nil
		return
	}
	p.Present = grown(p.Present, size*b.Steps)
	for t := range b.Steps {
		copy(p.Present[t*size:(t+1)*size], b.Present[t*b.Size+from:t*b.Size+to])
	}
}

// grown returns s with length n, reusing its memory when it suffices. What it
// held is not kept.
func grown[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}
