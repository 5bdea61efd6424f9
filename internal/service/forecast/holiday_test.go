package forecast

import (
	"testing"
	"time"
)

// TestHolidays checks dates published by the governments concerned.
func TestHolidays(t *testing.T) {
	t.Parallel()
	for country, days := range map[string][]string{
		"US": {"2025-01-20", "2025-05-26", "2025-11-27", "2026-02-16"},
		"GB": {"2025-04-18", "2025-04-21", "2025-08-25", "2024-05-06"},
		"DE": {"2025-05-29", "2025-06-09", "2025-10-03"},
		"FR": {"2024-05-20", "2025-07-14"},
		"AU": {"2025-01-27", "2025-04-25", "2024-12-26"},
		"CA": {"2025-07-01", "2025-09-01", "2025-10-13"},
		"JP": {"2025-02-11", "2025-07-21"},
		"SE": {"2025-06-06", "2025-05-29"},
	} {
		is, err := holidaysOf(country)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range days {
			day, err := time.Parse(time.DateOnly, text)
			if err != nil {
				t.Fatal(err)
			}
			if is(day) == "" {
				t.Errorf("%s: %s is a holiday", country, text)
			}
			if is(day.AddDate(0, 0, 9)) != "" {
				t.Errorf("%s: nine days after %s is none", country, text)
			}
		}
	}
}

func TestAHolidayOnASundayIsObservedOnTheMonday(t *testing.T) {
	t.Parallel()
	is, err := holidaysOf("us")
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]bool{"2022-12-25": true, "2022-12-26": true, "2022-12-27": false, "2021-12-31": true} {
		day, err := time.Parse(time.DateOnly, text)
		if err != nil {
			t.Fatal(err)
		}
		if (is(day) != "") != want {
			t.Errorf("%s: %v, want %v", text, !want, want)
		}
	}
}
