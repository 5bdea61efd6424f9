package forecast

import (
	"errors"
	"testing"
	"time"

	"github.com/omni-run/omni/api"
)

func TestInfer(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		dates   []string
		code    string
		regular bool
	}{
		{"one", []string{"2025-01-01"}, "D", true},
		{"days", []string{"2025-01-01", "2025-01-02", "2025-01-03"}, "D", true},
		{"days with a gap", []string{"2025-01-01", "2025-01-02", "2025-01-03", "2025-01-07"}, "D", true},
		{"business days", []string{"2025-01-01", "2025-01-02", "2025-01-03", "2025-01-06", "2025-01-07", "2025-01-08"}, "B", true},
		{"weeks", []string{"2025-01-01", "2025-01-08", "2025-01-15"}, "W", true},
		{"months on the 15th", []string{"2025-01-15", "2025-02-15", "2025-03-15"}, "M", true},
		{"months on the 30th", []string{"2025-01-30", "2025-02-28", "2025-03-30"}, "M", true},
		{"months with a gap", []string{"2025-01-01", "2025-02-01", "2025-03-01", "2025-05-01"}, "MS", true},
		{"quarters", []string{"2024-12-31", "2025-03-31", "2025-06-30"}, "Q", true},
		{"years", []string{"2023-01-01", "2024-01-01", "2025-01-01"}, "YS", true},
		{"half hours", []string{"2025-01-01T00:00:00Z", "2025-01-01T00:30:00Z", "2025-01-01T01:00:00Z"}, "30min", true},
		{"nothing regular", []string{"2025-01-01", "2025-01-04", "2025-01-06", "2025-03-01"}, "3D", false},
	} {
		dates, _, err := parseDates("dates", c.dates)
		if err != nil {
			t.Fatal(err)
		}
		if got := infer(dates); got.code != c.code || got.regular != c.regular {
			t.Errorf("%s: %s regular %v, want %s %v", c.name, got.code, got.regular, c.code, c.regular)
		}
	}
}

func TestNext(t *testing.T) {
	t.Parallel()
	// As pandas 3.1 adds the offset, but that a month's first or last day keeps
	// its own quarter or year where the code names none.
	for _, c := range []struct{ code, from, to string }{
		{"M", "2024-01-31", "2024-02-29"},
		{"2M", "2024-01-15", "2024-02-29"},
		{"MS", "2024-01-31", "2024-02-01"},
		{"Q", "2024-03-31", "2024-06-30"},
		{"Q", "2024-01-31", "2024-04-30"},
		{"Q", "2024-02-15", "2024-03-31"},
		{"2Q", "2024-02-15", "2024-06-30"},
		{"Q", "2024-12-30", "2024-12-31"},
		{"QE-DEC", "2024-01-31", "2024-03-31"},
		{"Q-JAN", "2024-01-31", "2024-04-30"},
		{"Q-NOV", "2024-02-29", "2024-05-31"},
		{"Q-NOV", "2024-03-01", "2024-05-31"},
		{"QS", "2024-02-01", "2024-05-01"},
		{"QS", "2024-02-15", "2024-04-01"},
		{"QS-FEB", "2024-03-01", "2024-05-01"},
		{"QS-FEB", "2024-02-15", "2024-05-01"},
		{"Y", "2024-02-29", "2025-02-28"},
		{"Y", "2024-02-15", "2024-12-31"},
		{"Y-JUN", "2024-06-30", "2025-06-30"},
		{"YE-JUN", "2024-02-29", "2024-06-30"},
		{"YS", "2024-05-05", "2025-01-01"},
		{"YS-APR", "2024-01-01", "2024-04-01"},
		{"W", "2024-02-25", "2024-03-03"},
		{"W-MON", "2024-02-25", "2024-02-26"},
		{"W-MON", "2024-02-26", "2024-03-04"},
		{"2W-SUN", "2024-02-26", "2024-03-10"},
		{"B", "2024-03-02", "2024-03-04"},
	} {
		f, err := parseFreq("freq", c.code)
		if err != nil {
			t.Fatal(err)
		}
		from, _ := time.Parse(time.DateOnly, c.from)
		if got := f.next(from).Format(time.DateOnly); got != c.to {
			t.Errorf("%s after %s: %s, want %s", c.code, c.from, got, c.to)
		}
	}
	for _, code := range []string{"W-XXX", "D-MON", "M-JAN", "Q-MON", "W-JAN", "B-FRI", "h-MON"} {
		if _, err := parseFreq("freq", code); err == nil {
			t.Errorf("%s was accepted", code)
		}
	}
}

func TestInferClock(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		dates []string
		next  string
	}{
		{"local midnights into summer", []string{"2024-03-30T00:00:00+01:00", "2024-03-31T00:00:00+01:00", "2024-04-01T00:00:00+02:00"}, "2024-04-02T00:00:00+02:00"},
		{"hours through the change", []string{"2024-03-31T01:00:00+01:00", "2024-03-31T03:00:00+02:00", "2024-03-31T04:00:00+02:00"}, "2024-03-31T05:00:00+02:00"},
		{"hours out of summer", []string{"2024-10-27T02:00:00+02:00", "2024-10-27T02:00:00+01:00", "2024-10-27T03:00:00+01:00"}, "2024-10-27T04:00:00+01:00"},
		{"tenths of a second", []string{"2024-03-31T01:00:00Z", "2024-03-31T01:00:00.1Z", "2024-03-31T01:00:00.2Z"}, "2024-03-31T01:00:00.3Z"},
	} {
		dates, layout, err := parseDates("dates", c.dates)
		if err != nil {
			t.Fatal(err)
		}
		found, dates := inferClock(dates)
		if next := found.next(dates[len(dates)-1]).Format(layout); next != c.next || !found.regular {
			t.Errorf("%s: %s (regular %v), want %s", c.name, next, found.regular, c.next)
		}
	}
}

func FuzzFrequency(f *testing.F) {
	for _, code := range []string{"D", "15min", "QE-DEC", "B", "9999YS", "0D", "W-SUN"} {
		f.Add(code, int64(1740000000))
	}
	f.Fuzz(func(t *testing.T, code string, at int64) {
		freq, err := parseFreq("freq", code)
		if err != nil {
			if refused := (*api.Error)(nil); !errors.As(err, &refused) {
				t.Fatalf("%q: %v is not for the caller", code, err)
			}
			return
		}
		last := time.Unix(at%(1<<33), 0).UTC()
		if next := freq.next(last); !next.After(last) {
			t.Fatalf("%q: %v does not follow %v", code, next, last)
		}
	})
}

func FuzzDates(f *testing.F) {
	f.Add("2025-01-01", "2025-02-01T00:00:00+01:00")
	f.Fuzz(func(t *testing.T, a, b string) {
		dates, _, err := parseDates("dates", []string{a, b})
		if err != nil {
			return
		}
		if next := infer(dates).next(dates[1]); !next.After(dates[1]) {
			t.Fatalf("%s, %s: %v does not follow", a, b, next)
		}
	})
}

func TestAgreed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, freq string
		dates      []string
		// next is the first date of the forecast, "" where the pair is refused.
		next string
		// problem names the timestamp of a refusal; warned says that a warning tells.
		problem string
		warned  bool
	}{
		{name: "local midnights into summer", freq: "D", dates: []string{"2024-03-30T00:00:00+01:00", "2024-03-31T00:00:00+01:00", "2024-04-01T00:00:00+02:00"}, next: "2024-04-02T00:00:00+02:00"},
		{name: "a day missing at the change", freq: "D", dates: []string{"2024-03-29T00:00:00+01:00", "2024-03-30T00:00:00+01:00", "2024-04-01T00:00:00+02:00"}, next: "2024-04-02T00:00:00+02:00"},
		{name: "weekdays at the change", freq: "B", dates: []string{"2024-03-28T00:00:00+01:00", "2024-03-29T00:00:00+01:00", "2024-04-01T00:00:00+02:00"}, next: "2024-04-02T00:00:00+02:00"},
		{name: "months through a year", freq: "MS", dates: []string{"2024-02-01T00:00:00+01:00", "2024-03-01T00:00:00+01:00", "2024-04-01T00:00:00+02:00"}, next: "2024-05-01T00:00:00+02:00"},
		{name: "month starts as M", freq: "M", dates: []string{"2024-01-01", "2024-02-01", "2024-03-01"}, next: "2024-04-01", warned: true},
		{name: "month ends as MS", freq: "MS", dates: []string{"2023-12-31", "2024-01-31", "2024-02-29"}, next: "2024-03-31", warned: true},
		{name: "quarter ends as QS", freq: "QS", dates: []string{"2023-09-30", "2023-12-31", "2024-03-31"}, next: "2024-06-30", warned: true},
		{name: "Wednesdays as W-MON", freq: "W-MON", dates: []string{"2024-01-03", "2024-01-10", "2024-01-17"}, next: "2024-01-24", warned: true},
		{name: "months as days", freq: "D", dates: []string{"2024-01-01", "2024-02-01", "2024-03-01"}, problem: "timestamps[1]"},
		{name: "days as weeks", freq: "W", dates: []string{"2024-01-01", "2024-01-02", "2024-01-03"}, problem: "timestamps[1]"},
		{name: "a weekend in weekdays", freq: "B", dates: []string{"2024-01-04", "2024-01-05", "2024-01-06", "2024-01-07"}, problem: "timestamps[2]"},
		{name: "quarters as months", freq: "M", dates: []string{"2023-03-31", "2023-06-30", "2023-09-30", "2023-12-31"}, problem: "timestamps[1]"},
		{name: "half hours as hours", freq: "h", dates: []string{"2024-01-01T00:00:00Z", "2024-01-01T00:30:00Z", "2024-01-01T01:00:00Z"}, problem: "timestamps[1]"},
		{name: "uneven", freq: "D", dates: []string{"2024-01-01", "2024-01-02", "2024-03-09", "2024-07-23"}, next: "2024-07-24"},
		{name: "every other day of days", freq: "D", dates: []string{"2024-01-01", "2024-01-03", "2024-01-05"}, next: "2024-01-06"},
	} {
		f, err := parseFreq("freq", c.freq)
		if err != nil {
			t.Fatal(err)
		}
		dates, layout, err := parseDates("timestamps", c.dates)
		if err != nil {
			t.Fatal(err)
		}
		warned := false
		f, dates, err = agreed(f, dates, "", func(string, ...any) { warned = true })
		if c.problem != "" {
			var refused *api.Error
			if !errors.As(err, &refused) || refused.Code != "freq_mismatch" || refused.Details[0].Field != c.problem {
				t.Errorf("%s: %v, want freq_mismatch at %s", c.name, err, c.problem)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if next := f.next(dates[len(dates)-1]).Format(layout); next != c.next || warned != c.warned {
			t.Errorf("%s: %s (warned %v), want %s", c.name, next, warned, c.next)
		}
	}
}

func TestDatesWithoutZone(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		dates []string
		next  string
	}{
		{[]string{"2024-01-01T00:00:00", "2024-01-01T01:00:00", "2024-01-01T02:00:00"}, "2024-01-01T03:00:00"},
		{[]string{"2024-01-01 00:00:00", "2024-01-01 00:05:00"}, "2024-01-01 00:10:00"},
		{[]string{"2024-01-01 00:00", "2024-01-01 12:00"}, "2024-01-02 00:00"},
		{[]string{"2024-01-01 00:00:00", "2024-01-02 00:00:00"}, "2024-01-03 00:00:00"},
		{[]string{"2024-01-01T00:00:00.000", "2024-01-01T00:00:00.250"}, "2024-01-01T00:00:00.5"},
		{[]string{"2024-01-01", "2024-01-02T00:00:00Z"}, "2024-01-03T00:00:00Z"},
		{[]string{"2024-01-01T00:00:00.000Z", "2024-01-02T00:00:00.000Z"}, "2024-01-03T00:00:00Z"},
	} {
		dates, layout, err := parseDates("dates", c.dates)
		if err != nil {
			t.Errorf("%v: %v", c.dates, err)
			continue
		}
		if next := infer(dates).next(dates[len(dates)-1]).Format(layout); next != c.next {
			t.Errorf("%v go on with %s, want %s", c.dates, next, c.next)
		}
	}
	for _, text := range []string{"", "2024-02-30", "2023-02-29", "24-01-01", "2024-01-01T25:00:00", "1704067200", "2024-13-01 00:00:00"} {
		if _, _, err := parseDates("dates", []string{text}); err == nil {
			t.Errorf("%q was taken for a date", text)
		}
	}
}
