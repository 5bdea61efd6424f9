package forecast

import (
	"slices"
	"strings"
	"time"

	"github.com/omni-run/omni/api"
)

// A rule says when a nationwide public holiday falls in a year. Days moved
// because they meet a weekend, and regional ones, are left out.
type rule func(year int) time.Time

func date(month time.Month, day int) rule {
	return func(year int) time.Time { return time.Date(year, month, day, 0, 0, 0, 0, time.UTC) }
}

// nth is the n-th given weekday of a month; n = -1 is the last.
func nth(n int, weekday time.Weekday, month time.Month) rule {
	return func(year int) time.Time {
		if n < 0 {
			last := time.Date(year, month+1, 0, 0, 0, 0, 0, time.UTC)
			return last.AddDate(0, 0, -(int(last.Weekday()-weekday)+7)%7)
		}
		first := time.Date(year, month, 1, 0, 0, 0, 0, time.UTC)
		return first.AddDate(0, 0, (int(weekday-first.Weekday())+7)%7+7*(n-1))
	}
}

// easter is days after Easter Sunday, by the anonymous Gregorian computus
// (Meeus, 1991).
func easter(days int) rule {
	return func(year int) time.Time {
		a, b, c := year%19, year/100, year%100
		d, e := b/4, b%4
		g := (8*b + 13) / 25
		h := (19*a + b - d - g + 15) % 30
		i, k := c/4, c%4
		l := (32 + 2*e + 2*i - h - k) % 7
		m := (a + 11*h + 19*l) / 433
		month := (h + l - 7*m + 90) / 25
		day := (h + l - 7*m + 33*month + 19) % 32
		return time.Date(year, time.Month(month), day+days, 0, 0, 0, 0, time.UTC)
	}
}

// holidayRules returns each country's rules, by ISO 3166 code.
func holidayRules() map[string][]rule {
	newYear, labour, christmas, boxing := date(time.January, 1), date(time.May, 1), date(time.December, 25), date(time.December, 26)
	return map[string][]rule{
		"US": {
			newYear, nth(3, time.Monday, time.January), nth(3, time.Monday, time.February), nth(-1, time.Monday, time.May), date(time.June, 19),
			date(time.July, 4), nth(1, time.Monday, time.September), nth(2, time.Monday, time.October), date(time.November, 11),
			nth(4, time.Thursday, time.November), christmas,
		},
		"GB": {
			newYear, easter(-2), easter(1), nth(1, time.Monday, time.May), nth(-1, time.Monday, time.May), nth(-1, time.Monday, time.August), christmas, boxing,
		},
		"DE": {newYear, easter(-2), easter(1), labour, easter(39), easter(50), date(time.October, 3), christmas, boxing},
		"FR": {
			newYear, easter(1), labour, date(time.May, 8), easter(39), easter(50), date(time.July, 14), date(time.August, 15),
			date(time.November, 1), date(time.November, 11), christmas,
		},
	}
}

// holidaysOf returns whether a day is a holiday of the country; "" has none.
// It remembers a year once worked out, so it belongs to one goroutine.
func holidaysOf(country string) (func(time.Time) bool, error) {
	if country == "" {
		return func(time.Time) bool { return false }, nil
	}
	all := holidayRules()
	rules, ok := all[country]
	if !ok {
		var known []string
		for code := range all {
			known = append(known, code)
		}
		slices.Sort(known)
		return nil, api.Unprocessable("unknown_country", "country %.8q has no holidays here; use one of %s, or leave it out", country, strings.Join(known, ", ")).
			At("country", "unknown")
	}
	years := map[int]map[int]bool{}
	return func(t time.Time) bool {
		days, ok := years[t.Year()]
		if !ok {
			days = map[int]bool{}
			for _, r := range rules {
				days[r(t.Year()).YearDay()] = true
			}
			years[t.Year()] = days
		}
		return days[t.YearDay()]
	}, nil
}
