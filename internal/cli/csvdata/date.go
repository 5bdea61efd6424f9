package csvdata

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// layout is one way to write dates.
type layout struct {
	name  string
	parse func(string) (time.Time, bool)
	// order is DayFirst or MonthFirst where two layouts read the same text
	// differently.
	order string
}

func std(pattern string) layout {
	return layout{name: pattern, parse: func(s string) (time.Time, bool) {
		t, err := time.Parse(pattern, s)
		return t, err == nil && t.Year() >= 1 && t.Year() <= 9000
	}}
}

func ordered(pattern, order string) layout {
	l := std(pattern)
	l.order = order
	return l
}

// layouts, unambiguous ones first.
var layouts = []layout{
	std(time.RFC3339), std("2006-01-02"), std("2006-01-02 15:04:05"), std("2006-01-02T15:04:05"), std("2006-01-02 15:04"), std("2006-01-02T15:04"),
	std("2006-01-02 15:04:05Z07:00"), std("2006-01-02 15:04:05 MST"),
	std("2006/1/2"), std("2006/1/2 15:04:05"), std("2006/1/2 15:04"), std("2006.1.2"), std("20060102"),
	std("2006-01"), std("2006/01"), std("Jan 2006"), std("January 2006"), std("Jan-2006"), std("2006 Jan"), std("Jan-06"), std("Jan 06"),
	std("2 Jan 2006"), std("2 January 2006"), std("2-Jan-2006"), std("2-Jan-06"), std("Jan 2, 2006"), std("January 2, 2006"), std("Mon, 2 Jan 2006"),
	std("2.1.2006"), std("2.1.2006 15:04"), std("2.1.2006 15:04:05"), std("2.1.06"),
	{name: "2006-Q1", parse: parseQuarter},
	{name: "year", parse: parseYear},
	{name: "unix", parse: parseUnix},
	ordered("1/2/2006", MonthFirst), ordered("2/1/2006", DayFirst),
	ordered("1/2/2006 15:04", MonthFirst), ordered("2/1/2006 15:04", DayFirst),
	ordered("1/2/2006 15:04:05", MonthFirst), ordered("2/1/2006 15:04:05", DayFirst),
	ordered("1/2/06", MonthFirst), ordered("2/1/06", DayFirst),
	ordered("1-2-2006", MonthFirst), ordered("2-1-2006", DayFirst),
}

var quarter = regexp.MustCompile(`^(\d{4})[ -]?[qQ]([1-4])$`)

func parseQuarter(s string) (time.Time, bool) {
	m := quarter.FindStringSubmatch(s)
	if m == nil {
		return time.Time{}, false
	}
	year, _ := strconv.Atoi(m[1]) // four digits
	t := time.Date(year, time.Month(3*(int(m[2][0]-'0')-1)+1), 1, 0, 0, 0, 0, time.UTC)
	return t, year >= 1
}

func parseYear(s string) (time.Time, bool) {
	year, err := strconv.Atoi(s)
	return time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC), err == nil && len(s) == 4 && year >= 1500 && year <= 2200
}

// parseUnix reads seconds or milliseconds between 1980 and 2100.
func parseUnix(s string) (time.Time, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || strings.HasPrefix(s, "+") {
		return time.Time{}, false
	}
	switch {
	case n >= 315532800 && n <= 4102444800:
		return time.Unix(n, 0).UTC(), true
	case n >= 315532800000 && n <= 4102444800000:
		return time.UnixMilli(n).UTC(), true
	}
	return time.Time{}, false
}

// looksLikeDate reports whether some layout reads a cell. Bare numbers do not
// count: a year or a unix time is a date only if the column says so.
func looksLikeDate(s string) bool {
	if looksNumeric(s) && !strings.ContainsAny(s, "-/:") && strings.Count(s, ".") < 2 {
		return false
	}
	for _, l := range layouts {
		if _, ok := l.parse(s); ok {
			return true
		}
	}
	return false
}

// readDates reads a whole column in the one layout that fits all of it.
func readDates(cells []string, lines []int, order string) (dates []time.Time, err error) {
	best, furthest := -1, -1
	var fits [][]time.Time
	var orders []string
	for i, l := range layouts {
		if order != "" && l.order != "" && l.order != order {
			continue
		}
		out := make([]time.Time, 0, len(cells))
		for _, c := range cells {
			t, ok := l.parse(c)
			if !ok {
				break
			}
			out = append(out, t)
		}
		if len(out) > furthest {
			best, furthest = i, len(out)
		}
		if len(out) == len(cells) {
			if l.order == "" {
				return out, nil
			}
			fits, orders = append(fits, out), append(orders, l.order)
		}
	}
	switch len(fits) {
	case 0:
		if furthest < 1 {
			return nil, wrong(lines[0], "%.40q is not a date that can be read; write 2026-01-31", cells[0])
		}
		return nil, wrong(lines[furthest], "%.40q is not a date of the form of the ones above it (%s)", cells[furthest], example(layouts[best]))
	case 1:
		return fits[0], nil
	}
	return settle(fits, orders, lines)
}

func example(l layout) string {
	if l.name == "unix" || l.name == "year" {
		return l.name
	}
	t := time.Date(2026, 1, 31, 15, 4, 5, 0, time.UTC)
	if l.name == "2006-Q1" {
		return "2026-Q1"
	}
	return "like " + t.Format(l.name)
}

// settle chooses between day first and month first by the order of the dates:
// only one of the two is usually increasing and even.
func settle(fits [][]time.Time, orders []string, lines []int) ([]time.Time, error) {
	chosen := -1
	for i, dates := range fits {
		if !increasing(dates) || !even(dates) {
			continue
		}
		if chosen >= 0 {
			return nil, wrong(lines[0], "the dates can be read day first or month first; say which with --date-order dmy or mdy")
		}
		chosen = i
	}
	if chosen < 0 {
		return nil, wrong(lines[0], "the dates can be read day first or month first, and neither gives even steps; say which with --date-order %s or %s", orders[0], orders[1])
	}
	return fits[chosen], nil
}

func increasing(dates []time.Time) bool {
	for i := 1; i < len(dates); i++ {
		if !dates[i].After(dates[i-1]) {
			return false
		}
	}
	return true
}

// even reports that the largest step is at most four days longer than the
// smallest, as between months, or at most four times it, as over a weekend.
func even(dates []time.Time) bool {
	var least, most time.Duration
	for i := 1; i < len(dates); i++ {
		step := dates[i].Sub(dates[i-1])
		if i == 1 || step < least {
			least = step
		}
		most = max(most, step)
	}
	return most <= least+4*24*time.Hour || most <= 4*least
}
