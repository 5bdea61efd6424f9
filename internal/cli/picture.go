package cli

import (
	"fmt"
	"os"
	"time"

	"github.com/omni-run/omni/internal/cli/chart"
	"github.com/omni-run/omni/internal/cli/plot"
)

// pictureFlags are the files to draw a chart into.
type pictureFlags struct{ png, svg string }

// draw writes the chart to the files asked for. dates lie on the chart's axis;
// names are the legend.
func (f *pictureFlags) draw(title string, c *chart.Chart, dates []time.Time, names ...string) error {
	for format, path := range map[string]string{"png": f.png, "svg": f.svg} {
		if path == "" {
			continue
		}
		figure := plot.Figure{Title: title, Dates: dates, Lines: c.Lines, Bands: c.Bands, Marks: c.Marks, Names: names}
		if err := writePicture(path, format, &figure); err != nil {
			return err
		}
	}
	return nil
}

func writePicture(path, format string, figure *plot.Figure) error {
	file, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", path, underlying(err))
	}
	err = figure.WriteTo(file, format)
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", path, underlying(err))
	}
	return nil
}

// stamps reads the timestamps of an answer; nil if any cannot be read.
func stamps(texts []string) (out []time.Time) {
	for _, text := range texts {
		t, err := time.Parse(time.RFC3339, text)
		if err != nil {
			if t, err = time.Parse(time.DateOnly, text); err != nil {
				return nil
			}
		}
		out = append(out, t)
	}
	return out
}
