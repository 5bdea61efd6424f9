package table_test

import (
	"math"
	"strings"
	"testing"

	"github.com/omni-run/omni/internal/cli/table"
)

func TestTable(t *testing.T) {
	t.Parallel()
	tab := table.New("step", "date", "forecast")
	tab.Add("1", "2026-01-01", "12.5")
	tab.Add("10", "Jänner", "7")
	var b strings.Builder
	if _, err := tab.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	want := "  step  date        forecast\n     1  2026-01-01      12.5\n    10  Jänner             7\n"
	if b.String() != want {
		t.Fatalf("\n%s\nwant\n%s", b.String(), want)
	}
}

func TestRowsOfDifferentLength(t *testing.T) {
	t.Parallel()
	tab := table.New("a")
	tab.Add("x", "y")
	tab.Add()
	var b strings.Builder
	if _, err := tab.WriteTo(&b); err != nil || b.String() != "  a\n  x  y\n\n" {
		t.Fatalf("%q %v", b.String(), err)
	}
}

func TestNumber(t *testing.T) {
	t.Parallel()
	for v, want := range map[float64]string{
		0: "0.0000", 0.12345: "0.1235", -1.234: "-1.23", 123.45: "123.5", 12345.6: "12346", 1e300: "1.000e+300", 1e-9: "1.000e-09",
	} {
		if got := table.Number(v); got != want {
			t.Errorf("%v: %q, want %q", v, got, want)
		}
	}
	if table.Number(math.NaN()) != "-" || table.Optional(nil) != "-" {
		t.Error("what is missing is a dash")
	}
}
