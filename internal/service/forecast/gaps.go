package forecast

import (
	"math"
	"time"

	"github.com/omni-run/omni/api"
)

// What happens to dates that the timestamps leave out.
const (
	gapsLinear = "linear"
	gapsRefuse = "refuse"
	gapsIgnore = "ignore"
)

// gapsPolicy checks the name of a policy.
func gapsPolicy(name string) (string, error) {
	return oneOf("gaps", name, gapsLinear, gapsLinear, "previous", "zero", gapsRefuse, gapsIgnore)
}

// grid is where dated values lie among evenly spaced dates.
type grid struct {
	dates []time.Time
	// places[i] is the index in dates of the i-th value given.
	places []int
}

// gridOf lays increasing dates on the steps of f. It reports false where a
// date lies between two steps, or most of the grid would be invented.
func gridOf(dates []time.Time, f frequency) (g grid, ok bool) {
	at := dates[0]
	for i := 0; i < len(dates); at = f.next(at) {
		if len(g.dates) > 2*len(dates) || len(g.dates) >= 2*longestHistory+len(dates) || at.After(dates[i]) {
			return g, false
		}
		if at.Equal(dates[i]) {
			g.places = append(g.places, len(g.dates))
			i++
		}
		g.dates = append(g.dates, at)
	}
	return g, true
}

// offGrid returns the first of increasing dates that is not on the steps of f,
// or lies further from the one before it than gaps are filled; there is one.
func offGrid(dates []time.Time, f frequency) int {
	at, steps := dates[0], 0
	for i, d := range dates {
		for at.Before(d) && steps <= 2*len(dates) {
			at = f.next(at)
			steps++
		}
		if !at.Equal(d) {
			return i
		}
	}
	return len(dates) - 1
}

// missing is how many dates have no value.
func (g grid) missing() int { return len(g.dates) - len(g.places) }

// spread puts values on the grid and fills what is missing as impute says.
func (g grid) spread(values []float64, how string) []float64 {
	out := make([]float64, len(g.dates))
	for i := range out {
		out[i] = math.NaN()
	}
	for i, place := range g.places {
		out[place] = values[i]
	}
	return imputed(out, how)
}

// firstMissing is the index, in the series as given, of the first value that
// does not follow the one before it by one step.
func (g grid) firstMissing() int {
	for i, place := range g.places {
		if place != i {
			return i
		}
	}
	return 0
}

// bridged applies the policy for gaps to a dated series. It returns nil for a
// series without gaps, or one whose gaps stay.
func bridged(dates []time.Time, f frequency, policy, prefix string, warn func(string, ...any)) (*grid, error) {
	if policy == gapsIgnore {
		return nil, nil
	}
	g, ok := gridOf(dates, f)
	if !ok {
		if policy == gapsRefuse {
			i := offGrid(dates, f)
			field := at(prefix+"timestamps", i)
			return nil, api.Unprocessable("uneven_timestamps", "%s, %s, is no whole number of steps after the one before it, or too many (their usual step is %s); send evenly spaced ones, or set gaps to ignore",
				field, written(dates[i]), f.code).At(field, "not evenly spaced")
		}
		warn("the timestamps are not evenly spaced (%s is the first); the values were taken as they come and the forecast continues with their usual step, %s", at(prefix+"timestamps", offGrid(dates, f)), f.code)
		return nil, nil
	}
	missing := g.missing()
	if missing == 0 {
		return nil, nil
	}
	if policy == gapsRefuse {
		i := g.firstMissing()
		field := at(prefix+"timestamps", i)
		return nil, api.Unprocessable("missing_timestamp", "%s: %s is missing before it, the first of %s at a step of %s; send them, or set gaps to linear, previous, zero or ignore",
			field, written(g.dates[i]), counted(missing, "date", "dates"), f.code).At(field, "a date before it is missing")
	}
	warn("%s between the first and the last have no value (step %s); filled in by: %s", counted(missing, "date", "dates"), f.code, policy)
	return &g, nil
}
