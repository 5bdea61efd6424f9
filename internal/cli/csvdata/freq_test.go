package csvdata_test

import (
	"strings"
	"testing"

	"github.com/omni-run/omni/internal/cli/csvdata"
)

func TestFreq(t *testing.T) {
	t.Parallel()
	for dates, want := range map[string]string{
		"2025-01-01 2025-02-01 2025-03-01":                   "MS",
		"2025-01-31 2025-02-28 2025-03-31":                   "M",
		"2025-01-01 2025-04-01 2025-07-01":                   "QS",
		"2023-01-01 2024-01-01 2025-01-01":                   "YS",
		"2025-01-01 2025-03-01 2025-05-01":                   "2MS",
		"2025-01-05 2025-01-12 2025-01-19":                   "W",
		"2025-01-05 2025-01-06 2025-01-07":                   "D",
		"2025-01-05T00:00 2025-01-05T00:15 2025-01-05T00:30": "15min",
		"2025-01-05T00:00 2025-01-05T06:00 2025-01-05T12:00": "6h",
		"2025-01-05 2025-01-06 2025-01-09":                   "",
		"2025-01-05 2025-01-06":                              "",
		"2025-01-01 2025-02-01 2025-04-01":                   "",
	} {
		s, err := csvdata.Read(strings.NewReader(strings.ReplaceAll(dates, " ", ",1\n")+",1\n"), csvdata.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Freq(); got != want {
			t.Errorf("%s: %q, want %q", dates, got, want)
		}
	}
}
