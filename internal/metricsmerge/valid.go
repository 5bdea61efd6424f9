package metricsmerge

import (
	"math"
	"unicode/utf8"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/model"
)

// valid reports whether a metric can stand in an exposition as it is.
func (m *merger) valid(kind dto.MetricType, metric *dto.Metric) bool {
	if len(metric.Label) > maxLabels {
		return false
	}
	seen := make(map[string]bool, len(metric.Label))
	for _, l := range metric.Label {
		name, value := l.GetName(), l.GetValue()
		if seen[name] || name == labelExported || !model.LegacyValidation.IsValidLabelName(name) {
			return false
		}
		if len(value) > m.limits.LabelBytes || !utf8.ValidString(value) {
			return false
		}
		seen[name] = true
	}
	switch kind {
	case dto.MetricType_COUNTER:
		return metric.Counter != nil && !(metric.Counter.GetValue() < 0)
	case dto.MetricType_GAUGE:
		return metric.Gauge != nil
	case dto.MetricType_UNTYPED:
		return metric.Untyped != nil
	case dto.MetricType_SUMMARY:
		return metric.Summary != nil && !seen[model.QuantileLabel] && validQuantiles(metric.Summary)
	case dto.MetricType_HISTOGRAM:
		return metric.Histogram != nil && !seen[model.BucketLabel] && validBuckets(metric.Histogram)
	}
	return false
}

// validBuckets wants rising bounds and counts that never fall.
func validBuckets(h *dto.Histogram) bool {
	bound, count := math.Inf(-1), uint64(0)
	for i, b := range h.Bucket {
		upper := b.GetUpperBound()
		if math.IsNaN(upper) || i > 0 && upper <= bound || b.GetCumulativeCount() < count {
			return false
		}
		bound, count = upper, b.GetCumulativeCount()
	}
	return count <= h.GetSampleCount()
}

func validQuantiles(s *dto.Summary) bool {
	last := math.Inf(-1)
	for i, q := range s.Quantile {
		if v := q.GetQuantile(); !(v >= 0 && v <= 1) || i > 0 && v <= last {
			return false
		}
		last = q.GetQuantile()
	}
	return true
}
