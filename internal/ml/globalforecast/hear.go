package globalforecast

import (
	"context"
	"fmt"
	"sync"

	"github.com/omni-run/omni/internal/ml/theta"
)

// spaces lets calls reuse their scratch memory.
var spaces = sync.Pool{New: func() any { return &space{} }}

type space struct {
	workspace
	reader
	looks [2]look
	hearing
}

// hearing is what is asked of a chunk of series: every window once, whatever it
// serves, so that all pass the networks together.
type hearing struct {
	series  []Series    // by window
	ends    [][]float64 // by window
	targets []target
	cases   []testimony
}

// testimony is a history with the windows of its trials, the earliest first,
// and what they said.
type testimony struct {
	Series
	trials []int
	evidence
}

// target is an end of a history that is continued.
type target struct {
	Series // what is continued, with what has been answered of it
	window int
	ahead  int     // how many steps
	speaks int     // the testimony that counts for it
	factor float64 // by which the quantiles are spread
	answer Forecast
	// Where the answer goes: one is nil.
	whole  *Forecast
	median *[]float64
}

// forget lets go of the callers' values.
func (h *hearing) forget() {
	clear(h.series)
	clear(h.ends)
	clear(h.targets)
	clear(h.cases)
	h.series, h.ends, h.targets, h.cases = h.series[:0], h.ends[:0], h.targets[:0], h.cases[:0]
}

// lay lists the windows of a question.
func (f *Frequency) lay(h *hearing, q *Question, out *Reply) {
	first := len(h.ends)
	at := func(n int) int {
		for k := first; k < len(h.ends); k++ {
			if len(h.ends[k]) == n {
				return k
			}
		}
		h.series, h.ends = append(h.series, q.Series), append(h.ends, q.Values[:n:n])
		return len(h.ends) - 1
	}
	testify := func(n int, needed bool) {
		c := testimony{Series: Series{q.Values[:n:n], q.Period}}
		if needed {
			f.listen(&c, at)
		}
		h.cases = append(h.cases, c)
	}
	follow := func(n, ahead int) *target {
		h.targets = append(h.targets, target{Series: Series{q.Values[:n:n], q.Period}, window: at(n), ahead: ahead, speaks: len(h.cases) - 1})
		return &h.targets[len(h.targets)-1]
	}
	if q.Horizon > 0 {
		testify(len(q.Values), f.Width != nil || f.Trust > 0)
		out.Forecast = new(Forecast)
		whole := follow(len(q.Values), q.Horizon)
		whole.whole, whole.factor = out.Forecast, q.factor
	}
	if len(q.Beginnings) > 0 {
		testify(q.Beginnings[0], f.Trust > 0) // medians need no surprises
		out.Tests = make([][]float64, len(q.Beginnings))
		for i, n := range q.Beginnings {
			follow(n, q.Test).median = &out.Tests[i]
		}
	}
}

// hear answers what was laid out: in one pass, and in another for what is asked
// further ahead than the networks answer at once.
func (f *Frequency) hear(ctx context.Context, w *space) error {
	for done := 0; len(w.targets) > 0; done += f.Horizon() {
		if ctx.Err() != nil {
			return fmt.Errorf("forecasting: %w", context.Cause(ctx))
		}
		f.pass(w, w.series, w.ends)
		if done == 0 {
			for i := range w.cases {
				f.testify(w, &w.cases[i], f.Trust > 0)
			}
		}
		further := w.targets[:0]
		w.series, w.ends = w.series[:0], w.ends[:0]
		for _, t := range w.targets {
			f.carry(w, &t, done)
			if done+f.Horizon() >= t.ahead {
				continue
			}
			t.window = len(w.ends)
			w.series, w.ends = append(w.series, t.Series), append(w.ends, t.Values)
			further = append(further, t)
		}
		w.targets = further
	}
	return nil
}

// carry continues a target by what the networks answer at once.
func (f *Frequency) carry(w *space, t *target, done int) {
	said, steps := &w.cases[t.speaks], min(f.Horizon(), t.ahead-done)
	if t.whole != nil && t.factor == 0 {
		tells := f.tell(w, t.window, &said.evidence, t.Values)
		t.factor = f.Width.factor(&tells)
	}
	piece := f.read(w, t.window, steps, t.factor, t.whole != nil)
	share := said.share(f.Blend, f.Trust)
	f.blend(&piece, w.looks[0].windows[t.window].view, t.Series, share)
	f.lean(w, t.window, &piece, share)
	t.answer.extend(&piece)
	switch {
	case done+steps < t.ahead:
		t.Values = append(t.Values[:len(t.Values):len(t.Values)], piece[middle]...)
	case t.whole != nil:
		*t.whole = t.answer
	default:
		*t.median = t.answer.Median()
	}
}

// listen lists the windows of a testimony's trials, the earliest first. at
// returns the window of the beginning of a length.
func (f *Frequency) listen(c *testimony, at func(n int) int) {
	n := len(c.Values)
	for trial := f.tried(n); trial > 0; trial-- {
		c.trials = append(c.trials, at(n-trial*f.held(n)))
	}
}

// gather lets the networks forecast the last values of up to chunk series from
// earlier ends, and the Theta model too if rivals. What they say of series i is
// w.cases[i] until w forgets.
func (f *Frequency) gather(w *space, series []Series, rivals bool) {
	w.forget()
	for _, s := range series {
		c := testimony{Series: s}
		f.listen(&c, func(n int) int {
			w.series, w.ends = append(w.series, s), append(w.ends, s.Values[:n])
			return len(w.ends) - 1
		})
		w.cases = append(w.cases, c)
	}
	if len(w.ends) > 0 {
		f.pass(w, w.series, w.ends)
	}
	for i := range w.cases {
		f.testify(w, &w.cases[i], rivals)
	}
}

// testify takes down what the windows of a testimony, which have passed the
// networks, say of what came after them.
func (f *Frequency) testify(w *space, c *testimony, rivals bool) {
	held := f.held(len(c.Values))
	var rival *theta.Dynamic
	from := 0
	for i, k := range c.trials {
		past := w.ends[k]
		next := c.Values[len(past):][:held]
		f.surprise(w, k, next, &c.evidence)
		if !rivals {
			continue
		}
		if i == 0 {
			read := recent(past, c.Period)
			from = len(past) - len(read)
			var err error
			if rival, err = theta.FitQuick(read, c.Period); err != nil {
				rival = nil // too short for it: no evidence
			}
		} else if rival != nil {
			rival = rival.Extend(past[from:])
		}
		if rival != nil {
			f.compare(w, k, rival, next, &c.evidence)
		}
	}
}
