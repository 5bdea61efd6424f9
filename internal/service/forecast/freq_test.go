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
