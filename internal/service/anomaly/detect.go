package anomaly

import (
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/ml/detect"
	"github.com/omni-run/omni/internal/service"
)

// Modes of /anomaly/detect.
const (
	modeEntire      = "entire"
	modeLast        = "last"
	modeChangepoint = "changepoint"
	modeShape       = "shape"
)

func (s *Service) detect(ctx context.Context, call *service.Call, req *api.DetectRequest) (*api.DetectAnswer, error) {
	o, mode, bad := detectOptions(req)
	if bad != nil {
		return nil, bad
	}
	metrics, bad := s.readMetrics(req)
	if bad != nil {
		return nil, bad
	}
	if bad := s.checkShape(req, mode); bad != nil {
		return nil, bad
	}
	d := &detection{call: call, limits: s.limits, mode: mode, options: o, answer: blankAnswer(len(req.Metrics) + len(req.Series))}
	if req.Window != nil {
		d.window = *req.Window
	}
	d.answer.Sensitivity, d.answer.Mode = o.Sensitivity, mode
	usable := 0
	for _, m := range metrics {
		need := d.need()
		if k := m.known(); k < need {
			bad = tooFew(m, k, need, req)
			d.skip(m, k, need, len(metrics))
			continue
		}
		if p := o.Period; p > 1 && len(m.values) < 2*p {
			return nil, api.Unprocessable("period_too_long", "period is %d, but the series%s has only %d points; a season must occur twice", p, m.of(), len(m.values)).At("period", "is %d", p)
		}
		usable++
		if err := d.run(ctx, m); err != nil {
			return nil, err
		}
	}
	if usable == 0 {
		return nil, bad
	}
	slices.SortFunc(d.answer.Anomalies, func(a, b api.PointAnomaly) int { return cmp.Compare(a.Index, b.Index) })
	slices.SortFunc(d.answer.ChangePoints, func(a, b api.ChangePoint) int { return cmp.Compare(a.Index, b.Index) })
	slices.Sort(d.answer.NotScored)
	d.answer.Count = len(d.answer.Anomalies)
	if len(metrics) == 1 && mode != modeShape {
		d.answer.Period = &d.answer.Series[0].Period
	}
	return d.answer, nil
}

func detectOptions(req *api.DetectRequest) (detect.Options, string, *api.Error) {
	o := detect.Options{Sensitivity: detect.DefaultSensitivity}
	if v := req.Sensitivity; v != nil {
		if o.Sensitivity = *v; !(*v >= 0 && *v <= 99) {
			return o, "", api.Unprocessable("bad_sensitivity", "sensitivity is %v; it must be between 0 and 99", *v).At("sensitivity", "is %v", *v)
		}
	}
	if p := req.Period; p != nil {
		if o.Period = *p; *p < 0 {
			return o, "", api.Unprocessable("bad_period", "period is %d; it must not be negative", *p).At("period", "is %d", *p)
		}
	}
	switch req.Mode {
	case "", modeEntire:
		return o, modeEntire, nil
	case modeLast, modeChangepoint, modeShape:
		return o, req.Mode, nil
	}
	return o, "", api.Unprocessable("bad_mode", "mode is %.32q; it must be entire, last, changepoint or shape", req.Mode).At("mode", "is unknown")
}

func blankAnswer(n int) *api.DetectAnswer {
	a := &api.DetectAnswer{
		Anomalies: []api.PointAnomaly{}, ChangePoints: []api.ChangePoint{}, NotScored: []int{}, Series: []api.DetectedSeries{},
		Expected: make(api.Values, n), Upper: make(api.Values, n), Lower: make(api.Values, n), IsAnomaly: make([]bool, n),
	}
	for i := range n {
		a.Expected[i], a.Upper[i], a.Lower[i] = math.NaN(), math.NaN(), math.NaN()
	}
	return a
}

func tooFew(m *metric, known, need int, req *api.DetectRequest) *api.Error {
	field := "metrics"
	if len(req.Series) > 0 {
		field = "series"
	}
	return api.Unprocessable("too_few_points", "the series%s has %d points with a value; at least %d are needed", m.of(), known, need).At(field, "has %d points with a value", known)
}

// detection collects the answer over the metrics of one call.
type detection struct {
	call    *service.Call
	limits  Limits
	mode    string
	window  int // of mode shape; 0 finds one
	options detect.Options
	answer  *api.DetectAnswer
}

func (d *detection) need() int {
	if d.mode == modeLast {
		return detect.MinPoints + 1
	}
	return detect.MinPoints
}

// skip notes a metric that cannot be judged beside others that can.
func (d *detection) skip(m *metric, known, need, metrics int) {
	d.answer.NotScored = append(d.answer.NotScored, m.index...)
	d.answer.Series = append(d.answer.Series, api.DetectedSeries{Metric: m.name, Points: len(m.values)})
	if metrics > 1 {
		d.call.Warn("metric %.64q was not judged: it has %d points with a value, at least %d are needed", m.name, known, need)
	}
}

// run judges one metric.
func (d *detection) run(ctx context.Context, m *metric) error {
	if d.mode == modeShape {
		return d.shape(ctx, m)
	}
	o := d.options
	if m.times != nil {
		positions, _, even := detect.Grid(m.times)
		if even {
			o.Positions = positions
		} else {
			d.call.Warn("the times%s are unevenly spaced: the points were taken as they come", m.of())
		}
	}
	judge := detect.Series
	if d.mode == modeLast {
		judge = detect.Last
	}
	r, err := judge(ctx, m.values, o)
	if err != nil {
		return err
	}
	d.points(m, r)
	d.shifts(m, r)
	summary := api.DetectedSeries{Metric: m.name, Points: len(m.values), ChangePoints: len(r.Shifts), Period: r.Period, Threshold: r.Threshold}
	for _, i := range m.index {
		if d.answer.IsAnomaly[i] {
			summary.Anomalies++
		}
	}
	d.answer.Series = append(d.answer.Series, summary)
	return nil
}

func (d *detection) points(m *metric, r *detect.Result) {
	a := d.answer
	for k, i := range m.index {
		if !r.Scored[k] {
			if d.mode != modeLast || k == len(m.index)-1 {
				a.NotScored = append(a.NotScored, i)
			}
			continue
		}
		a.Expected[i], a.Upper[i], a.Lower[i] = r.Expected[k], r.Upper[k], r.Lower[k]
		if d.mode == modeChangepoint || !r.IsAnomaly[k] {
			continue
		}
		a.IsAnomaly[i] = true
		a.Anomalies = append(a.Anomalies, api.PointAnomaly{
			Index: i, Metric: m.name, Value: m.values[k], Timestamp: m.stamp(k), Expected: r.Expected[k],
			Score: math.Abs(r.Score[k]), Severity: pointSeverity(math.Abs(r.Score[k]) / r.Threshold),
		})
	}
}

func (d *detection) shifts(m *metric, r *detect.Result) {
	a := d.answer
	for _, c := range r.Shifts {
		i := m.index[c.Index]
		a.ChangePoints = append(a.ChangePoints, api.ChangePoint{
			Index: i, Metric: m.name, Timestamp: m.stamp(c.Index), Before: c.Before, After: c.After, Confidence: c.Confidence,
		})
		if d.mode != modeChangepoint || math.IsNaN(m.values[c.Index]) {
			continue
		}
		a.IsAnomaly[i] = true
		a.Anomalies = append(a.Anomalies, api.PointAnomaly{
			Index: i, Metric: m.name, Value: m.values[c.Index], Timestamp: m.stamp(c.Index), Expected: c.Before,
			Score: c.Score, Severity: pointSeverity(c.Score / r.Threshold),
		})
	}
}

// pointSeverity names how many times over the threshold a point lies.
func pointSeverity(times float64) string {
	switch {
	case times >= 5:
		return "critical"
	case times >= 2.5:
		return "high"
	case times >= 1.5:
		return "medium"
	default:
		return "low"
	}
}
