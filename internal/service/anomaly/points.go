package anomaly

import (
	"fmt"
	"math"
	"time"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/ml/detect"
)

// metric is the points of one metric in the caller's order.
type metric struct {
	name   string
	index  []int // of each point in the request
	values []float64
	stamps []string    // nil without timestamps
	times  []time.Time // nil without timestamps
}

func (m *metric) stamp(k int) string {
	if m.stamps == nil {
		return ""
	}
	return m.stamps[k]
}

// known returns how many points have a value.
func (m *metric) known() int {
	n := 0
	for _, v := range m.values {
		if !math.IsNaN(v) {
			n++
		}
	}
	return n
}

// readMetrics sorts the request's points by metric and checks them.
func (s *Service) readMetrics(req *api.DetectRequest) ([]*metric, *api.Error) {
	if (len(req.Metrics) > 0) == (len(req.Series) > 0) {
		return nil, api.Unprocessable("no_points", "send either metrics or series, with at least %d points", detect.MinPoints).
			At("metrics", "has %d points", len(req.Metrics)).At("series", "has %d points", len(req.Series))
	}
	if n := len(req.Metrics) + len(req.Series); n > s.limits.Points {
		field := "metrics"
		if len(req.Series) > 0 {
			field = "series"
		}
		return nil, api.Unprocessable("too_many_points", "%s has %d points; the limit is %d", field, n, s.limits.Points).At(field, "has %d points", n)
	}
	if len(req.Series) > 0 {
		return readSeries(req)
	}
	if len(req.Timestamps) > 0 {
		return nil, api.Unprocessable("timestamps_without_series", "timestamps belong to series; points of metrics bear their own").At("timestamps", "no series is given")
	}
	var out []*metric
	byName := map[string]*metric{}
	for i, p := range req.Metrics {
		m := byName[p.Metric]
		if m == nil {
			if len(p.Metric) > maxName {
				return nil, api.Unprocessable("bad_metric_name", "metrics[%d].metric is longer than %d bytes", i, maxName).At(fmt.Sprintf("metrics[%d].metric", i), "has %d bytes", len(p.Metric))
			}
			if len(out) == s.limits.Metrics {
				return nil, api.Unprocessable("too_many_metrics", "the request has more than %d metrics", s.limits.Metrics).At(fmt.Sprintf("metrics[%d].metric", i), "is one too many")
			}
			m = &metric{name: p.Metric}
			byName[p.Metric] = m
			out = append(out, m)
		}
		value := math.NaN()
		if p.Value != nil {
			value = *p.Value
		}
		if (p.Timestamp == "") != (m.stamps == nil) && len(m.index) > 0 {
			return nil, api.Unprocessable("missing_timestamp", "some points of metric %q have a timestamp and some have none", p.Metric).
				At(fmt.Sprintf("metrics[%d].timestamp", i), "differs from metrics[%d]", m.index[0])
		}
		if p.Timestamp != "" {
			if err := m.addTime(p.Timestamp, fmt.Sprintf("metrics[%d].timestamp", i)); err != nil {
				return nil, err
			}
		}
		m.index, m.values = append(m.index, i), append(m.values, value)
	}
	return out, nil
}

func readSeries(req *api.DetectRequest) ([]*metric, *api.Error) {
	m := &metric{values: req.Series, index: make([]int, len(req.Series))}
	for i := range m.index {
		m.index[i] = i
	}
	if n := len(req.Timestamps); n > 0 && n != len(req.Series) {
		return nil, api.Unprocessable("timestamps_length", "series has %d points and timestamps %d; send as many", len(req.Series), n).At("timestamps", "has %d entries", n)
	}
	for i, stamp := range req.Timestamps {
		if err := m.addTime(stamp, fmt.Sprintf("timestamps[%d]", i)); err != nil {
			return nil, err
		}
	}
	return []*metric{m}, nil
}

// addTime appends a timestamp, which must be later than the last one.
func (m *metric) addTime(stamp, field string) *api.Error {
	at, ok := parseTime(stamp)
	if !ok {
		return api.Unprocessable("bad_timestamp", "%s is %.64q; it must be an RFC 3339 time such as 2025-11-01T08:00:00Z, or a date", field, stamp).At(field, "is not a time")
	}
	if k := len(m.times); k > 0 && !at.After(m.times[k-1]) {
		if at.Equal(m.times[k-1]) {
			return api.Unprocessable("duplicate_timestamp", "%s repeats the time before it%s", field, m.of()).At(field, "is a duplicate")
		}
		return api.Unprocessable("unsorted_timestamps", "%s is before the time preceding it%s; sort the points by time", field, m.of()).At(field, "is out of order")
	}
	m.times, m.stamps = append(m.times, at), append(m.stamps, stamp)
	return nil
}

func (m *metric) of() string {
	if m.name == "" {
		return ""
	}
	return fmt.Sprintf(" of metric %q", m.name)
}

func parseTime(s string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999", "2006-01-02T15:04", "2006-01-02 15:04", time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}
