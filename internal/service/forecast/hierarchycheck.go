package forecast

import (
	"fmt"
	"math"
	"slices"

	"github.com/omni-run/omni/api"
)

// alike wants the series of a hierarchy to cover the same time: where their
// lengths or dates differ, their values cannot be added.
func (f *family) alike(list []api.ForecastSeries, at map[string]int) error {
	first := list[at[f.bottom0()]]
	for i, s := range list {
		field := fmt.Sprintf("series[%d].", i)
		if len(s.TimeSeries) != len(first.TimeSeries) {
			return api.Unprocessable("length_mismatch", "%stime_series has %d points, others of the hierarchy %d; they must cover the same time", field, len(s.TimeSeries), len(first.TimeSeries)).
				At(field+"time_series", "has %d points, others %d", len(s.TimeSeries), len(first.TimeSeries))
		}
		if !slices.Equal(s.Timestamps, first.Timestamps) {
			return api.Unprocessable("length_mismatch", "%stimestamps differ from those of the other series of the hierarchy", field).At(field+"timestamps", "differ")
		}
		if s.LastTimestamp != first.LastTimestamp {
			return api.Unprocessable("length_mismatch", "%slast_timestamp is %.40q, that of the other series of the hierarchy %.40q; they must cover the same time", field, s.LastTimestamp, first.LastTimestamp).
				At(field+"last_timestamp", "differs")
		}
		if s.Freq != first.Freq {
			return api.Unprocessable("length_mismatch", "%sfreq is %.40q, that of the other series of the hierarchy %.40q; they must cover the same time", field, s.Freq, first.Freq).
				At(field+"freq", "differs")
		}
	}
	return nil
}

// mostApart is the share of the size of a sum's own series by which that may
// differ from the sum of its parts, on the mean: rounding, late bookings. What
// differs more is not their sum, and no forecast could be both.
const mostApart = 0.05

// adds wants the series given for a sum to be the sum of its parts, where both
// are known.
func adds(given api.ForecastSeries, index int, summed []float64) error {
	unit := max(unitOf(known(given.TimeSeries)), unitOf(known(summed)))
	size, apart, most, worst := 0.0, 0.0, 0.0, 0
	for i, v := range given.TimeSeries {
		d := math.Abs(v/unit - summed[i]/unit)
		if math.IsNaN(d) {
			continue
		}
		size, apart = size+math.Abs(v/unit), apart+d
		if d > most {
			most, worst = d, i
		}
	}
	if apart <= mostApart*size {
		return nil
	}
	field := at(fmt.Sprintf("series[%d].time_series", index), worst)
	return api.Unprocessable("incoherent_sum", "%s is %g, but the parts of %.60q add up to %g; send their sum, leave the series out (it is then added up here), or name all its parts", field, given.TimeSeries[worst], given.ID, summed[worst]).
		At(field, "is not the sum of its parts")
}

// known returns the values that are no gaps.
func known(values []float64) []float64 {
	return slices.DeleteFunc(slices.Clone(values), math.IsNaN)
}
