package agents

import (
	"fmt"
	"math"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/tool/catalog"
)

// Limits of one observation.
const (
	maxDepth   = 16
	maxNodes   = 200_000
	maxMetrics = 500
	maxText    = 20_000
	maxKey     = 256
	maxPoints  = catalog.MaxPoints
)

// observation is what was found in a JSON value: metrics by their path.
type observation struct {
	scalars    map[string]float64
	series     map[string][]float64
	texts      map[string]string
	thresholds map[string]float64
	raw        map[string]any
	nodes      int
}

// read finds the metrics and texts of an observation at any depth.
func read(raw map[string]any) (*observation, error) {
	o := &observation{scalars: map[string]float64{}, series: map[string][]float64{}, texts: map[string]string{}, thresholds: map[string]float64{}, raw: raw}
	if err := o.walk("", raw, 0); err != nil {
		return nil, err
	}
	if n := len(o.scalars) + len(o.series); n > maxMetrics {
		return nil, api.Unprocessable("too_many_metrics", "observation holds %d metrics; at most %d are taken", n, maxMetrics).At("observation", "has %d metrics", n)
	}
	return o, nil
}

func at(path string) string {
	if path == "" {
		return "observation"
	}
	return "observation." + path
}

func (o *observation) walk(path string, v any, depth int) error {
	o.nodes++
	if depth > maxDepth {
		return api.Unprocessable("observation_too_deep", "observation is nested more than %d deep", maxDepth).At(cutText(at(path), 200), "nested too deep")
	}
	if o.nodes > maxNodes {
		return api.Unprocessable("observation_too_large", "observation holds more than %d values", maxNodes).At("observation", "too large")
	}
	switch x := v.(type) {
	case map[string]any:
		names := make([]string, 0, len(x))
		for name := range x {
			names = append(names, name)
		}
		sort.Strings(names)
		for _, name := range names {
			if len(name) > maxKey {
				return api.Unprocessable("key_too_long", "a key of the observation has %d bytes; at most %d are taken", len(name), maxKey).At(cutText(at(path), 200), "a key is too long")
			}
			full := name
			if path != "" {
				full = path + "." + name
			}
			if err := o.walk(full, x[name], depth+1); err != nil {
				return err
			}
		}
	case float64:
		o.number(path, x)
	case string:
		return o.text(path, x)
	case []any:
		return o.list(path, x, depth)
	}
	return nil
}

func (o *observation) number(path string, x float64) {
	parent, last := split(path)
	switch {
	case parent == "thresholds" || parent == "limits" || strings.HasSuffix(parent, ".thresholds"):
		o.thresholds[last] = x
	case last == "threshold" || last == "limit":
		o.thresholds[parent] = x
	case strings.HasSuffix(last, "_threshold"):
		o.thresholds[strings.TrimSuffix(path, "_threshold")] = x
	default:
		o.scalars[path] = x
	}
}

func split(path string) (parent, last string) {
	if i := strings.LastIndexByte(path, '.'); i >= 0 {
		return path[:i], path[i+1:]
	}
	return "", path
}

func (o *observation) text(path, x string) error {
	if n := utf8.RuneCountInString(x); n > maxText {
		return api.Unprocessable("text_too_long", "%s has %d characters; at most %d are taken", cutText(at(path), 200), n, maxText).At(cutText(at(path), 200), "too long")
	}
	if number, found := strings.CutSuffix(strings.TrimSpace(x), "%"); found {
		if v, err := strconv.ParseFloat(number, 64); err == nil && !math.IsNaN(v) && !math.IsInf(v, 0) {
			o.number(path, v)
			return nil
		}
	}
	if strings.TrimSpace(x) != "" {
		o.texts[path] = x
	}
	return nil
}

// list takes a list of numbers as a series, a list of {metric, value} as series
// by metric, and any other list entry by entry.
func (o *observation) list(path string, list []any, depth int) error {
	if x, err := catalog.Floats(list); err == nil && len(list) > 0 {
		if len(x) > maxPoints {
			return api.Unprocessable("series_too_long", "%s has %d values; at most %d are taken", at(path), len(x), maxPoints).At(at(path), "too long")
		}
		o.nodes += len(x)
		if len(catalog.Known(x)) > 0 {
			o.series[path] = x
		}
		return nil
	}
	points := catalog.Objects(list)
	if len(points) == len(list) && len(points) > 1 {
		if named := byMetric(points); named != nil {
			for name, x := range named {
				full := name
				if parent, _ := split(path); parent != "" {
					full = parent + "." + name
				}
				o.series[full] = x
			}
			return nil
		}
	}
	for i, item := range list {
		if err := o.walk(path+"."+strconv.Itoa(i), item, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// byMetric groups points of {metric or name, value}; nil when they are not that.
func byMetric(points []map[string]any) map[string][]float64 {
	out := map[string][]float64{}
	for _, p := range points {
		name, ok := p["metric"].(string)
		if !ok {
			name, ok = p["name"].(string)
		}
		v, isNumber := p["value"].(float64)
		if !ok || !isNumber || len(name) > maxKey {
			return nil
		}
		out[name] = append(out[name], v)
	}
	return out
}

// subject names what the observation is about.
func (o *observation) subject() string {
	for _, key := range []string{"service", "component", "host", "system", "app", "application", "name"} {
		for _, path := range names(o.texts) {
			if _, last := split(path); last == key {
				return cutText(o.texts[path], 120)
			}
		}
	}
	return ""
}

// threshold returns the limit given for a metric.
func (o *observation) threshold(path string) (float64, bool) {
	_, last := split(path)
	for _, k := range []string{path, last} {
		if v, ok := o.thresholds[k]; ok {
			return v, true
		}
	}
	if v, ok := o.thresholds[""]; ok && len(o.series)+len(o.scalars) == 1 {
		return v, true
	}
	return 0, false
}

func names[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	sort.Strings(out)
	return out
}

func show(x float64) string { return fmt.Sprintf("%.4g", x) }
