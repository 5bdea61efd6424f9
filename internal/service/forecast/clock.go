package forecast

import (
	"time"

	"github.com/omni-run/omni/api"
)

// clock is what dates a series: its step, its last date and how to write one.
type clock struct {
	freq   frequency
	last   time.Time
	layout string
	// dates are those of the values, nil where only the last is known or they
	// are uneven; grid says where the values lie when dates are missing.
	dates []time.Time
	grid  *grid
}

// laid returns the values on even dates, and those dates; past columns move
// along.
func (c *clock) laid(y []float64, extra *columns, gaps string) ([]float64, []time.Time) {
	if c.grid == nil {
		return y, c.dates
	}
	if extra != nil {
		extra.spread(c.grid, len(y))
	}
	return c.grid.spread(y, gaps), c.grid.dates
}

// continued writes the dates of the forecast, none when the last is unknown.
func (c *clock) continued(steps int) ([]string, error) {
	if c == nil || c.last.IsZero() {
		return nil, nil
	}
	dates, err := futureDates("forecast_steps", c.freq, c.last, steps)
	if err != nil {
		return nil, err
	}
	out := make([]string, steps)
	for i, d := range dates {
		out[i] = d.Format(c.layout)
	}
	return out, nil
}

// readClock returns nil for a series without any date or frequency.
func readClock(in api.ForecastSeries, prefix string, points int, gaps string, warn func(string, ...any)) (*clock, error) {
	c := &clock{}
	var err error
	if in.Freq != "" {
		if c.freq, err = parseFreq(prefix+"freq", in.Freq); err != nil {
			return nil, err
		}
	}
	switch {
	case len(in.Timestamps) > 0:
		if len(in.Timestamps) != points {
			return nil, api.Unprocessable("length_mismatch", "%stimestamps has %d entries and %stime_series %d; they must agree", prefix, len(in.Timestamps), prefix, points).
				At(prefix+"timestamps", "has %d entries, needs %d", len(in.Timestamps), points)
		}
		dates, layout, err := parseDates(prefix+"timestamps", in.Timestamps)
		if err != nil {
			return nil, err
		}
		c.layout = layout
		switch {
		case in.Freq == "":
			var found inferred
			found, dates = inferClock(dates)
			c.freq = found.frequency
		case gaps != gapsIgnore:
			if c.freq, dates, err = agreed(c.freq, dates, prefix, warn); err != nil {
				return nil, err
			}
		}
		c.last = dates[len(dates)-1]
		if c.grid, err = bridged(dates, c.freq, gaps, prefix, warn); err != nil {
			return nil, err
		}
		if _, even := gridOf(dates, c.freq); even {
			c.dates = dates
		}
	case in.LastTimestamp != "":
		if in.Freq == "" {
			return nil, api.Unprocessable("missing_freq", "%slast_timestamp needs freq beside it", prefix).At(prefix+"freq", "is missing")
		}
		dates, layout, err := parseDates(prefix+"last_timestamp", []string{in.LastTimestamp})
		if err != nil {
			return nil, err
		}
		c.last, c.layout = dates[0], layout
		if c.freq.days == 1 && !c.freq.business {
			for i := range points {
				c.dates = append(c.dates, c.last.AddDate(0, 0, i+1-points))
			}
		}
	case in.Freq == "":
		return nil, nil
	}
	return c, nil
}
