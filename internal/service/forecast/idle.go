package forecast

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
	for i := range out.forecast {
		if idle == nil || !idle[(len(t.given)+i)%out.period] {
			continue
		}
		if out.forecast[i] = 0; out.effects != nil && out.effects.used {
			out.forecast[i] = -out.effects.total(out.past+i) / out.unit // put back later
		}
	}
}
