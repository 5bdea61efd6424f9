package forecast

import (
	"regexp"
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
	// base is how many months a quarter or year has, 0 for plain months; month
	// is where one of them ends or begins, 0 where the last date tells.
	base  int
	month time.Month
	// weekday is where weeks are anchored, nil where the last date tells.
	weekday *time.Weekday
	// anchor is the day of the month of monthly steps that are neither.
	anchor int
	code   string
}

var freqPattern = regexp.MustCompile(`^([1-9][0-9]{0,3})?([A-Za-z]+)(?:-([A-Z]{3}))?$`)

// parseFreq reads a pandas frequency code such as D, MS, QE-DEC or 15min.
func parseFreq(field, code string) (frequency, error) {
	refuse := func() (frequency, error) {
		return frequency{}, api.Unprocessable("unknown_freq", "%s %.32q is not a frequency; use D, B, W, MS, M, QS, Q, YS, Y, h, min or s, with an optional multiple or anchor such as 15min, W-MON or Q-JAN", field, code).
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
		f.months, f.base, f.first = 3*n, 3, true
	case "Q", "QE":
		f.months, f.base, f.end = 3*n, 3, true
	case "YS", "AS", "YAS":
		f.months, f.base, f.first = 12*n, 12, true
	case "Y", "YE", "A":
		f.months, f.base, f.end = 12*n, 12, true
	case "H", "h":
		f.duration = time.Duration(n) * time.Hour
	case "T", "min":
		f.duration = time.Duration(n) * time.Minute
	case "S", "s":
		f.duration = time.Duration(n) * time.Second
	default:
		return refuse()
	}
	if part[3] != "" && !f.anchorAt(part[3]) {
		return refuse()
	}
	return f, nil
}

// anchorAt reads what stands behind the dash: the weekday of weeks, or the
// month of quarters and years.
func (f *frequency) anchorAt(name string) bool {
	for day := time.Sunday; f.days%7 == 0 && f.days > 0 && day <= time.Saturday; day++ {
		if name == strings.ToUpper(day.String()[:3]) {
			f.weekday = &day
			return true
		}
	}
	for month := time.January; f.base > 0 && month <= time.December; month++ {
		if name == strings.ToUpper(month.String()[:3]) {
			f.month = month
			return true
		}
	}
	return false
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
	case f.weekday != nil && t.Weekday() != *f.weekday:
		return t.AddDate(0, 0, (int(*f.weekday-t.Weekday())+7)%7+f.days-7)
	case f.days > 0:
		return t.AddDate(0, 0, f.days)
	default:
		return t.Add(f.duration)
	}
}

// nextMonth moves f.months on. A date off the grid first moves to the grid,
// which counts as one step, as in pandas: the end of a month, or of a calendar
// quarter or year where no other is named. A last date that begins or
// ends a month does so for its quarter or year too.
func (f frequency) nextMonth(t time.Time) time.Time {
	ahead, today := f.months, t.Day()
	on := !f.end && !f.first || f.end && today == lastDay(t) || f.first && today == 1
	month := f.month
	if month == 0 && f.base > 0 && !on {
		if month = time.January; f.end {
			month = time.December
		}
	}
	switch {
	case month > 0:
		if wait := (int(month-t.Month()) + 12) % f.base; wait > 0 || !on {
			if wait == 0 && f.first {
				wait = f.base
			}
			ahead += wait - f.base
		}
	case f.end && !on:
		ahead--
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

// week is how many steps of days make a week.
func (f frequency) week() int {
	if f.business {
		return 5
	}
	return 7
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
