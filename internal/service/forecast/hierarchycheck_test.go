package forecast

import (
	"slices"
	"testing"

	"github.com/omni-run/omni/api"
)

// The nodes of a hierarchy share a season, which the frequency helps to find,
// wherever it was stated.
func TestHierarchySeasonsFollowTheFrequency(t *testing.T) {
	t.Parallel()
	y := make(api.Values, 3)
	hours := []string{"2024-01-01T00:00:00Z", "2024-01-01T01:00:00Z", "2024-01-01T02:00:00Z"}
	for name, c := range map[string]struct {
		call string
		one  api.ForecastSeries
		want []int
	}{
		"its own":        {"", api.ForecastSeries{TimeSeries: y, Freq: "h"}, []int{24, 168}},
		"the call's":     {"h", api.ForecastSeries{TimeSeries: y}, []int{24, 168}},
		"its own first":  {"D", api.ForecastSeries{TimeSeries: y, Freq: "h"}, []int{24, 168}},
		"its timestamps": {"", api.ForecastSeries{TimeSeries: y, Timestamps: hours}, []int{24, 168}},
		"nothing":        {"", api.ForecastSeries{TimeSeries: y}, nil},
	} {
		f := &family{freq: c.call}
		if got := f.candidates(c.one); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
