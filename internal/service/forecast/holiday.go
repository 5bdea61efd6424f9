package forecast

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/rickar/cal/v2"
	"github.com/rickar/cal/v2/ar"
	austria "github.com/rickar/cal/v2/at"
	"github.com/rickar/cal/v2/au"
	"github.com/rickar/cal/v2/be"
	"github.com/rickar/cal/v2/bg"
	"github.com/rickar/cal/v2/br"
	"github.com/rickar/cal/v2/ca"
	"github.com/rickar/cal/v2/ch"
	"github.com/rickar/cal/v2/cz"
	"github.com/rickar/cal/v2/de"
	"github.com/rickar/cal/v2/dk"
	"github.com/rickar/cal/v2/es"
	"github.com/rickar/cal/v2/fr"
	"github.com/rickar/cal/v2/gb"
	"github.com/rickar/cal/v2/gr"
	"github.com/rickar/cal/v2/hr"
	"github.com/rickar/cal/v2/ie"
	"github.com/rickar/cal/v2/it"
	"github.com/rickar/cal/v2/jp"
	"github.com/rickar/cal/v2/lt"
	"github.com/rickar/cal/v2/lv"
	"github.com/rickar/cal/v2/nl"
	"github.com/rickar/cal/v2/no"
	"github.com/rickar/cal/v2/nz"
	"github.com/rickar/cal/v2/pl"
	"github.com/rickar/cal/v2/ro"
	"github.com/rickar/cal/v2/ru"
	"github.com/rickar/cal/v2/se"
	"github.com/rickar/cal/v2/si"
	"github.com/rickar/cal/v2/sk"
	"github.com/rickar/cal/v2/ua"
	"github.com/rickar/cal/v2/us"
	"github.com/rickar/cal/v2/za"

	"github.com/omni-run/omni/api"
)

// holidayRules returns each country's public holidays, by ISO 3166 code:
// nationwide ones, for Australia those of New South Wales.
func holidayRules() map[string][]*cal.Holiday {
	return map[string][]*cal.Holiday{
		"AR": ar.Holidays,
		"AT": austria.Holidays,
		"BE": be.Holidays,
		"BG": bg.Holidays,
		"BR": br.Holidays,
		"CA": ca.Holidays,
		"CH": ch.Holidays,
		"CZ": cz.Holidays,
		"DE": de.Holidays,
		"DK": dk.Holidays,
		"ES": es.Holidays,
		"FR": fr.Holidays,
		"GB": gb.Holidays,
		"GR": gr.Holidays,
		"HR": hr.Holidays,
		"IE": ie.Holidays,
		"IT": it.Holidays,
		"JP": jp.Holidays,
		"LT": lt.Holidays,
		"LV": lv.Holidays,
		"NL": nl.Holidays,
		"NO": no.Holidays,
		"NZ": nz.Holidays,
		"PL": pl.Holidays,
		"RO": ro.Holidays,
		"RU": ru.Holidays,
		"SE": se.Holidays,
		"SI": si.Holidays,
		"SK": sk.Holidays,
		"UA": ua.Holidays,
		"US": us.Holidays,
		"ZA": za.Holidays,
		"AU": au.HolidaysNSW,
	}
}

// Countries lists the ISO 3166 codes of the countries whose holidays are known.
func Countries() []string {
	var known []string
	for code := range holidayRules() {
		known = append(known, code)
	}
	slices.Sort(known)
	return known
}

// holidaysOf returns the name of the country's holiday on a day, "" on others
// and where country is "". A holiday that meets a weekend counts on its own day
// and, as another one, on the day it is observed: shops close on the former,
// offices on the latter. It remembers a year once worked out, so it
// belongs to one goroutine.
func holidaysOf(country string) (func(time.Time) string, error) {
	if country == "" {
		return func(time.Time) string { return "" }, nil
	}
	rules, ok := holidayRules()[strings.ToUpper(country)]
	if !ok {
		return nil, api.Unprocessable("unknown_country", "country %.8q has no holidays here; use one of %s, or leave it out", country, strings.Join(Countries(), ", ")).
			At("country", "unknown")
	}
	years := map[int]map[int]string{}
	return func(t time.Time) string {
		days, ok := years[t.Year()]
		if !ok {
			days = daysOff(rules, t.Year())
			years[t.Year()] = days
		}
		return days[t.YearDay()]
	}, nil
}

// daysOff names the holidays of a year by the number of their day. Of two on
// one day the first of the rules gives the name.
func daysOff(rules []*cal.Holiday, year int) map[int]string {
	days := map[int]string{}
	// New Year's Day may be observed in the year before.
	for from := year - 1; from <= year+1; from++ {
		for _, h := range rules {
			actual, observed := h.Calc(from)
			name := cmp.Or(h.Name, "a holiday")
			note(days, year, actual, name)
			if !observed.Equal(actual) {
				note(days, year, observed, name+", observed")
			}
		}
	}
	return days
}

// note names a day unless it is of another year, none, or named before.
func note(days map[int]string, year int, day time.Time, name string) {
	if !day.IsZero() && day.Year() == year && days[day.YearDay()] == "" {
		days[day.YearDay()] = name
	}
}
