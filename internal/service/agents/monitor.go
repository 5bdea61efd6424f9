package agents

import (
	"context"
	"fmt"
	"math"

	"github.com/omni-run/omni/internal/tool/catalog"
)

// ahead is how far a monitor forecasts towards a threshold.
const ahead = 30

// monitor compares single values with their learned baselines, runs series
// through the anomaly detector, and forecasts when a threshold is crossed.
func (l *look) monitor(ctx context.Context) error {
	var odd, breaches []string
	checked := l.checkScalars(&odd, &breaches)
	for i, path := range names(l.seen.series) {
		x := l.seen.series[path]
		if i >= mostSeries {
			l.skip("detect_anomalies", fmt.Sprintf("%d series were looked at; %d more were not", mostSeries, len(l.seen.series)-mostSeries))
			break
		}
		if len(catalog.Known(x)) < 5 {
			l.skip("detect_anomalies", path+" has fewer than five values")
			continue
		}
		result := l.use(ctx, "detect_anomalies", catalog.DetectAnomalies, map[string]any{"series": x}, func(r map[string]any) map[string]any {
			return map[string]any{"metric": path, "anomalies": first(catalog.Objects(r["anomalies"]), 20), "count": float64(len(catalog.Objects(r["anomalies"])))}
		})
		if result != nil {
			checked += len(catalog.Known(x))
			places := indexes(result)
			if len(places) == 0 {
				places = lateShift(x)
			}
			if b, ok := burstOf(path, x, places); ok {
				odd = append(odd, path)
				l.proves(path, fmt.Sprintf("%d of %d points are anomalous, the furthest %s where %s is usual", b.count, len(x), show(b.peak), show(b.usual)),
					0.8*(1-1/(1+math.Abs(b.peak-b.usual)/max(math.Abs(b.usual), 1e-12))))
			}
		}
		if limit, ok := l.seen.threshold(path); ok {
			if text := l.breach(ctx, path, x, limit); text != "" {
				breaches = append(breaches, text)
			}
		}
	}
	switch {
	case len(odd) > 0:
		l.kind = "anomaly"
		l.text = "Out of line: " + sentence(append(odd, breaches...))
	case len(breaches) > 0:
		l.kind = "threshold_breach"
		l.text = sentence(breaches)
	case checked > 0:
		l.kind = "normal"
		l.text = fmt.Sprintf("%d values were checked; none is out of line.", checked)
		l.proves("checks", l.text, float64(checked)/float64(checked+10))
	}
	return nil
}

func first(list []map[string]any, n int) []any {
	out := []any{}
	for _, item := range list[:min(len(list), n)] {
		out = append(out, item)
	}
	return out
}

// checkScalars judges single values against their baselines and thresholds.
func (l *look) checkScalars(odd, breaches *[]string) (checked int) {
	for _, path := range names(l.seen.scalars) {
		v := l.seen.scalars[path]
		if limit, ok := l.seen.threshold(path); ok && v >= limit {
			*breaches = append(*breaches, path+" is at or above its threshold")
			l.proves(path, fmt.Sprintf("%s has reached its threshold %s", show(v), show(limit)), 0.9)
			l.did("check_threshold", map[string]any{"metric": path, "value": v, "threshold": limit, "breached": true})
		}
		b := l.learned[path]
		if b == nil || b.N < enough {
			l.skip("check_baseline", fmt.Sprintf("%s has no baseline of %d values yet", path, enough))
			continue
		}
		checked++
		z := math.Min(1e6, math.Abs(v-b.Mean)/b.scale())
		l.did("check_baseline", map[string]any{"metric": path, "value": v, "mean": b.Mean, "deviation": b.deviation(), "z": z, "p05": b.Quantiles[0].value(), "p95": b.Quantiles[2].value()})
		if z > 3 {
			*odd = append(*odd, path)
			// Chebyshev bounds the chance of being so far off at 1/z².
			l.proves(path, fmt.Sprintf("%s is %s deviations from its mean %s over %d values", show(v), show(z), show(b.Mean), b.N), 1-1/(z*z))
		}
	}
	return checked
}

// breach forecasts the series and tells when it crosses the limit.
func (l *look) breach(ctx context.Context, path string, x []float64, limit float64) string {
	known := catalog.Known(x)
	if last := known[len(known)-1]; last >= limit {
		l.did("forecast_breach", map[string]any{"metric": path, "threshold": limit, "breached": true, "steps": 0.0})
		l.proves(path, fmt.Sprintf("the last value %s has reached the threshold %s", show(last), show(limit)), 0.9)
		return path + " is at or above its threshold"
	}
	when := -1
	result := l.use(ctx, "forecast_breach", catalog.Forecast, map[string]any{"time_series": x, "forecast_steps": float64(ahead)}, func(r map[string]any) map[string]any {
		values, err := catalog.Floats(r["forecast"])
		if err == nil {
			for i, v := range values {
				if v >= limit {
					when = i + 1
					break
				}
			}
		}
		out := map[string]any{"metric": path, "threshold": limit, "breached": false, "horizon": float64(ahead)}
		if when > 0 {
			out["steps"] = float64(when)
		}
		return out
	})
	if result == nil || when < 0 {
		return ""
	}
	// The nearer the crossing, the surer: a forecast fades with its horizon.
	l.proves(path, fmt.Sprintf("the forecast reaches %s in %d steps", show(limit), when), 0.7*(1-float64(when)/(2*ahead)))
	return fmt.Sprintf("%s is forecast to reach %s in %d steps", path, show(limit), when)
}
