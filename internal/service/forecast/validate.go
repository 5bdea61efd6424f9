package forecast

import (
	"fmt"
	"math"
	"strings"

	"github.com/omni-run/omni/api"
)

const (
	defaultSteps    = 30
	defaultSequence = 10
	defaultEpochs   = 50
	defaultRate     = 0.001
	mostEpochs      = 1000
	mostLevels      = 20
	mostSeason      = 5000
	// mostInput is the largest size of a value: beyond, totals overflow.
	mostInput = 1e301
	longestID = 256
)

// whole reads an optional whole number within [low, high].
func whole(field string, v *int, def, low, high int) (int, error) {
	if v == nil {
		return def, nil
	}
	if *v < low || *v > high {
		return 0, api.Unprocessable("out_of_range", "%s is %d; it must be from %d to %d", field, *v, low, high).
			At(field, "must be from %d to %d", low, high)
	}
	return *v, nil
}

// trainingSettings reads what the network's training shares across routes.
func trainingSettings(sequence, epochs *int, rate *float64, seed *int64, points int) (n neural, err error) {
	if n.lookback, err = whole("sequence_length", sequence, defaultSequence, 1, points); err != nil {
		return n, err
	}
	n.asked = sequence != nil
	if n.epochs, err = whole("epochs", epochs, defaultEpochs, 1, mostEpochs); err != nil {
		return n, err
	}
	n.rate = defaultRate
	if rate != nil {
		if !(*rate > 0 && *rate <= 1) {
			return n, api.Unprocessable("out_of_range", "learning_rate is %g; it must be above 0 and at most 1", *rate).
				At("learning_rate", "must be above 0 and at most 1")
		}
		n.rate = *rate
	}
	if seed != nil {
		n.seed = *seed
	}
	return n, nil
}

// levels reads interval levels in percent.
func levels(asked []float64) ([]float64, error) {
	if len(asked) == 0 {
		return []float64{80, 95}, nil
	}
	if len(asked) > mostLevels {
		return nil, api.Unprocessable("too_many_levels", "level has %d entries; at most %d", len(asked), mostLevels).At("level", "too many")
	}
	for i, v := range asked {
		if err := checkLevel(fmt.Sprintf("level[%d]", i), v); err != nil {
			return nil, err
		}
	}
	return asked, nil
}

func checkLevel(field string, v float64) error {
	if !(v > 0 && v < 100) {
		return api.Unprocessable("out_of_range", "%s is %g; a level is a percentage above 0 and below 100", field, v).
			At(field, "must be above 0 and below 100")
	}
	return nil
}

func checkQuantiles(asked []float64) error {
	if len(asked) > mostLevels {
		return api.Unprocessable("too_many_quantiles", "quantiles has %d entries; at most %d", len(asked), mostLevels).At("quantiles", "too many")
	}
	for i, v := range asked {
		if !(v > 0 && v < 1) {
			return api.Unprocessable("out_of_range", "quantiles[%d] is %g; a quantile is above 0 and below 1", i, v).
				At(fmt.Sprintf("quantiles[%d]", i), "must be above 0 and below 1")
		}
	}
	return nil
}

func oneOf(field, v, def string, allowed ...string) (string, error) {
	if v == "" {
		return def, nil
	}
	for _, a := range allowed {
		if v == a {
			return v, nil
		}
	}
	return "", api.Unprocessable("unknown_"+field, "%s %.40q is unknown; use one of %s", field, v, strings.Join(allowed, ", ")).
		At(field, "unknown value")
}

// cleaned checks a series and fills its gaps as impute says.
func cleaned(field string, raw api.Values, impute string, most int) ([]float64, error) {
	if len(raw) > most {
		return nil, api.Unprocessable("too_many_points", "%s has %d points; at most %d", field, len(raw), most).At(field, "too long")
	}
	known := 0
	for i, v := range raw {
		switch {
		case math.IsNaN(v):
			if impute == "none" {
				return nil, api.Unprocessable("missing_value", "%s is missing; send a number, or set impute to linear, previous or zero", at(field, i)).
					At(at(field, i), "is missing")
			}
		case math.Abs(v) > mostInput:
			return nil, api.Unprocessable("value_out_of_range", "%s is %g; values may not exceed %g in size", at(field, i), v, mostInput).
				At(at(field, i), "is too large")
		default:
			known++
		}
	}
	if len(raw) > 0 && known == 0 {
		return nil, api.Unprocessable("missing_value", "%s holds no number", field).At(field, "every value is missing")
	}
	return imputed(raw, impute), nil
}

// imputed returns the values with every NaN filled. Gaps at the ends take the
// nearest known value in every mode but zero.
func imputed(raw []float64, how string) []float64 {
	out := append([]float64(nil), raw...)
	last := -1
	for i, v := range raw {
		if math.IsNaN(v) {
			switch {
			case how == "zero":
				out[i] = 0
			case last >= 0:
				out[i] = raw[last]
			}
			continue
		}
		if how != "zero" && last < 0 {
			for k := range i {
				out[k] = v
			}
		}
		if how == "linear" && last >= 0 {
			for k := last + 1; k < i; k++ {
				share := float64(k-last) / float64(i-last)
				out[k] = raw[last]*(1-share) + v*share
			}
		}
		last = i
	}
	return out
}

// leastPoints is the shortest series that is forecast.
const leastPoints = 3

// enough refuses a series too short for the sequence that the caller asked
// for, or to be forecast at all.
func enough(field string, points int, n neural) error {
	need, why := leastPoints, "a forecast"
	if n.asked {
		need, why = max(need, n.lookback+2), fmt.Sprintf("sequence_length %d", n.lookback)
	}
	if points < need {
		return api.Unprocessable("too_few_points", "%s has %d points; %s needs at least %d", field, points, why, need).
			At(field, "has %d points, needs at least %d", points, need)
	}
	return nil
}
