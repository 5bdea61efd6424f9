package forecast

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// inferred is what a list of dates says about its step.
type inferred struct {
	frequency
	// regular says that every date lies on the step's grid.
	regular bool
}

// infer finds the step of increasing dates; with fewer than two it is a day.
func infer(dates []time.Time) inferred {
	day := inferred{frequency{days: 1, code: "D"}, true}
	if len(dates) < 2 {
		return day
	}
	if f, ok := inferMonths(dates); ok {
		return inferred{f, onGrid(dates, f)}
	}
	gaps := make([]time.Duration, len(dates)-1)
	for i := range gaps {
		gaps[i] = dates[i+1].Sub(dates[i])
	}
	slices.Sort(gaps)
	step := gaps[len(gaps)/2]
	if step%(24*time.Hour) == 0 {
		n := int(step / (24 * time.Hour))
		f := frequency{days: n, code: plural(n, "D")}
		if n%7 == 0 {
			f.code = plural(n/7, "W")
		}
		if n == 1 && len(dates) >= 6 && !slices.ContainsFunc(dates, weekend) && gaps[len(gaps)-1] > 24*time.Hour {
			f.business, f.code = true, "B"
		}
		return inferred{f, onGrid(dates, f)}
	}
	f := frequency{duration: step, code: durationCode(step)}
	return inferred{f, onGrid(dates, f)}
}

func weekend(t time.Time) bool { return t.Weekday() == time.Saturday || t.Weekday() == time.Sunday }

// inferMonths recognises steps of whole months: the same day each time, or
// always the last.
func inferMonths(dates []time.Time) (frequency, bool) {
	end, first, anchor := true, true, 0
	var steps []int
	for i, d := range dates {
		end = end && d.Day() == lastDay(d)
		first = first && d.Day() == 1
		anchor = max(anchor, d.Day())
		if i == 0 {
			continue
		}
		months := 12*(d.Year()-dates[i-1].Year()) + int(d.Month()) - int(dates[i-1].Month())
		if months < 1 {
			return frequency{}, false
		}
		steps = append(steps, months)
	}
	for _, d := range dates {
		if !end && d.Day() != min(anchor, lastDay(d)) {
			return frequency{}, false
		}
	}
	slices.Sort(steps)
	step := steps[len(steps)/2]
	f := frequency{months: step, end: end, first: first, anchor: anchor}
	unit, n := "M", step
	if step%12 == 0 {
		unit, n = "Y", step/12
	} else if step%3 == 0 {
		unit, n = "Q", step/3
	}
	if first {
		unit += "S"
	}
	f.code = plural(n, unit)
	return f, true
}

func plural(n int, unit string) string {
	if n == 1 {
		return unit
	}
	return fmt.Sprint(n, unit)
}

func durationCode(d time.Duration) string {
	switch {
	case d%time.Hour == 0:
		return plural(int(d/time.Hour), "h")
	case d%time.Minute == 0:
		return plural(int(d/time.Minute), "min")
	default:
		return strings.TrimSpace(d.String())
	}
}

// onGrid says whether every date is some steps after the one before it.
func onGrid(dates []time.Time, f frequency) bool {
	if f.duration > 0 || (f.days > 0 && !f.business) {
		unit := f.duration + time.Duration(f.days)*24*time.Hour
		for i := 1; i < len(dates); i++ {
			if dates[i].Sub(dates[i-1])%unit != 0 {
				return false
			}
		}
		return true
	}
	at := dates[0]
	for _, d := range dates[1:] {
		for at.Before(d) {
			at = f.next(at)
		}
		if !at.Equal(d) {
			return false
		}
	}
	return true
}

// inferClock finds the step of increasing dates. Where they bear different
// offsets, as the same hour of the day does in summer and winter, and are even
// only by the clock on the wall, it returns them by that clock, at the last
// date's offset.
func inferClock(dates []time.Time) (inferred, []time.Time) {
	found := infer(dates)
	if found.regular {
		return found, dates
	}
	wall, ok := onWall(dates)
	if !ok {
		return found, dates
	}
	if even := infer(wall); even.regular {
		return even, wall
	}
	return found, dates
}

// onWall returns the dates as a clock on the wall shows them, all at the last
// one's offset. It reports false where that changes nothing, or where the clock
// went back over a date.
func onWall(dates []time.Time) (wall []time.Time, ok bool) {
	wall = make([]time.Time, len(dates))
	at := dates[len(dates)-1].Location()
	moved := false
	for i, d := range dates {
		wall[i] = time.Date(d.Year(), d.Month(), d.Day(), d.Hour(), d.Minute(), d.Second(), d.Nanosecond(), at)
		moved = moved || !wall[i].Equal(d)
		if i > 0 && !wall[i].After(wall[i-1]) {
			return nil, false
		}
	}
	return wall, moved
}
