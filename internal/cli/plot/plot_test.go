package plot_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"image/png"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/omni-run/omni/internal/cli/chart"
	"github.com/omni-run/omni/internal/cli/plot"
)

func figure() *plot.Figure {
	f := &plot.Figure{
		Title: "sales & more <2026>", Names: []string{"history", "forecast", "95 %"},
		Lines: []chart.Line{{Values: []float64{1, 2, math.NaN(), 4, 5}}, {Start: 5, Values: []float64{6, 7}}},
		Bands: []chart.Band{{Start: 5, Lower: []float64{5, 5}, Upper: []float64{7, 9}}},
		Marks: []chart.Mark{{Index: 3, Value: 4}},
	}
	for i := range 7 {
		f.Dates = append(f.Dates, time.Date(2026, 1, 1+i, 0, 0, 0, 0, time.UTC))
	}
	return f
}

func TestSVG(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := figure().WriteTo(&out, "svg"); err != nil {
		t.Fatal(err)
	}
	elements := map[string]int{}
	for d := xml.NewDecoder(&out); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if e, ok := token.(xml.StartElement); ok {
			elements[e.Name.Local]++
		}
	}
	if elements["svg"] != 1 || elements["path"] < 5 || elements["text"] < 5 {
		t.Errorf("%v", elements)
	}
}

// The picture has the colours of a line, a forecast, its band and a mark.
func TestPNG(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := figure().WriteTo(&out, "png"); err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(&out)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[[3]uint32]int{}
	b := img.Bounds()
	for x := b.Min.X; x < b.Max.X; x++ {
		for y := b.Min.Y; y < b.Max.Y; y++ {
			r, g, bl, _ := img.At(x, y).RGBA()
			seen[[3]uint32{r >> 8, g >> 8, bl >> 8}]++
		}
	}
	for name, c := range map[string][3]uint32{"history": {0x00, 0x72, 0xB2}, "forecast": {0xE6, 0x9F, 0x00}, "mark": {0xD5, 0x5E, 0x00}} {
		if seen[c] < 10 {
			t.Errorf("%s is not to be seen: %d pixels", name, seen[c])
		}
	}
	if b.Dx() < 600 || b.Dy() < 300 {
		t.Errorf("%v", b)
	}
}

func TestNothingToDraw(t *testing.T) {
	t.Parallel()
	f := &plot.Figure{Lines: []chart.Line{{Values: []float64{math.NaN(), math.Inf(1)}}}}
	if err := f.WriteTo(io.Discard, "svg"); err == nil {
		t.Error("a figure without points is drawn")
	}
}

// Dates stand where they belong: each label's text, read back, is its place.
func TestDateTicks(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		from := rapid.Int64Range(-5e9, 9e9).Draw(t, "from")
		to := from + rapid.Int64Range(3600, 4e9).Draw(t, "span")
		ticks := plot.DateTicks(float64(from), float64(to))
		if len(ticks) == 0 || len(ticks) > 9 {
			t.Fatalf("%d ticks", len(ticks))
		}
		for i, k := range ticks {
			if k.Value < float64(from) || k.Value > float64(to) || i > 0 && k.Value <= ticks[i-1].Value {
				t.Fatalf("%+v outside or out of order", k)
			}
			at := time.Unix(int64(k.Value), 0).UTC()
			if len(k.Label) == 4 && len(ticks) > 2 && (at.YearDay() != 1 || at.Format("2006") != k.Label) {
				t.Fatalf("%s stands at %s", k.Label, at)
			}
		}
	})
}

// Whatever the numbers, there is a picture or an error, never a panic.
func TestAnyNumbers(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		numbers := rapid.SliceOfN(rapid.OneOf(rapid.Float64(), rapid.Float64Range(-10, 10), rapid.Just(math.NaN()), rapid.Just(1e300), rapid.Just(-1e300)), 0, 20)
		values := numbers.Draw(t, "values")
		f := &plot.Figure{
			Lines: []chart.Line{{Values: values}},
			Bands: []chart.Band{{Start: rapid.IntRange(0, 5).Draw(t, "start"), Lower: numbers.Draw(t, "lower"), Upper: numbers.Draw(t, "upper")}},
		}
		var out strings.Builder
		if err := f.WriteTo(&out, "svg"); err == nil && !strings.Contains(out.String(), "</svg>") {
			t.Fatal("half a picture")
		}
	})
}
