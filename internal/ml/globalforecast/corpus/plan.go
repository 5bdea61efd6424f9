package corpus

import (
	"fmt"

	"github.com/omni-run/omni/internal/ml/globalforecast"
)

// Options are what a training may be told.
type Options struct {
	// Only names the frequencies to train; nil for all.
	Only []string
	// Members and Judges are the networks of each ensemble.
	Members, Judges int
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
	Refused, Unusable int
}

const (
	hoursADay = 24
	daily     = "daily"
	hourly    = "hourly"
	weekly    = "weekly"
)

// Plans lays series out by frequency, without those that hold a forbidden
// part. There being no daily set to learn from, the daily networks see the
// hourly series summed by day, and the weekly ones for how values wander.
func Plans(series []Series, forbidden *Forbidden, o Options) ([]globalforecast.FrequencyPlan, Counts, error) {
	counts := Counts{Used: map[string]int{}, Points: map[string]int{}}
	by := map[string][][]float64{}
	add := func(name string, y []float64) {
		by[name] = append(by[name], y)
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
		}
		add(s.Period, s.Train)
		switch s.Period {
		case hourly:
			add(daily, Sums(s.Train, hoursADay))
		case weekly:
			add(daily, s.Train)
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
			return nil, counts, fmt.Errorf("corpus: there is no %s series to learn from", name)
		}
		r.Steps = max(1, int(float64(r.Steps)*o.Effort))
		out = append(out, globalforecast.FrequencyPlan{Name: name, Recipe: r, Series: by[name], Members: o.Members, Judges: o.Judges})
	}
	return out, counts, nil
}
