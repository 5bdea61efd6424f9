package globalforecast

import (
	"context"
	"fmt"
)

// Question asks how a series goes on.
type Question struct {
	Series
	// Horizon is how many steps after the end are asked for; 0 for none.
	Horizon int
	// Beginnings are the lengths of beginnings of the series that are to be
	// continued too, as a back-test asks for, ascending; Test is by how many
	// steps.
	Beginnings []int
	Test       int
	// factor, where it is not 0, stands for what Width would say: judges pass
	// that of trees which did not see the series.
	factor float64
}

// Reply answers a Question.
type Reply struct {
	// Forecast continues the whole series; nil where nobody asked.
	Forecast *Forecast
	// Tests are the points after each beginning. What the shortest one says of
	// the networks and the Theta model on this series counts for all: to try
	// both anew at every end costs several times the forecasts themselves and
	// says nearly the same.
	Tests [][]float64
}

const (
	// chunk is how many series of a call are read before the networks answer:
	// enough to fill their passes, and a bound on the memory of a call.
	chunk = 64
	// chunkWindows ends a chunk early, where the questions ask for many windows.
	chunkWindows = 1024
)

// check reports what a question lacks.
func (q *Question) check() error {
	if len(q.Values) == 0 {
		return ErrTooShort
	}
	if q.Horizon < 0 || (q.Horizon == 0 && len(q.Beginnings) == 0) || (len(q.Beginnings) > 0 && q.Test < 1) {
		return fmt.Errorf("globalforecast: a horizon of %d steps, of %d after %d beginnings", q.Horizon, q.Test, len(q.Beginnings))
	}
	last := 0
	for _, n := range q.Beginnings {
		if n <= last || n > len(q.Values) {
			return fmt.Errorf("globalforecast: a beginning of %d values, after one of %d, of a series of %d", n, last, len(q.Values))
		}
		last = n
	}
	return nil
}

// Ask answers many questions, their windows together: a network reads several
// dozen of them nearly in the time of a few. The answer to one does not depend
// on the others.
func (f *Frequency) Ask(ctx context.Context, questions []Question) ([]Reply, error) {
	for i := range questions {
		if err := questions[i].check(); err != nil {
			return nil, fmt.Errorf("series %d: %w", i, err)
		}
	}
	out := make([]Reply, len(questions))
	w := spaces.Get().(*space)
	defer spaces.Put(w)
	defer w.forget()
	for from := 0; from < len(questions); {
		w.forget()
		to := from
		for ; to < len(questions) && to-from < chunk && (to == from || len(w.ends) < chunkWindows); to++ {
			f.lay(&w.hearing, &questions[to], &out[to])
		}
		if err := f.hear(ctx, w); err != nil {
			return nil, err
		}
		from = to
	}
	return out, nil
}
