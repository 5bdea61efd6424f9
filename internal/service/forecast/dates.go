package forecast

import (
	"fmt"
	"strings"
	"time"

	"github.com/omni-run/omni/api"
)

// layouts are the ways to write a date, the most telling last. Without a zone a
// time is taken as UTC, and the forecast's are written without one.
var layouts = [...]string{time.DateOnly, "2006-01-02 15:04", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02T15:04:05", time.RFC3339}

// parseDate returns a date and the index of its layout.
func parseDate(text string) (t time.Time, layout int, ok bool) {
	for i, layout := range layouts {
		if t, err := time.Parse(layout, text); err == nil {
			return t, i, true
		}
	}
	return time.Time{}, 0, false
}

// parseDates reads dates that must increase strictly, and returns the layout
// to answer in.
func parseDates(field string, texts []string) ([]time.Time, string, error) {
	out, most, fraction := make([]time.Time, len(texts)), 0, false
	for i, text := range texts {
		t, layout, ok := parseDate(text)
		if !ok {
			return nil, "", api.Unprocessable("bad_timestamp", "%s %.40q is neither a time such as 2025-11-01T08:00:00Z (RFC 3339; the zone may be left out) nor a date that exists, YYYY-MM-DD", at(field, i), text).
				At(at(field, i), "not a date")
		}
		most, fraction = max(most, layout), fraction || t.Nanosecond() != 0
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
	return out, answered(layouts[most], fraction), nil
}

// answered is the layout in which a forecast continues dates.
func answered(layout string, fraction bool) string {
	switch {
	case !fraction:
		return layout
	case layout == time.RFC3339:
		return time.RFC3339Nano
	default:
		return layout + ".999999999"
	}
}

// at names one element of a list, "a[].b" meaning the b of element i.
func at(field string, i int) string {
	if list, rest, ok := strings.Cut(field, "[]"); ok {
		return fmt.Sprintf("%s[%d]%s", list, i, rest)
	}
	return fmt.Sprintf("%s[%d]", field, i)
}

// mostYear is the last that RFC 3339 can write.
const mostYear = 9999

// futureDates returns the next steps dates after last; asked names the field
// that asked for so many.
func futureDates(asked string, f frequency, last time.Time, steps int) ([]time.Time, error) {
	out := continueDates(f, last, steps)
	if out[steps-1].Year() > mostYear {
		return nil, api.Unprocessable("out_of_range", "%d steps of %s from %s pass the year %d; ask for fewer %s", steps, f.code, last.Format(time.DateOnly), mostYear, asked).
			At(asked, "passes the year %d", mostYear)
	}
	return out, nil
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
