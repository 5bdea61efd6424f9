package anomaly

import (
	"context"
	"math"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/ml/detect"
	"github.com/omni-run/omni/internal/ml/profile"
	"github.com/omni-run/omni/internal/ml/stl"
)

// maxDiscords is how many stretches of a metric mode shape names at most.
const maxDiscords = 100

// checkShape checks what only mode shape takes.
func (s *Service) checkShape(req *api.DetectRequest, mode string) *api.Error {
	if req.Window == nil {
		return nil
	}
	if mode != modeShape {
		return api.Unprocessable("bad_window", "window belongs to mode shape").At("window", "mode is %s", mode)
	}
	if w := *req.Window; w < profile.MinWindow {
		return api.Unprocessable("bad_window", "window is %d; a shape needs at least %d points", w, profile.MinWindow).At("window", "is %d", w)
	}
	return nil
}

// shape looks for stretches of one metric whose shape occurs nowhere else.
func (d *detection) shape(ctx context.Context, m *metric) error {
	if n := len(m.values); n > d.limits.ShapePoints {
		return api.Unprocessable("too_many_points", "the series%s has %d points; mode shape compares all stretches with each other and takes at most %d", m.of(), n, d.limits.ShapePoints).
			At("mode", "%d points", n)
	}
	window := d.shapeWindow(m)
	if len(m.values) < 3*window {
		return api.Unprocessable("too_few_points", "the series%s has %d points; shapes of %d points need at least %d", m.of(), len(m.values), window, 3*window).
			At("window", "is %d", window)
	}
	p, err := profile.Compute(ctx, m.values, window)
	if err != nil {
		return err
	}
	threshold := detect.Threshold(d.options.Sensitivity)
	discords := p.Discords(threshold, maxDiscords)
	for _, c := range discords {
		d.discord(m, c, window, threshold)
	}
	d.unscored(m, p, window)
	d.answer.Series = append(d.answer.Series, api.DetectedSeries{
		Metric: m.name, Points: len(m.values), Anomalies: len(discords), Window: window, Threshold: threshold,
	})
	return nil
}

// shapeWindow is the stretch's length: as asked, else a season, else a
// thirtieth of the series.
func (d *detection) shapeWindow(m *metric) int {
	switch {
	case d.window > 0:
		return d.window
	case d.options.Period >= profile.MinWindow:
		return d.options.Period
	}
	if p := stl.FindPeriod(m.values); p >= profile.MinWindow && 3*p <= len(m.values) {
		return p
	}
	return min(max(len(m.values)/30, profile.MinWindow), 200)
}

// discord enters one stretch: its points are marked, and what its shape would
// be if it were like the most similar other.
func (d *detection) discord(m *metric, c profile.Discord, window int, threshold float64) {
	expected := make([]float64, window)
	c.Expected(expected, m.values)
	worst, farthest := 0, -1.0
	for k := range window {
		i := m.index[c.Start+k]
		d.answer.IsAnomaly[i], d.answer.Expected[i] = true, expected[k]
		if far := math.Abs(m.values[c.Start+k]/2 - expected[k]/2); far > farthest {
			worst, farthest = k, far
		}
	}
	neighbor := m.index[c.Neighbor]
	d.answer.Anomalies = append(d.answer.Anomalies, api.PointAnomaly{
		Index: m.index[c.Start+worst], Metric: m.name, Value: m.values[c.Start+worst], Timestamp: m.stamp(c.Start + worst),
		Expected: expected[worst], Score: min(c.Score, 1e6), Severity: pointSeverity(c.Score / threshold),
		Start: &m.index[c.Start], Length: window, Like: &neighbor,
	})
}

// unscored names the points that lie in no stretch without a gap.
func (d *detection) unscored(m *metric, p *profile.Profile, window int) {
	covered := -1
	for k := range m.values {
		if k < len(p.Distance) && !math.IsNaN(p.Distance[k]) {
			covered = k + window - 1
		}
		if k > covered {
			d.answer.NotScored = append(d.answer.NotScored, m.index[k])
		}
	}
}
