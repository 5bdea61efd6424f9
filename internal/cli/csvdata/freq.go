package csvdata

import (
	"strconv"
	"time"
)

// Freq is the step of the dates as the API names it, such as D, MS or 15min;
// "" if there are no dates, or their steps differ.
func (s *Series) Freq() string {
	if len(s.Dates) < 3 {
		return ""
	}
	if code := s.monthly(); code != "" {
		return code
	}
	step := s.Dates[1].Sub(s.Dates[0])
	for i, d := range s.Dates[1:] {
		if d.Sub(s.Dates[i]) != step {
			return ""
		}
	}
	for _, unit := range []struct {
		length time.Duration
		code   string
	}{{7 * 24 * time.Hour, "W"}, {24 * time.Hour, "D"}, {time.Hour, "h"}, {time.Minute, "min"}, {time.Second, "s"}} {
		if n := step / unit.length; step%unit.length == 0 && n < 10_000 {
			return times(int(n), unit.code)
		}
	}
	return ""
}

// monthly recognises the first days of months, or the last ones.
func (s *Series) monthly() string {
	first, last, step := true, true, 0
	for i, d := range s.Dates {
		first = first && d.Day() == 1
		last = last && d.AddDate(0, 0, 1).Day() == 1
		if i == 0 {
			continue
		}
		months := 12*(d.Year()-s.Dates[i-1].Year()) + int(d.Month()) - int(s.Dates[i-1].Month())
		if months < 1 || i > 1 && months != step {
			return ""
		}
		step = months
	}
	if !first && !last {
		return ""
	}
	unit := "M"
	switch {
	case step%12 == 0:
		unit, step = "Y", step/12
	case step%3 == 0:
		unit, step = "Q", step/3
	}
	if first {
		unit += "S"
	}
	if step >= 10_000 {
		return ""
	}
	return times(step, unit)
}

func times(n int, unit string) string {
	if n == 1 {
		return unit
	}
	return strconv.Itoa(n) + unit
}
