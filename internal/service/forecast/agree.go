package forecast

import (
	"time"

	"github.com/omni-run/omni/api"
)

// agreed lays dates and a frequency that the caller stated on each other. The
// dates decide where in the month or the week a step begins: month starts are
// often sent with "M". Dates of another step altogether are refused, since a
// forecast by either would be wrong; uneven ones are left to the policy for
// gaps.
func agreed(f frequency, dates []time.Time, prefix string, warn func(string, ...any)) (frequency, []time.Time, error) {
	if _, on := gridOf(dates, f); on {
		return f, dates, nil
	}
	if wall, ok := onWall(dates); ok {
		if _, on := gridOf(wall, f); on {
			return f, wall, nil
		}
	}
	found, even := inferClock(dates)
	switch {
	case !found.regular:
		return f, dates, nil
	case f.months > 0 && f.months == found.months, f.days%7 == 0 && f.days > 0 && f.days == found.days:
		warn("freq %s does not fit the timestamps, whose step is %s from %s; the forecast's dates continue theirs", f.code, found.code, even[0].Format(time.DateOnly))
		return found.frequency, even, nil
	}
	i := offStep(f, dates)
	field := at(prefix+"timestamps", i)
	due := f.next(dates[i-1])
	return f, nil, api.Unprocessable("freq_mismatch", "%s is %s, but a step of freq %s after the one before it is %s; the timestamps' own step is %s: send that freq, none, or set gaps to ignore",
		field, written(dates[i]), f.code, written(due), found.code).At(field, "is not a step of freq after the one before it")
}

// offStep returns the first date that does not follow the one before it by a
// step of f; there is one.
func offStep(f frequency, dates []time.Time) int {
	for i := 1; i < len(dates); i++ {
		if !f.next(dates[i-1]).Equal(dates[i]) {
			return i
		}
	}
	return len(dates) - 1
}

// written shows a date, with its time of day unless that is midnight.
func written(t time.Time) string {
	if t.Equal(time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, t.Location())) {
		return t.Format(time.DateOnly)
	}
	return t.Format(time.RFC3339Nano)
}
