package corpus

import (
	"errors"
	"fmt"

	"github.com/omni-run/omni/internal/ml/globalforecast"
)

// Options are what a training may be told.
type Options struct {
	// Only names the frequencies to train; nil for all.
	Only []string
	// Members and Judges are the networks of each ensemble.
	Members, Judges int
	// Folds, if more than 1, divides the series by FoldOf and leaves out those
	// of part Fold, for measuring on what was not learnt from.
	Folds, Fold int
	// Effort multiplies the recipes' number of steps; 1 is what the shipped
	// model has.
	Effort float64
}

// Names are the frequencies of the shipped model, in the order they are
// trained.
var Names = []string{"yearly", "quarterly", "monthly", "weekly", "daily", "hourly"}

// Counts says what became of the series that were read.
type Counts struct {
	// Used and Points are by frequency.
	Used, Points map[string]int
	// Refused are series that held a test part, Unusable those too short or
	// without movement.
	// LeftOut are those of the part to measure on.
	Refused, Unusable, LeftOut int
}

const (
	hoursADay = 24
	daily     = "daily"
	hourly    = "hourly"
	weekly    = "weekly"
)

// ErrNone says that no series is of a frequency that was to be trained.
var ErrNone = errors.New("corpus: nothing to learn from")

// Plans lays series out by frequency, without those that hold a forbidden
// part. Daily sets being few, the daily networks also see the hourly series
// summed by day, and the weekly ones for how values wander.
func Plans(series []Series, forbidden *Forbidden, o Options) ([]globalforecast.FrequencyPlan, Counts, error) {
	counts := Counts{Used: map[string]int{}, Points: map[string]int{}}
	by, sets := map[string][][]float64{}, map[string][]string{}
	add := func(name, set string, y []float64) {
		by[name], sets[name] = append(by[name], y), append(sets[name], set)
		counts.Used[name]++
		counts.Points[name] += len(y)
	}
	for _, s := range series {
		switch {
		case !Usable(s.Train):
			counts.Unusable++
			continue
		case forbidden != nil && forbidden.Check(s.Train) != nil:
			counts.Refused++
			continue
		case o.Folds > 1 && FoldOf(s.ID, o.Folds) == o.Fold:
			counts.LeftOut++
			continue
		}
		add(s.Period, s.Set, s.Train)
		switch s.Period {
		case hourly:
			if days := Sums(s.Train, hoursADay); Usable(days) {
				add(daily, s.Set, days)
			}
		case weekly:
			add(daily, s.Set, s.Train)
		}
	}
	recipes := globalforecast.Recipes()
	only := o.Only
	if len(only) == 0 {
		only = Names
	}
	var out []globalforecast.FrequencyPlan
	for _, name := range only {
		r, ok := recipes[name]
		if !ok {
			return nil, counts, fmt.Errorf("corpus: no recipe for %q", name)
		}
		if len(by[name]) == 0 {
			return nil, counts, fmt.Errorf("%w: no series is %s", ErrNone, name)
		}
		r.Steps = max(1, int(float64(r.Steps)*o.Effort))
		out = append(out, globalforecast.FrequencyPlan{Name: name, Recipe: r, Series: by[name], Sets: sets[name], Members: o.Members, Judges: o.Judges})
	}
	return out, counts, nil
}
