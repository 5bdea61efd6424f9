// Package metricsmerge joins the gateway's own metrics with those of every
// worker into one valid exposition, in which each worker's series bear its
// name in the label worker. What workers send is not trusted: it is bounded in
// size and series, and what would make the whole invalid is dropped and
// counted.
package metricsmerge

import (
	"bytes"
	"slices"
	"strings"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// Source is the metrics text of one worker.
type Source struct {
	Worker string
	Text   []byte
}

// Limits on what one worker may add. A zero field takes its default.
type Limits struct {
	// Bytes of text; a longer one is dropped whole. Default 4 MiB.
	Bytes int
	// Series, each bucket of a histogram and quantile of a summary counted;
	// what is over is dropped. Default 20,000.
	Series int
	// LabelBytes limits a label's value; default 1,024.
	LabelBytes int
}

func (l Limits) withDefaults() Limits {
	if l.Bytes <= 0 {
		l.Bytes = 4 << 20
	}
	if l.Series <= 0 {
		l.Series = 20_000
	}
	if l.LabelBytes <= 0 {
		l.LabelBytes = 1024
	}
	return l
}

// Reasons for which something is dropped; the keys of Dropped.
const (
	ReasonSize     = "size"     // text longer than the limit, per worker
	ReasonSyntax   = "syntax"   // text that cannot be parsed, per worker
	ReasonType     = "type"     // family whose type differs from the one known
	ReasonName     = "name"     // family whose name clashes with another's series
	ReasonSeries   = "series"   // series over the limit
	ReasonInvalid  = "invalid"  // series with unusable labels or values
	ReasonRepeated = "repeated" // series that is there already
)

// Reasons lists all of them.
var Reasons = []string{
	ReasonSize, ReasonSyntax, ReasonType, ReasonName, ReasonSeries, ReasonInvalid, ReasonRepeated,
}

// Dropped counts what was left out, by reason.
type Dropped map[string]int

// labelWorker is the label added to each series of a worker, and what becomes
// of one that is there already.
const (
	labelWorker   = "worker"
	labelExported = "exported_worker"
)

// maxLabels limits the labels of one series.
const maxLabels = 32

// Merge returns own and the sources' families, sorted by name, each name once.
// own is trusted and comes first: where a worker disagrees with it, the worker
// loses; between workers, the one that comes first wins. own is not changed.
func Merge(own []*dto.MetricFamily, sources []Source, limits Limits) ([]*dto.MetricFamily, Dropped) {
	m := merger{
		limits: limits.withDefaults(), dropped: Dropped{},
		families: map[string]*dto.MetricFamily{}, claimed: map[string]string{},
	}
	for _, f := range own {
		m.families[f.GetName()] = &dto.MetricFamily{
			Name: f.Name, Help: f.Help, Type: f.Type, Unit: f.Unit, Metric: slices.Clone(f.Metric),
		}
		m.claim(f)
	}
	for _, s := range sources {
		m.add(s)
	}
	merged := make([]*dto.MetricFamily, 0, len(m.families))
	for _, f := range m.families {
		if len(f.Metric) > 0 {
			merged = append(merged, f)
		}
	}
	slices.SortFunc(merged, func(a, b *dto.MetricFamily) int { return strings.Compare(a.GetName(), b.GetName()) })
	return merged, m.dropped
}

type merger struct {
	limits   Limits
	dropped  Dropped
	families map[string]*dto.MetricFamily
	// claimed maps each name that appears in the exposition to the family it
	// belongs to: a histogram h claims h_bucket, h_sum and h_count too.
	claimed map[string]string
}

func (m *merger) add(s Source) {
	if len(s.Text) > m.limits.Bytes {
		m.dropped[ReasonSize]++
		return
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	parsed, err := parser.TextToMetricFamilies(bytes.NewReader(s.Text))
	if err != nil {
		m.dropped[ReasonSyntax]++
		return
	}
	names := make([]string, 0, len(parsed))
	for name := range parsed {
		names = append(names, name)
	}
	slices.Sort(names)
	left := m.limits.Series
	for _, name := range names {
		m.addFamily(s.Worker, parsed[name], &left)
	}
}

func (m *merger) addFamily(worker string, f *dto.MetricFamily, left *int) {
	name := f.GetName()
	known := m.families[name]
	switch {
	case !model.LegacyValidation.IsValidMetricName(name):
		m.dropped[ReasonInvalid]++
		return
	case known != nil && known.GetType() != f.GetType():
		m.dropped[ReasonType]++
		return
	case known == nil && !m.claim(f):
		m.dropped[ReasonName]++
		return
	}
	if known == nil {
		known = &dto.MetricFamily{Name: f.Name, Help: f.Help, Type: f.Type}
		m.families[name] = known
	}
	seen := map[string]bool{}
	for _, metric := range f.Metric {
		switch size := series(metric); {
		case !m.valid(f.GetType(), metric):
			m.dropped[ReasonInvalid]++
		case size > *left:
			m.dropped[ReasonSeries]++
		default:
			relabel(metric, worker)
			key := identity(metric)
			if seen[key] {
				m.dropped[ReasonRepeated]++
				continue
			}
			seen[key] = true
			*left -= size
			metric.TimestampMs = nil // the time of the scrape is the truth
			known.Metric = append(known.Metric, metric)
		}
	}
}

// claim takes the names under which f's series appear, in both formats, or
// reports that another family has one of them.
func (m *merger) claim(f *dto.MetricFamily) bool {
	names := exposed(f)
	for _, n := range names {
		if owner, taken := m.claimed[n]; taken && owner != f.GetName() {
			return false
		}
	}
	for _, n := range names {
		m.claimed[n] = f.GetName()
	}
	return true
}

func exposed(f *dto.MetricFamily) []string {
	name := f.GetName()
	switch f.GetType() {
	case dto.MetricType_HISTOGRAM, dto.MetricType_GAUGE_HISTOGRAM:
		return []string{name, name + "_bucket", name + "_sum", name + "_count", name + "_created"}
	case dto.MetricType_SUMMARY:
		return []string{name, name + "_sum", name + "_count", name + "_created"}
	case dto.MetricType_COUNTER:
		base := strings.TrimSuffix(name, "_total")
		return []string{base, base + "_total", base + "_created"}
	}
	return []string{name}
}

// relabel names the worker, first making way for it as Prometheus does.
func relabel(metric *dto.Metric, worker string) {
	labels := make([]*dto.LabelPair, 0, len(metric.Label)+1)
	name := labelWorker
	for _, l := range metric.Label {
		if l.GetName() == labelWorker {
			exported := labelExported
			l.Name = &exported
		}
		labels = append(labels, l)
	}
	labels = append(labels, &dto.LabelPair{Name: &name, Value: &worker})
	slices.SortFunc(labels, func(a, b *dto.LabelPair) int { return strings.Compare(a.GetName(), b.GetName()) })
	metric.Label = labels
}

// identity is a series' labels as one string.
func identity(metric *dto.Metric) string {
	var b strings.Builder
	for _, l := range metric.Label {
		b.WriteString(l.GetName())
		b.WriteByte(0xff)
		b.WriteString(l.GetValue())
		b.WriteByte(0xff)
	}
	return b.String()
}

// series counts the lines a metric becomes.
func series(metric *dto.Metric) int {
	switch {
	case metric.Histogram != nil:
		return len(metric.Histogram.Bucket) + 3
	case metric.Summary != nil:
		return len(metric.Summary.Quantile) + 2
	}
	return 1
}
