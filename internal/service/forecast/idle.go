package forecast

import "slices"

const (
	// idleCycles is in how many of the newest seasons a phase must have been 0,
	// each time, to be taken for idle: the weekday on which a shop is closed.
	idleCycles = 8
	// busyZeros is the share of zeros among the other phases beyond which a
	// phase can be all 0 by chance.
	busyZeros = 0.2
)

// idlePhases says which phases of the season are idle, by the index of the
// value modulo the period; nil where none is.
func idlePhases(y []float64, period int) []bool {
	cycles := 0
	if period > 1 {
		cycles = len(y) / period
	}
	if cycles < idleCycles {
		return nil
	}
	newest := len(y) - min(cycles, 4*idleCycles)*period
	idle, found := make([]bool, period), false
	for phase := range idle {
		idle[phase] = true
	}
	for i := newest; i < len(y); i++ {
		idle[i%period] = idle[i%period] && y[i] == 0
	}
	zeros, others := 0, 0
	for i := newest; i < len(y); i++ {
		if idle[i%period] {
			found = true
			continue
		}
		others++
		if y[i] == 0 {
			zeros++
		}
	}
	if !found || others == 0 || float64(zeros) > busyZeros*float64(others) {
		return nil
	}
	return idle
}

// rest sets the forecast of idle phases to 0, which no model that adds a season
// to a trend does by itself.
func (t task) rest(out *outcome) {
	idle := idlePhases(t.given, out.period)
	if idle == nil {
		return
	}
	out.idle = newIdleness(t.given, idle, len(out.forecast))
	for i, rests := range out.idle.steps {
		if !rests {
			continue
		}
		if out.forecast[i] = 0; out.effects != nil && out.effects.used {
			out.forecast[i] = -out.effects.total(out.past+i) / out.unit // put back later
		}
	}
}

// idleness is what a history says of its idle phases.
type idleness struct {
	// steps says which steps of the forecast are idle.
	steps []bool
	// chance is how likely the next idle one is not 0 after all; busy are the
	// values it may then have, those of the other phases, sorted.
	chance float64
	busy   []float64
}

// newIdleness counts the newest seasons in which every idle phase was 0. After n
// without an exception the chance of one is (0 + 1/2) / (n + 1), the mean of
// what Jeffreys' prior makes of it.
func newIdleness(y []float64, idle []bool, horizon int) *idleness {
	period := len(idle)
	d := &idleness{steps: make([]bool, horizon)}
	for i := range d.steps {
		d.steps[i] = idle[(len(y)+i)%period]
	}
	last := len(y) - 1
	for last >= 0 && (!idle[last%period] || y[last] == 0) {
		last--
	}
	d.chance = 0.5 / (float64((len(y)-1-last)/period) + 1)
	for i := max(0, len(y)-4*idleCycles*period); i < len(y); i++ {
		if !idle[i%period] {
			d.busy = append(d.busy, y[i])
		}
	}
	slices.Sort(d.busy)
	return d
}

// at says whether a step of the forecast is idle.
func (d *idleness) at(step int) bool { return d != nil && d.steps[step] }

// interval holds the value of an idle step with the given chance: it is 0 alone
// where an exception is less likely than to lie outside.
func (d *idleness) interval(level float64, atLeast0 bool) (lower, upper float64) {
	outside := 1 - level
	if d.chance <= outside {
		return 0, 0
	}
	if atLeast0 {
		return 0, d.quantile(level)
	}
	return d.quantile(outside / 2), d.quantile(1 - outside/2)
}

// quantile is that of 0, but for the chance of a value as of the other phases.
func (d *idleness) quantile(q float64) float64 {
	among := func(share float64) float64 { return d.busy[min(len(d.busy)-1, int(share*float64(len(d.busy))))] }
	if q > 0.5 {
		if d.chance <= 1-q {
			return 0
		}
		return max(0, among(1-(1-q)/d.chance))
	}
	if d.chance <= q {
		return 0
	}
	return min(0, among(q/d.chance))
}
