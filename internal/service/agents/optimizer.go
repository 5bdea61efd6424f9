package agents

import (
	"context"
	"fmt"
	"math"
	"regexp"
	"sort"
	"strings"

	"github.com/omni-run/omni/internal/tool/catalog"
)

// component is what the USE method (Gregg, 2013) looks at for one resource:
// utilisation, saturation, errors; and the quantities of Little's law (1961).
type component struct {
	name                  string
	utilization           float64 // busiest resource, 0 to 1
	resource              string
	queue, arrival, time  float64
	errors                float64
	hasU, hasQ, hasA      bool
	hasT                  bool
	score                 float64
	littleGap, implied    float64
	hasImplied, hasLittle bool
}

var (
	isUtilization = regexp.MustCompile(`(?i)util|cpu|memory|mem\b|mem_|disk|busy|usage|load_pct|saturation`)
	isQueue       = regexp.MustCompile(`(?i)queue|backlog|pending|waiting|in_flight|inflight|concurren`)
	isArrival     = regexp.MustCompile(`(?i)arrival|throughput|rps|qps|requests_per|rate_per|req_s|ops`)
	isTime        = regexp.MustCompile(`(?i)latency|service_time|response_time|duration|wait_time|time_ms|p50|p95|p99`)
	isErrors      = regexp.MustCompile(`(?i)error|fail|reject|drop`)
	isMillis      = regexp.MustCompile(`(?i)ms\b|_ms|millis`)
)

func (l *look) optimize(ctx context.Context) error {
	l.scheduleTasks(ctx)
	all := l.resources()
	if len(all) == 0 {
		return nil
	}
	sort.SliceStable(all, func(i, j int) bool { return all[i].score > all[j].score })
	top := all[0]
	if top.score < 0.2 {
		l.kind = "no_bottleneck"
		l.text = fmt.Sprintf("No component is near saturation; the busiest is %s.", label(top.name))
		l.proves("utilisation", l.text, 0.5*(1-top.score))
	} else {
		l.kind = "bottleneck"
		l.text = fmt.Sprintf("%s is the bottleneck", label(top.name))
		if top.hasU {
			l.text += fmt.Sprintf(": %s is at %s%%", top.resource, show(100*top.utilization))
			l.proves(top.resource, fmt.Sprintf("utilisation %s%%", show(100*top.utilization)), 0.8*top.utilization)
		}
		if top.hasQ {
			l.proves(label(top.name)+" queue", fmt.Sprintf("%s waiting", show(top.queue)), 0.5*(1-1/(1+math.Max(0, top.queue)/10)))
		}
		if len(all) > 1 {
			l.proves("comparison", fmt.Sprintf("the next, %s, scores %s against %s", label(all[1].name), show(all[1].score), show(top.score)), 0.5*(top.score-all[1].score)/top.score)
		}
		l.text += "."
	}
	ranking := []any{}
	for _, c := range all[:min(len(all), 20)] {
		ranking = append(ranking, c.describe())
	}
	l.did("rank_components", map[string]any{"components": ranking})
	l.whatIf(top)
	return nil
}

func label(name string) string {
	if name == "" {
		return "the system"
	}
	return name
}

// resources groups the metrics by the object they stand in. A series counts
// by the mean of its last quarter.
func (l *look) resources() []component {
	values := map[string]float64{}
	for path, v := range l.seen.scalars {
		if !strings.HasPrefix(path, "tasks.") && !strings.HasPrefix(path, "workers") {
			values[path] = bounded(v)
		}
	}
	for path, x := range l.seen.series {
		known := catalog.Known(x)
		tail := known[len(known)-max(1, len(known)/4):]
		sum := 0.0
		for _, v := range tail {
			sum += v / float64(len(tail))
		}
		values[path] = bounded(sum)
	}
	groups := map[string]*component{}
	for _, path := range names(values) {
		parent, last := split(path)
		c := groups[parent]
		if c == nil {
			c = &component{name: parent}
		}
		if c.take(path, last, values[path]) {
			groups[parent] = c
		}
	}
	var out []component
	for _, name := range names(groups) {
		c := groups[name]
		c.little()
		c.rate()
		out = append(out, *c)
	}
	return out
}

// bounded keeps products of two metrics finite.
func bounded(v float64) float64 { return max(-1e150, min(1e150, v)) }

// take files a metric and reports whether it was one of use.
func (c *component) take(path, last string, v float64) bool {
	switch {
	case isErrors.MatchString(last):
		c.errors = max(c.errors, v)
	case isQueue.MatchString(last):
		c.queue, c.hasQ = v, true
	case isArrival.MatchString(last):
		c.arrival, c.hasA = v, true
	case isTime.MatchString(last):
		if isMillis.MatchString(last) {
			v /= 1000
		}
		c.time, c.hasT = v, true
	case isUtilization.MatchString(last):
		if v > 1 {
			v /= 100
		}
		if v < 0 || v > 1.5 {
			return false // bytes or a count, not a share
		}
		if v = min(v, 1); !c.hasU || v > c.utilization {
			c.utilization, c.hasU, c.resource = v, true, path
		}
	default:
		return false
	}
	return true
}

// little applies L = λW: the third quantity from the other two, or, with all
// three, how far the stated queue is from the one implied.
func (c *component) little() {
	if c.hasA && c.hasT {
		c.implied, c.hasImplied = c.arrival*c.time, true
		if c.hasQ && c.implied > 0 && !math.IsInf(c.queue/c.implied, 0) {
			c.littleGap, c.hasLittle = c.queue/c.implied, true
		}
	}
}

// rate scores how likely the component holds the others up: its utilisation
// beyond half, its queue, its errors, joined as independent signs.
func (c *component) rate() {
	open := 1.0
	if c.hasU {
		open *= 1 - c.utilization*c.utilization
	}
	if c.hasQ {
		open *= 1 - 0.7*(1-1/(1+max(0, c.queue)/20))
	}
	if c.hasT {
		open *= 1 - 0.3*(1-1/(1+max(0, c.time)))
	}
	if c.errors > 0 {
		open *= 0.9
	}
	c.score = 1 - open
}

func (c *component) describe() map[string]any {
	out := map[string]any{"component": label(c.name), "score": c.score}
	if c.hasU {
		out["utilization"], out["resource"] = c.utilization, c.resource
	}
	if c.hasQ {
		out["queue"] = c.queue
	}
	if c.hasImplied {
		out["in_system_by_littles_law"] = c.implied
	}
	if c.hasLittle {
		out["queue_over_littles_law"] = c.littleGap
	}
	if c.errors > 0 {
		out["errors"] = c.errors
	}
	return out
}

// whatIf estimates the effect of doubling the bottleneck's capacity as an M/M/1
// queue (Kleinrock, 1975): the time in the system is s/(1-ρ).
func (l *look) whatIf(c component) {
	if !c.hasU || c.utilization >= 1 {
		l.skip("what_if", "needs the utilisation of the busiest component, below 100 %")
		return
	}
	now, then := 1/(1-c.utilization), 0.5/(1-c.utilization/2)
	l.did("what_if", map[string]any{
		"change": "twice the capacity of " + label(c.name), "model": "M/M/1", "utilization": c.utilization, "utilization_after": c.utilization / 2,
		"time_in_system_ratio": then / now, "headroom_before": 1 - c.utilization, "headroom_after": 1 - c.utilization/2,
	})
}

// scheduleTasks hands tasks, if the observation brings them, to the scheduler.
func (l *look) scheduleTasks(ctx context.Context) {
	tasks, ok := l.seen.raw["tasks"].([]any)
	workers := l.seen.raw["workers"]
	if !ok || len(tasks) == 0 || workers == nil {
		return
	}
	result := l.use(ctx, "schedule_tasks", catalog.Schedule, map[string]any{"tasks": tasks, "workers": workers, "seed": 0.0}, func(r map[string]any) map[string]any {
		return map[string]any{"assignments": first(catalog.Objects(r["assignments"]), 200), "makespan": r["makespan"], "lower_bound": r["lower_bound"]}
	})
	makespan, _ := result["makespan"].(float64)
	bound, _ := result["lower_bound"].(float64)
	if makespan > 0 {
		l.kind = "schedule"
		l.text = fmt.Sprintf("The tasks take %s; no schedule can take less than %s.", show(makespan), show(bound))
		l.proves("schedule", l.text, bound/makespan)
	}
}
