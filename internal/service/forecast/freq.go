package forecast

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/omni-run/omni/api"
)

// frequency is the step of a series in calendar terms: so many months, or so
// many days (weekdays only when business), or a duration.
type frequency struct {
	months   int
	days     int
	business bool
	duration time.Duration
	// end puts monthly steps on the last day of the month, first on the first.
	end, first bool
	// anchor is the day of the month of monthly steps that are neither.
	anchor int
	code   string
}

var freqPattern = regexp.MustCompile(`^([1-9][0-9]{0,3})?([A-Za-z]+)(?:-[A-Z]{3})?$`)

// parseFreq reads a pandas frequency code such as D, MS, QE-DEC or 15min.
func parseFreq(field, code string) (frequency, error) {
	refuse := func() (frequency, error) {
		return frequency{}, api.Unprocessable("unknown_freq", "%s %.32q is not a frequency; use D, B, W, MS, M, QS, Q, YS, Y, h, min or s, with an optional multiple such as 15min", field, code).
			At(field, "unknown frequency")
	}
	part := freqPattern.FindStringSubmatch(code)
	if part == nil {
		return refuse()
	}
	n := 1
	if part[1] != "" {
		n, _ = strconv.Atoi(part[1]) // at most four digits
	}
	f := frequency{code: code}
	switch part[2] {
	case "D", "d":
		f.days = n
	case "B":
		f.days, f.business = n, true
	case "W", "w":
		f.days = 7 * n
	case "MS":
		f.months, f.first = n, true
	case "M", "ME":
		f.months, f.end = n, true
	case "QS":
		f.months, f.first = 3*n, true
	case "Q", "QE":
		f.months, f.end = 3*n, true
	case "YS", "AS", "YAS":
		f.months, f.first = 12*n, true
	case "Y", "YE", "A":
		f.months, f.end = 12*n, true
	case "H", "h":
		f.duration = time.Duration(n) * time.Hour
	case "T", "min":
		f.duration = time.Duration(n) * time.Minute
	case "S", "s":
		f.duration = time.Duration(n) * time.Second
	default:
		return refuse()
	}
	return f, nil
}

// next returns the first step after t.
func (f frequency) next(t time.Time) time.Time {
	switch {
	case f.months > 0:
		return f.nextMonth(t)
	case f.business:
		for left := f.days; left > 0; {
			if t = t.AddDate(0, 0, 1); t.Weekday() != time.Saturday && t.Weekday() != time.Sunday {
				left--
			}
		}
		return t
	case f.days > 0:
		return t.AddDate(0, 0, f.days)
	default:
		return t.Add(f.duration)
	}
}

// nextMonth moves to the anchor day f.months on; from a day before this
// month's anchor, monthly steps land on the nearest anchor, as pandas does.
func (f frequency) nextMonth(t time.Time) time.Time {
	ahead, today := f.months, t.Day()
	if f.end && today < lastDay(t) {
		ahead = f.months - 1
	}
	first := time.Date(t.Year(), t.Month(), 1, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), t.Location()).AddDate(0, ahead, 0)
	switch {
	case f.end:
		return first.AddDate(0, 0, lastDay(first)-1)
	case f.first:
		return first
	default:
		return first.AddDate(0, 0, min(max(f.anchor, 1), lastDay(first))-1)
	}
}

func lastDay(t time.Time) int {
	return time.Date(t.Year(), t.Month()+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// seasons lists the season lengths the calendar suggests for a frequency.
func (f frequency) seasons() []int {
	switch {
	case f.months > 0 && 12%f.months == 0 && f.months < 12:
		return []int{12 / f.months}
	case f.business:
		return []int{5}
	case f.days == 1:
		return []int{7}
	case f.days == 7:
		return []int{52}
	case f.duration > 0:
		var out []int
		for _, span := range []time.Duration{time.Minute, time.Hour, 24 * time.Hour, 7 * 24 * time.Hour} {
			if k := int(span / f.duration); span%f.duration == 0 && k >= 2 && k <= 1440 {
				out = append(out, k)
			}
		}
		return out
	default:
		return nil
	}
}

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

// parseDates reads dates that must increase strictly, and returns the layout
// to answer in.
func parseDates(field string, texts []string) ([]time.Time, string, error) {
	out, layout := make([]time.Time, len(texts)), time.DateOnly
	for i, text := range texts {
		t, err := time.Parse(time.DateOnly, text)
		if err != nil {
			if t, err = time.Parse(time.RFC3339, text); err != nil {
				return nil, "", api.Unprocessable("bad_timestamp", "%s %.40q is neither RFC 3339 nor YYYY-MM-DD", at(field, i), text).
					At(at(field, i), "not a date")
			}
			layout = time.RFC3339
		}
		if t.Year() < 1 || t.Year() > 9000 {
			return nil, "", api.Unprocessable("bad_timestamp", "%s: the year %d is out of range", at(field, i), t.Year()).At(at(field, i), "year out of range")
		}
		if i > 0 && !t.After(out[i-1]) {
			problem := "is earlier than the one before it"
			code := "unsorted_timestamps"
			if t.Equal(out[i-1]) {
				problem, code = "repeats the one before it", "duplicate_timestamp"
			}
			return nil, "", api.Unprocessable(code, "%s %s; dates must increase", at(field, i), problem).At(at(field, i), "%s", problem)
		}
		out[i] = t
	}
	return out, layout, nil
}

// at names one element of a list, "a[].b" meaning the b of element i.
func at(field string, i int) string {
	if list, rest, ok := strings.Cut(field, "[]"); ok {
		return fmt.Sprintf("%s[%d]%s", list, i, rest)
	}
	return fmt.Sprintf("%s[%d]", field, i)
}

// continueDates returns the next steps dates after last.
func continueDates(f frequency, last time.Time, steps int) []time.Time {
	out := make([]time.Time, steps)
	for i := range out {
		last = f.next(last)
		out[i] = last
	}
	return out
}
