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
