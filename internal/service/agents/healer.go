package agents

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"sort"
	"strings"
	"time"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/ml/calc"
	"github.com/omni-run/omni/internal/state"
	"github.com/omni-run/omni/internal/tool/catalog"
)

// Weights of a healer's evidence.
const (
	weightCause    = 0.6  // a text names a cause; each further text halves what is open
	weightAnomaly  = 0.5  // a metric left its usual range, by how far
	weightEvent    = 0.2  // the event itself says that something is wrong
	weightEpisode  = 0.15 // a like episode is remembered; each further adds
	weightChange   = 0.4  // a change shortly precedes the onset
	mostSeries     = 8
	incidentBelief = 0.5
)

var (
	trouble = regexp.MustCompile(`(?i)error|fail|incident|outage|down|crash|burst|alert|degrad|exception|unavailable|slow`)
	changes = regexp.MustCompile(`(?i)deploy|release|rollout|version|config_change|change|upgrade|migration`)
	worrier = regexp.MustCompile(`(?i)error|fail|5xx|latency|duration|timeout|reject|retry|drop`)
	pieces  = regexp.MustCompile(`(?i)\b(db|database|postgres\w*|mysql|mongo\w*|sqlite|redis|cache|kafka|queue|broker|api|gateway|dns|disk|storage|s3|auth\w*|payment\w*|upstream)\b`)
)

// burst is a metric that left its usual range.
type burst struct {
	path  string
	onset int
	usual float64
	peak  float64
	count int
}

func (l *look) heal(ctx context.Context) error {
	name, found := l.diagnoseTexts()
	bursts := l.findBursts(ctx)
	for _, b := range bursts {
		times := math.Abs(b.peak-b.usual) / max(math.Abs(b.usual), 1e-12)
		l.proves(b.path, fmt.Sprintf("rose from a usual %s to %s, from index %d on", show(b.usual), show(b.peak), b.onset), weightAnomaly*(1-1/(1+times)))
	}
	if name == "" && len(bursts) == 0 {
		return nil
	}
	if name == "" {
		name = "anomalous_metrics"
	}
	l.eventEvidence()
	change := l.correlate(bursts)
	if change != "" && name == "anomalous_metrics" {
		name = "regression"
	}
	l.kind = name
	subject := l.seen.subject()
	same, last, err := l.s.recall(ctx, l.call.Tenant, l.agent.ID, name, subject)
	if err != nil {
		return err
	}
	if same > 0 {
		l.proves("memory", fmt.Sprintf("%d like episodes are remembered, the last on %s", same, last.Format(time.RFC3339)), 1-math.Pow(1-weightEpisode, float64(min(same, 5))))
	}
	l.explain(subject, found, bursts, change)
	l.did("diagnose", map[string]any{
		"cause": name, "service": subject, "components": l.components(), "metrics": burstList(bursts), "change": change, "similar_episodes": float64(same),
	})
	l.did("propose_runbook", map[string]any{"cause": name, "steps": runbook(name, change)})
	return l.openIncident(ctx, subject)
}

// diagnoseTexts finds the cause most texts speak of.
func (l *look) diagnoseTexts() (name string, found []string) {
	hits := map[string][]string{}
	for _, path := range names(l.seen.texts) {
		for _, c := range causes {
			if c.namedIn(l.seen.texts[path]) != "" {
				hits[c.name] = append(hits[c.name], path)
			}
		}
	}
	for _, c := range causes {
		if len(hits[c.name]) > len(hits[name]) {
			name = c.name
		}
	}
	for i, path := range hits[name] {
		match := ""
		for _, c := range causes {
			if c.name == name {
				match = c.namedIn(l.seen.texts[path])
			}
		}
		l.proves(path, fmt.Sprintf("%q speaks of %s", cutText(match, 60), strings.ReplaceAll(name, "_", " ")), weightCause/math.Pow(2, float64(i)))
		found = append(found, path)
	}
	return name, found
}

// findBursts runs the anomaly detector over the numeric series, those whose
// names speak of trouble first.
func (l *look) findBursts(ctx context.Context) []burst {
	paths := names(l.seen.series)
	sort.SliceStable(paths, func(i, j int) bool { return worrier.MatchString(paths[i]) && !worrier.MatchString(paths[j]) })
	var out []burst
	for i, path := range paths {
		x := l.seen.series[path]
		switch {
		case i >= mostSeries:
			l.skip("detect_anomalies", fmt.Sprintf("%d series were looked at; %d more were not", mostSeries, len(paths)-mostSeries))
			return out
		case len(catalog.Known(x)) < 5:
			l.skip("detect_anomalies", path+" has fewer than five values")
			continue
		}
		result := l.use(ctx, "detect_anomalies", catalog.DetectAnomalies, map[string]any{"series": x}, func(r map[string]any) map[string]any {
			return map[string]any{"metric": path, "count": float64(len(catalog.Objects(r["anomalies"])))}
		})
		odd := indexes(result)
		if result != nil && len(odd) == 0 {
			odd = lateShift(x)
		}
		if b, ok := burstOf(path, x, odd); ok {
			out = append(out, b)
		}
	}
	return out
}

func indexes(result map[string]any) []int {
	var out []int
	for _, a := range catalog.Objects(result["anomalies"]) {
		if i, ok := a["index"].(float64); ok {
			out = append(out, int(i))
		}
	}
	sort.Ints(out)
	return out
}

// burstOf sums the anomalies up: what was usual, the furthest point, and where
// the run that leads to the end, or else the first anomaly, began.
func burstOf(path string, x []float64, anomalous []int) (burst, bool) {
	if len(anomalous) == 0 {
		return burst{}, false
	}
	odd := map[int]bool{}
	for _, i := range anomalous {
		odd[i] = true
	}
	var usual []float64
	for i, v := range x {
		if !odd[i] && !math.IsNaN(v) {
			usual = append(usual, v)
		}
	}
	if len(usual) == 0 {
		return burst{}, false
	}
	b := burst{path: path, usual: calc.Median(usual), onset: anomalous[0], count: len(anomalous)}
	for i := len(x) - 1; i >= 0 && odd[i]; i-- {
		b.onset = i
	}
	b.peak = b.usual
	for _, i := range anomalous {
		if i < len(x) && math.Abs(x[i]-b.usual) > math.Abs(b.peak-b.usual) {
			b.peak = x[i]
		}
	}
	return b, true
}

func burstList(bursts []burst) []any {
	out := []any{}
	for _, b := range bursts {
		out = append(out, map[string]any{"metric": b.path, "onset_index": float64(b.onset), "usual": b.usual, "peak": b.peak, "anomalies": float64(b.count)})
	}
	return out
}

func (l *look) eventEvidence() {
	for _, path := range names(l.seen.texts) {
		if _, last := split(path); (last == "event" || last == "type" || last == "status" || last == "severity" || last == "alert") && trouble.MatchString(l.seen.texts[path]) {
			l.proves(path, fmt.Sprintf("the event is %q", cutText(l.seen.texts[path], 60)), weightEvent)
			return
		}
	}
}

// correlate looks for a change shortly before the onset: an index, or a time
// beside the series' timestamps.
func (l *look) correlate(bursts []burst) string {
	if len(bursts) == 0 {
		return ""
	}
	onset := bursts[0].onset
	for _, path := range names(l.seen.scalars) {
		_, last := split(path)
		index := l.seen.scalars[path]
		if changes.MatchString(last) && strings.Contains(last, "index") && float64(onset) >= index && float64(onset)-index <= 5 {
			l.proves(path, fmt.Sprintf("a change at index %s precedes the onset at %d", show(index), onset), weightChange)
			return path
		}
	}
	began, ok := l.timeOf(onset)
	if !ok {
		return ""
	}
	for _, path := range names(l.seen.texts) {
		at, err := time.Parse(time.RFC3339, l.seen.texts[path])
		if err != nil || !changes.MatchString(path) && !l.changeBeside(path) {
			continue
		}
		if gap := began.Sub(at); gap >= 0 && gap <= time.Hour {
			l.proves(path, fmt.Sprintf("a change %s before the onset", gap.Round(time.Second)), weightChange)
			return path
		}
	}
	return ""
}

// changeBeside reports whether a text in the same object as path speaks of a
// change, as in {"type": "deploy", "time": …}.
func (l *look) changeBeside(path string) bool {
	object, _ := split(path)
	for other, text := range l.seen.texts {
		if parent, _ := split(other); object != "" && parent == object && other != path && changes.MatchString(text) {
			return true
		}
	}
	return false
}

// timeOf reads the time of an index from a list called timestamps or times.
func (l *look) timeOf(index int) (time.Time, bool) {
	for _, key := range []string{"timestamps", "times"} {
		list, _ := l.seen.raw[key].([]any)
		if index < len(list) {
			text, _ := list[index].(string)
			at, err := time.Parse(time.RFC3339, text)
			return at, err == nil
		}
	}
	return time.Time{}, false
}

// components names the parts the texts mention.
func (l *look) components() []any {
	out, known := []any{}, map[string]bool{}
	for _, path := range names(l.seen.texts) {
		for _, p := range pieces.FindAllString(l.seen.texts[path], 20) {
			if p = strings.ToLower(p); !known[p] {
				known[p] = true
				out = append(out, p)
			}
		}
	}
	return out
}

func (l *look) explain(subject string, found []string, bursts []burst, change string) {
	var parts []string
	where := ""
	if subject != "" {
		where = " in " + subject
	}
	if len(found) > 0 {
		parts = append(parts, fmt.Sprintf("%s point to %s%s", strings.Join(found, ", "), strings.ReplaceAll(l.kind, "_", " "), where))
	}
	for _, b := range bursts {
		parts = append(parts, fmt.Sprintf("%s went from about %s to %s at index %d", b.path, show(b.usual), show(b.peak), b.onset))
	}
	if change != "" {
		parts = append(parts, change+" precedes it")
	}
	l.text = cutText(sentence(parts), 1_000)
}

func runbook(name, change string) []any {
	steps := runbookOfMetrics
	for _, c := range causes {
		if c.name == name {
			steps = c.steps
		}
	}
	out := []any{}
	if change != "" {
		out = append(out, "Roll back the change named by "+change+" or show that it is not the cause.")
	}
	for _, s := range steps {
		out = append(out, s)
	}
	return out
}

// openIncident stores an incident when the belief is strong enough.
func (l *look) openIncident(ctx context.Context, subject string) error {
	belief := confidence(l.evidence)
	if belief < incidentBelief {
		l.skip("open_incident", fmt.Sprintf("confidence %s is below %s", show(belief), show(incidentBelief)))
		return nil
	}
	id := "inc-" + strings.ToLower(rand.Text()[:12])
	at := l.s.deps.Now().UTC()
	raw, err := json.Marshal(map[string]any{
		"incident_id": id, "agent_id": l.agent.ID, "cause": l.kind, "service": subject, "confidence": belief, "explanation": l.text, "opened_at": at, "request_id": l.call.RequestID,
	})
	if err != nil {
		return fmt.Errorf("writing an incident: %w", err)
	}
	ctx = context.WithoutCancel(ctx)
	if _, err := l.s.deps.Store.Append(ctx, l.call.Tenant, streamIncidents, state.Event{ID: id, Value: raw}); err != nil {
		return err
	}
	if err := l.s.deps.Store.Trim(ctx, l.call.Tenant, streamIncidents, MaxIncidents); err != nil {
		return err
	}
	l.actions = append(l.actions, api.AgentAction{Type: "open_incident", Result: map[string]any{"incident_id": id, "opened_at": at.Format(time.RFC3339)}, Status: succeeded})
	return nil
}
