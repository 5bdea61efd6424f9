package globalforecast

import (
	"fmt"
	"math"
	"slices"
)

// Model is what is shipped: the networks of every frequency it was trained
// for. It is safe for concurrent use.
type Model struct {
	// Version names the training that made it.
	Version string `json:"version"`
	// Sources names every data set the weights saw.
	Sources []string `json:"sources"`
	// Frequencies are the parts, in the order of their weights in the file.
	Frequencies []*Frequency `json:"frequencies"`
}

// Frequency is the part of a model for series of one frequency.
type Frequency struct {
	// Name is one of the keys of Recipes.
	Name string `json:"name"`
	// Recipe is how the networks were trained.
	Recipe Recipe `json:"recipe"`
	// Members is how many networks the ensemble has.
	Members int `json:"members"`
	// Blend is the networks' share in the median; the rest is the dynamic
	// Theta model's. Trust is how much the errors of both on the series itself
	// move that, see evidence.go; 0 leaves it as it is.
	Blend float64 `json:"blend"`
	Trust float64 `json:"trust,omitempty"`
	// Lean moves the point forecast of a series that is read as ratios below
	// the networks' median, by so many variances of their logarithm: an error
	// in percent of the value weighs more where the value is low.
	Lean float64 `json:"lean,omitempty"`
	// Stretch multiplies each quantile's distance from the median, by step
	// and quantile, so that on held-out windows the share it names lay below
	// it.
	Stretch [][quantiles]float64 `json:"stretch"`
	// Demand is the same for series that are read as differences because they
	// have values at or next to 0, such as demand that is often none: there the
	// networks err in another way. nil takes Stretch. Files name it after the
	// differences.
	Demand [][quantiles]float64 `json:"linear,omitempty"`
	// Width spreads the quantiles of each series by itself; nil leaves them.
	Width *Width `json:"width,omitempty"`

	networks []*Network
}

// Parameters returns how many weights the model has.
func (m *Model) Parameters() int {
	n := 0
	for _, f := range m.Frequencies {
		n += f.Parameters()
	}
	return n
}

// Parameters returns how many weights the frequency's networks have.
func (f *Frequency) Parameters() int { return f.Members * f.Recipe.Shape.Parameters() }

// Horizon is how many steps are answered at once; longer forecasts continue
// from their own points.
func (f *Frequency) Horizon() int { return f.Recipe.Shape.Horizon }

// stretches are the factors for a kind of series.
func (f *Frequency) stretches(demand bool) [][quantiles]float64 {
	if demand && f.Demand != nil {
		return f.Demand
	}
	return f.Stretch
}

// mostMembers bounds what a file may ask for.
const mostMembers = 64

func (f *Frequency) validate() error {
	if err := f.Recipe.Shape.Validate(); err != nil {
		return fmt.Errorf("%w: frequency %q: %w", ErrFormat, f.Name, err)
	}
	if f.Members < 1 || f.Members > mostMembers || len(f.Recipe.Seasons) == 0 || !(f.Blend >= 0 && f.Blend <= 1) || !(f.Trust >= 0 && f.Trust <= mostTrust) || !(f.Lean >= 0 && f.Lean <= 1) || len(f.Stretch) != f.Horizon() || (f.Demand != nil && len(f.Demand) != f.Horizon()) {
		return fmt.Errorf("%w: frequency %q is incomplete", ErrFormat, f.Name)
	}
	for _, s := range f.Recipe.Seasons {
		if s.Period < 1 || s.Period > mostPeriod || s.Count < 0 || s.Count > mostSeasons {
			return fmt.Errorf("%w: frequency %q has a season of %d, %d times", ErrFormat, f.Name, s.Period, s.Count)
		}
	}
	for _, steps := range slices.Concat(f.Stretch, f.Demand) {
		for _, v := range steps {
			if !(v > 0 && v < math.MaxFloat32) {
				return fmt.Errorf("%w: frequency %q stretches a quantile by %v", ErrFormat, f.Name, v)
			}
		}
	}
	return nil
}

const (
	mostPeriod  = 4096
	mostTrust   = 16
	mostSeasons = 64
)

// Frequency returns the part of the given name, or nil.
func (m *Model) Frequency(name string) *Frequency {
	for _, f := range m.Frequencies {
		if f.Name == name {
			return f
		}
	}
	return nil
}

// Replace puts parts in the place of those of the same name, or behind the
// others.
func (m *Model) Replace(parts ...*Frequency) {
	for _, p := range parts {
		k := slices.IndexFunc(m.Frequencies, func(f *Frequency) bool { return f.Name == p.Name })
		if k < 0 {
			m.Frequencies = append(m.Frequencies, p)
		} else {
			m.Frequencies[k] = p
		}
	}
}

// For returns the part that suits a series of the given season (1 for none)
// and length, when nothing else is known of it: the frequency whose usual
// season is nearest in proportion.
func (m *Model) For(period, length int) *Frequency {
	if period <= 1 {
		const longUnseasonal = 120
		if f := m.Frequency("weekly"); f != nil && length >= longUnseasonal {
			return f
		}
		if f := m.Frequency("yearly"); f != nil {
			return f
		}
	}
	var best *Frequency
	distance := math.Inf(1)
	for _, f := range m.Frequencies {
		for _, s := range f.Recipe.Seasons {
			d := math.Abs(math.Log(float64(s.Period) / float64(max(1, period))))
			if s.Period > 1 && d < distance {
				best, distance = f, d
			}
		}
	}
	if best == nil && len(m.Frequencies) > 0 {
		return m.Frequencies[0]
	}
	return best
}

// season returns how a series of the given season is read: as many seasons as
// the frequency's own of nearest length would span.
func (f *Frequency) season(period int) Season {
	if period <= 1 {
		return Season{Period: 1}
	}
	best, distance := f.Recipe.Seasons[0], math.Inf(1)
	for _, s := range f.Recipe.Seasons {
		if d := math.Abs(math.Log(float64(s.Period) / float64(period))); d < distance {
			best, distance = s, d
		}
	}
	if best.Period == period {
		return best
	}
	const fewest, most = 4, 14
	period = min(period, mostPeriod)
	return Season{Period: period, Echo: period, Count: max(fewest, min(most, best.Count*best.Period/period))}
}

// Season returns the season to read a series of n values with, given the one
// found in it: a longer one that it divides, as weeks hold days, where n holds
// enough of them; and where the frequency is known for certain its usual one,
// even if none was found, since the networks weigh it by themselves.
func (f *Frequency) Season(found, n int, certain bool) int {
	const enough = 3
	for _, s := range f.Recipe.Seasons {
		if s.Period <= 1 || n < enough*s.Period {
			continue
		}
		if (found > 1 && s.Period%found == 0) || (found <= 1 && certain) {
			return s.Period
		}
	}
	return max(1, found)
}
