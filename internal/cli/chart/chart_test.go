package chart_test

import (
	"flag"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/omni-run/omni/internal/cli/chart"
	"github.com/omni-run/omni/internal/cli/terminal"
)

var update = flag.Bool("update", false, "write the golden charts anew")

func forecast(ascii, colour bool) chart.Chart {
	history := []float64{100, 120, 115, 130, 125, 140, 135, 150, 145, 160, 155, 170}
	return chart.Chart{
		Lines: []chart.Line{
			{Values: history, Style: terminal.Cyan, Sign: '*'},
			{Start: 12, Values: []float64{168, 180, 176}, Style: terminal.Yellow, Sign: 'o'},
		},
		Bands:  []chart.Band{{Start: 12, Lower: []float64{158, 165, 155}, Upper: []float64{178, 195, 200}, Style: terminal.Dim}},
		Divide: 12, Left: "2025-01", Middle: "now", Right: "2026-03",
		Width: 60, Height: 12, ASCII: ascii, Terminal: terminal.Terminal{Colour: colour},
	}
}

func anomalies() chart.Chart {
	values := make([]float64, 40)
	for i := range values {
		values[i] = 10 + math.Sin(float64(i)/3)
	}
	values[20] = 16
	return chart.Chart{
		Lines: []chart.Line{{Values: values, Sign: '*'}}, Marks: []chart.Mark{{Index: 20, Value: 16}},
		Width: 60, Height: 10, Left: "0", Right: "39",
	}
}

func TestGolden(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]chart.Chart{
		"braille": forecast(false, false), "ascii": forecast(true, false), "colour": forecast(false, true), "anomalies": anomalies(),
	} {
		path := filepath.Join("testdata", name+".txt")
		got := c.String()
		if *update {
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s:\n%s\nwant:\n%s", name, got, want)
		}
	}
}

func TestNothingToDraw(t *testing.T) {
	t.Parallel()
	for _, c := range []chart.Chart{{}, {Lines: []chart.Line{{Values: []float64{math.NaN(), math.Inf(1)}}}}} {
		if got := c.String(); got != "" {
			t.Errorf("%q", got)
		}
	}
}

// Whatever the numbers, no line is wider than asked and the height is kept.
func TestShape(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		number := rapid.OneOf(rapid.Float64(), rapid.Just(math.NaN()), rapid.Just(math.MaxFloat64), rapid.Just(-math.MaxFloat64), rapid.Float64Range(-10, 10))
		values := rapid.SliceOfN(number, 1, 200).Draw(t, "values")
		c := chart.Chart{
			Lines:  []chart.Line{{Values: values, Sign: '*'}, {Start: len(values), Values: values, Sign: 'o'}},
			Bands:  []chart.Band{{Start: len(values), Lower: values, Upper: values}},
			Marks:  []chart.Mark{{Index: rapid.IntRange(-5, 500).Draw(t, "mark"), Value: values[0]}},
			Divide: rapid.IntRange(-5, 500).Draw(t, "divide"), Left: "left", Middle: "middle", Right: "right",
			Width: rapid.IntRange(30, 200).Draw(t, "width"), Height: rapid.IntRange(5, 30).Draw(t, "height"), ASCII: rapid.Bool().Draw(t, "ascii"),
		}
		got := c.String()
		if got == "" {
			return
		}
		lines := strings.Split(strings.TrimRight(got, "\n"), "\n")
		if len(lines) > max(c.Height, 5) {
			t.Fatalf("%d lines, asked for %d:\n%s", len(lines), c.Height, got)
		}
		for _, l := range lines {
			if utf8.RuneCountInString(l) > c.Width {
				t.Fatalf("a line of %d, asked for %d:\n%s", utf8.RuneCountInString(l), c.Width, got)
			}
		}
		if strings.Contains(got, "\x1b") {
			t.Fatal("colour that nobody asked for")
		}
	})
}
