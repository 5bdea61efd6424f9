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
			if !is(day) {
				t.Errorf("%s: %s is a holiday", country, text)
			}
			if is(day.AddDate(0, 0, 2)) {
				t.Errorf("%s: two days after %s is none", country, text)
			}
		}
	}
}
