// Package globalforecast is a forecaster trained once over many series and
// used on others it never saw. For each frequency it holds an ensemble of
// recurrent networks that read the newest window of a series, freed of its
// season, level and scale, and answer quantiles for every step of the horizon
// at once; the median is blended with a Theta forecast, and the quantiles are
// widened or narrowed to what the series' own earlier ends and held-out windows
// of others showed.
//
// It stands on the hybrid of exponential smoothing and recurrent networks
// (Smyl, 2020), the quantile recurrent forecaster (Wen et al., 2017) and
// conformalised quantile regression (Romano, Patterson and Candès, 2019).
package globalforecast

import (
	"errors"
	"fmt"
)

// Quantiles are the levels a network answers, ascending; the middle one is the
// median.
var Quantiles = [...]float64{.025, .05, .1, .2, .5, .8, .9, .95, .975}

const (
	quantiles = len(Quantiles)
	middle    = quantiles / 2
	// statics is the number of features of a window that are no sequence.
	statics = 6
	// gates is the number of answers that weigh the season and the echo.
	gates  = 2
	layers = 2
)

// ErrShape says that a Shape is outside the limits.
var ErrShape = errors.New("globalforecast: the network's shape is out of range")

// Shape is the form of a network.
type Shape struct {
	// Window is how many of the newest values are read, a multiple of Patch.
	Window int
	// Patch is how many values the recurrent layers read a step.
	Patch int
	// Tail is how many of the newest values the head reads directly.
	Tail int
	// Horizon is how many steps are answered at once.
	Horizon int
	// Hidden is the width of the recurrent layers, Head that of the layer
	// before the answer.
	Hidden, Head int
	// Seasonal says that the season's continuation and the last season itself,
	// the echo, are among the inputs.
	Seasonal bool
}

// Validate reports a shape outside the limits.
func (s Shape) Validate() error {
	for _, f := range []struct {
		name       string
		v, lo, top int
	}{
		{"window", s.Window, 2, 1024},
		{"patch", s.Patch, 1, 64},
		{"tail", s.Tail, 1, s.Window},
		{"horizon", s.Horizon, 1, 256},
		{"hidden", s.Hidden, 1, 512},
		{"head", s.Head, 1, 1024},
	} {
		if f.v < f.lo || f.v > f.top {
			return fmt.Errorf("%w: %s = %d, must be in [%d, %d]", ErrShape, f.name, f.v, f.lo, f.top)
		}
	}
	if s.Window%s.Patch != 0 {
		return fmt.Errorf("%w: window = %d is no multiple of patch = %d", ErrShape, s.Window, s.Patch)
	}
	return nil
}

func (s Shape) steps() int    { return s.Window / s.Patch }
func (s Shape) stepWide() int { return 2*s.Patch + 1 }
func (s Shape) outputs() int  { return s.Horizon*quantiles + gates }

// joint is the width of what the head reads.
func (s Shape) joint() int {
	n := 2*s.Hidden + statics + s.Tail
	if s.Seasonal {
		n += s.Horizon
	}
	return n
}

func (s Shape) layerInputs(layer int) int {
	if layer == 0 {
		return s.stepWide()
	}
	return s.Hidden
}

// Parameters returns how many weights the shape has.
func (s Shape) Parameters() int {
	n := s.Hidden*s.Hidden + (s.joint()+1)*s.Head + (s.Head+1)*s.outputs() + s.Window*s.Horizon
	for l := range layers {
		n += 4 * s.Hidden * (s.layerInputs(l) + s.Hidden + 1)
	}
	return n
}
