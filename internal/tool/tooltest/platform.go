// Package tooltest is a small platform for tests: it answers the routes the
// tools call with real, if simple, computations.
package tooltest

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"sort"
	"strings"
	"sync"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/ml/calc"
	"github.com/omni-run/omni/internal/service"
)

// Platform answers tools' calls. It is safe for concurrent use.
type Platform struct {
	// Before, when set, is asked first; a non-nil error is the answer.
	Before func(ctx context.Context, call *service.Call, path string, body map[string]any) error

	mu    sync.Mutex
	calls []string
}

// Calls returns the paths called so far, as tenant and path.
func (p *Platform) Calls() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string{}, p.calls...)
}

// Invoke implements tool.Invoker.
func (p *Platform) Invoke(ctx context.Context, call *service.Call, _, path string, body any) (json.RawMessage, error) {
	p.mu.Lock()
	p.calls = append(p.calls, call.Tenant+" "+path)
	p.mu.Unlock()
	raw, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("writing the body of %s: %w", path, err)
	}
	var given map[string]any
	if err := json.Unmarshal(raw, &given); err != nil {
		return nil, err
	}
	if p.Before != nil {
		if err := p.Before(ctx, call, path, given); err != nil {
			return nil, err
		}
	}
	answer, err := answer(path, given)
	if err != nil {
		return nil, err
	}
	answer["status"], answer["request_id"], answer["warnings"] = "success", call.RequestID, []any{}
	return json.Marshal(answer)
}

func answer(path string, body map[string]any) (map[string]any, error) {
	switch path {
	case "/predict/revenue-lstm":
		return forecast(body)
	case "/predict/revenue":
		return revenue(body)
	case "/anomaly/detect":
		return anomalies(body)
	case "/anomaly/isolation-forest":
		return outliers(body)
	case "/sentiment/analyze":
		return sentiment(body)
	case "/predict/churn":
		return churn(body)
	case "/recommend/products":
		return map[string]any{"recommendations": []any{}, "model": "none"}, nil
	case "/swarm/coordinate":
		return schedule(body)
	case "/vectors/query":
		return map[string]any{"results": []any{map[string]any{"id": "q1", "score": 0.9}}}, nil
	}
	return nil, api.NotFound("unknown_path", "no such path")
}

func numbers(v any) []float64 {
	list, _ := v.([]any)
	out := make([]float64, len(list))
	for i, item := range list {
		x, ok := item.(float64)
		if !ok {
			x = math.NaN()
		}
		out[i] = x
	}
	return out
}

// line is the least-squares line through the values: level at 0 and slope.
func line(x []float64) (level, slope float64) {
	n := float64(len(x))
	var st, sx, stt, stx float64
	for i, v := range x {
		t := float64(i)
		st, sx, stt, stx = st+t, sx+v, stt+t*t, stx+t*v
	}
	if d := n*stt - st*st; d != 0 {
		slope = (n*stx - st*sx) / d
	}
	return (sx - slope*st) / n, slope
}

func forecast(body map[string]any) (map[string]any, error) {
	x := numbers(body["time_series"])
	if len(x) < 4 {
		return nil, api.Unprocessable("too_few_points", "time_series has %d points; 4 are needed", len(x)).At("time_series", "too short")
	}
	level, slope := line(x)
	out := []any{}
	for i := range int(body["forecast_steps"].(float64)) {
		out = append(out, level+slope*float64(len(x)+i))
	}
	return map[string]any{"forecast": out, "model": "line", "backtest": map[string]any{"mase": 0.8}}, nil
}

func revenue(body map[string]any) (map[string]any, error) {
	rows, _ := body["historical_data"].([]any)
	x := []any{}
	for _, r := range rows {
		x = append(x, r.(map[string]any)["revenue"])
	}
	f, err := forecast(map[string]any{"time_series": x, "forecast_steps": body["forecast_days"]})
	if err != nil {
		return nil, err
	}
	predictions, total := []any{}, 0.0
	for i, v := range f["forecast"].([]any) {
		predictions = append(predictions, map[string]any{"date": fmt.Sprintf("day %d", i+1), "predicted_revenue": v})
		total += v.(float64)
	}
	return map[string]any{"predictions": predictions, "total_predicted": total}, nil
}

// anomalies flags what is further from the line than four robust deviations.
func anomalies(body map[string]any) (map[string]any, error) {
	x := numbers(body["series"])
	if len(x) < 5 {
		return nil, api.Unprocessable("too_few_points", "series has %d points; 5 are needed", len(x)).At("series", "too short")
	}
	half := x[:max(2, len(x)*4/5)]
	level, slope := line(half)
	off := make([]float64, len(x))
	for i, v := range x {
		off[i] = math.Abs(v - level - slope*float64(i))
	}
	limit := 4*1.4826*calc.Median(off[:len(half)]) + 1e-9*math.Abs(level)
	found := []any{}
	for i, v := range x {
		if off[i] > limit {
			found = append(found, map[string]any{"index": i, "value": v, "expected": level + slope*float64(i), "score": off[i] / limit, "severity": "high"})
		}
	}
	return map[string]any{"anomalies": found, "count": len(found)}, nil
}

// outliers flags the rows furthest from the median, a tenth of them.
func outliers(body map[string]any) (map[string]any, error) {
	rows, _ := body["data"].([]any)
	column := map[string][]float64{}
	for _, r := range rows {
		for k, v := range r.(map[string]any) {
			column[k] = append(column[k], v.(float64))
		}
	}
	type far struct {
		index int
		score float64
	}
	all := make([]far, len(rows))
	for i, r := range rows {
		all[i].index = i
		for k, v := range r.(map[string]any) {
			all[i].score = max(all[i].score, math.Abs(v.(float64)-calc.Median(column[k]))/(1e-9+calc.Deviation(column[k])))
		}
	}
	sort.SliceStable(all, func(a, b int) bool { return all[a].score > all[b].score })
	found := []any{}
	for _, f := range all[:max(1, len(all)/10)] {
		found = append(found, map[string]any{"index": f.index, "data": rows[f.index], "anomaly_score": f.score})
	}
	return map[string]any{"anomalies": found, "n_samples": len(rows), "n_anomalies": len(found)}, nil
}

func sentiment(body map[string]any) (map[string]any, error) {
	results := []any{}
	for _, t := range body["texts"].([]any) {
		text, polarity := t.(string), 0.0
		for _, w := range strings.Fields(strings.ToLower(text)) {
			switch strings.Trim(w, ".,!?") {
			case "love", "great", "good", "excellent", "happy":
				polarity += 0.6
			case "hate", "terrible", "bad", "awful", "angry":
				polarity -= 0.6
			}
		}
		label := "neutral"
		if polarity > 0 {
			label = "positive"
		} else if polarity < 0 {
			label = "negative"
		}
		results = append(results, map[string]any{"text": text, "sentiment": label, "polarity": max(-1, min(1, polarity)), "score": math.Abs(polarity)})
	}
	return map[string]any{"results": results}, nil
}

func churn(body map[string]any) (map[string]any, error) {
	features, _ := body["context"].(map[string]any)
	idle, _ := features["days_since_last_login"].(float64)
	p := 1 / (1 + math.Exp(2-idle/15))
	level := "low"
	if p > 0.5 {
		level = "high"
	}
	return map[string]any{"churn_probability": p, "risk_level": level, "drivers": []any{map[string]any{"feature": "days_since_last_login", "contribution": idle / 15}}}, nil
}

// schedule is list scheduling in the order given, after dependencies.
func schedule(body map[string]any) (map[string]any, error) {
	inner := body["context"].(map[string]any)
	var workers []string
	switch w := inner["workers"].(type) {
	case float64:
		for i := range int(w) {
			workers = append(workers, fmt.Sprint("w", i+1))
		}
	case []any:
		for _, o := range w {
			workers = append(workers, fmt.Sprint(o.(map[string]any)["id"]))
		}
	}
	free, end := map[string]float64{}, map[string]float64{}
	out, total, makespan := []any{}, 0.0, 0.0
	for _, t := range inner["tasks"].([]any) {
		task := t.(map[string]any)
		start, duration := 0.0, 1.0
		if d, ok := task["duration"].(float64); ok {
			duration = d
		}
		before, _ := task["depends_on"].([]any)
		for _, b := range before {
			start = max(start, end[fmt.Sprint(b)])
		}
		best := workers[0]
		for _, w := range workers {
			if free[w] < free[best] {
				best = w
			}
		}
		start = max(start, free[best])
		free[best] = start + duration
		end[fmt.Sprint(task["id"])] = free[best]
		makespan, total = max(makespan, free[best]), total+duration
		out = append(out, map[string]any{"task": task["id"], "worker": best, "start": start, "end": free[best]})
	}
	return map[string]any{"assignments": out, "makespan": makespan, "lower_bound": total / float64(len(workers)), "workers": []any{}}, nil
}
