// Package plot draws what package chart draws in a terminal as a picture for a
// report: SVG or PNG.
package plot

import (
	"bytes"
	"errors"
	"fmt"
	"image/color"
	"io"
	"math"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/omni-run/omni/internal/cli/chart"
)

// Figure is a chart with the words around it.
type Figure struct {
	// Title stands above; XLabel and YLabel, which may be empty, at the axes.
	Title, XLabel, YLabel string
	// Dates of the points on the common axis; without them the axis counts
	// points.
	Dates []time.Time
	// Lines, Bands and Marks lie on the common axis as in package chart. Names
	// are the legend's words for lines and bands, in that order.
	Lines []chart.Line
	Bands []chart.Band
	Marks []chart.Mark
	Names []string
	// Width and Height in inches; 9 by 4.5 if 0.
	Width, Height float64
}

// The colours stay apart for the colour-blind (Okabe and Ito, 2008).
var (
	blue   = color.NRGBA{R: 0x00, G: 0x72, B: 0xB2, A: 0xFF}
	orange = color.NRGBA{R: 0xE6, G: 0x9F, B: 0x00, A: 0xFF}
	red    = color.NRGBA{R: 0xD5, G: 0x5E, B: 0x00, A: 0xFF}
	green  = color.NRGBA{R: 0x00, G: 0x9E, B: 0x73, A: 0xFF}
	shade  = color.NRGBA{R: 0xE6, G: 0x9F, B: 0x00, A: 0x40}
	faint  = color.NRGBA{R: 0xDD, G: 0xDD, B: 0xDD, A: 0xFF}
	sky    = color.NRGBA{R: 0x56, G: 0xB4, B: 0xE9, A: 0xFF}
	purple = color.NRGBA{R: 0xCC, G: 0x79, B: 0xA7, A: 0xFF}
	grey   = color.NRGBA{R: 0x70, G: 0x70, B: 0x70, A: 0xFF}
	inks   = []color.NRGBA{blue, orange, green, red, purple, sky, grey}
)

// WriteTo draws the figure and writes it; format is svg, png or pdf.
func (f *Figure) WriteTo(w io.Writer, format string) error {
	p := plot.New()
	p.Title.Text = f.Title
	p.Title.Padding = vg.Points(8)
	p.X.Label.Text, p.Y.Label.Text = f.XLabel, f.YLabel
	p.Legend.Top, p.Legend.Left = true, true
	grid := plotter.NewGrid()
	grid.Horizontal.Color, grid.Vertical.Color = faint, faint
	p.Add(grid)
	p.X.Tick.Marker = counts{}
	if f.Dates != nil {
		p.X.Tick.Marker = calendar{}
	}
	y, points := f.newScale()
	if points == 0 {
		return errors.New("there is nothing to draw")
	}
	p.Y.Tick.Marker = y
	p.Y.Min, p.Y.Max = -0.04, 1.04 // room for marks at the edge
	for i, b := range f.Bands {
		if err := f.addBand(p, y, b, name(f.Names, len(f.Lines)+i)); err != nil {
			return err
		}
	}
	for i, l := range f.Lines {
		if err := f.addLine(p, y, l, inks[i%len(inks)], name(f.Names, i)); err != nil {
			return err
		}
	}
	if err := f.addMarks(p, y); err != nil {
		return err
	}
	width, height := f.Width, f.Height
	if width == 0 {
		width = 9
	}
	if height == 0 {
		height = 4.5
	}
	to, err := p.WriterTo(vg.Length(width)*vg.Inch, vg.Length(height)*vg.Inch, format)
	if err != nil {
		return fmt.Errorf("drawing: %w", err)
	}
	var whole bytes.Buffer // a picture that fails half-way must not be half-written
	if _, err := to.WriteTo(&whole); err != nil {
		return fmt.Errorf("drawing: %w", err)
	}
	_, err = whole.WriteTo(w)
	return err
}

func name(names []string, i int) string {
	if i < len(names) {
		return names[i]
	}
	return ""
}

// at is where a point of the common axis lies.
func (f *Figure) at(i int) float64 {
	if i >= 0 && i < len(f.Dates) {
		return float64(f.Dates[i].Unix())
	}
	return float64(i)
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// addLine draws the runs of finite values between gaps.
func (f *Figure) addLine(p *plot.Plot, y scale, l chart.Line, ink color.NRGBA, name string) error {
	var run plotter.XYs
	points := 0
	flush := func() error {
		if len(run) == 0 {
			return nil
		}
		line, err := plotter.NewLine(run)
		if err != nil {
			return fmt.Errorf("drawing a line: %w", err)
		}
		line.Color, line.Width = ink, vg.Points(1.4)
		p.Add(line)
		if name != "" && points == len(run) {
			p.Legend.Add(name, line)
		}
		run = nil
		return nil
	}
	for i, v := range l.Values {
		if !finite(v) {
			if err := flush(); err != nil {
				return err
			}
			continue
		}
		run = append(run, plotter.XY{X: f.at(l.Start + i), Y: y.to(v)})
		points++
	}
	return flush()
}

// addBand draws the area between two lines.
func (f *Figure) addBand(p *plot.Plot, y scale, b chart.Band, name string) error {
	var low, high plotter.XYs
	for i := range b.Lower {
		if i < len(b.Upper) && finite(b.Lower[i]) && finite(b.Upper[i]) {
			x := f.at(b.Start + i)
			low, high = append(low, plotter.XY{X: x, Y: y.to(b.Lower[i])}), append(high, plotter.XY{X: x, Y: y.to(b.Upper[i])})
		}
	}
	if len(low) == 0 {
		return nil
	}
	outline := low
	for i := len(high) - 1; i >= 0; i-- {
		outline = append(outline, high[i])
	}
	area, err := plotter.NewPolygon(outline)
	if err != nil {
		return fmt.Errorf("drawing a band: %w", err)
	}
	area.Color, area.LineStyle.Width = shade, 0
	p.Add(area)
	if name != "" {
		p.Legend.Add(name, area)
	}
	return nil
}

func (f *Figure) addMarks(p *plot.Plot, y scale) error {
	var at plotter.XYs
	for _, m := range f.Marks {
		if finite(m.Value) {
			at = append(at, plotter.XY{X: f.at(m.Index), Y: y.to(m.Value)})
		}
	}
	if len(at) == 0 {
		return nil
	}
	marks, err := plotter.NewScatter(at)
	if err != nil {
		return fmt.Errorf("drawing marks: %w", err)
	}
	marks.GlyphStyle = draw.GlyphStyle{Color: red, Radius: vg.Points(3.5), Shape: draw.CircleGlyph{}}
	p.Add(marks)
	p.Legend.Add("unusual", marks)
	return nil
}
