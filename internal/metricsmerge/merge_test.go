package metricsmerge

import (
	"bytes"
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// own returns families as a gateway has them.
func own(t testing.TB) []*dto.MetricFamily {
	t.Helper()
	reg := prometheus.NewRegistry()
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "api_requests_total", Help: "Requests."}, []string{"status"})
	seconds := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "api_seconds", Help: "Seconds.", Buckets: []float64{1, 2}})
	reg.MustRegister(requests, seconds)
	requests.WithLabelValues("200").Add(3)
	seconds.Observe(1.5)
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	return families
}

func encode(t testing.TB, families []*dto.MetricFamily, format expfmt.Format) string {
	t.Helper()
	var b bytes.Buffer
	if err := Encode(&b, families, format); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

var textFormat = expfmt.NewFormat(expfmt.TypeTextPlain)

func TestMergeJoinsFamilies(t *testing.T) {
	t.Parallel()
	sources := []Source{
		{"w1", []byte("# HELP models_total Models.\n# TYPE models_total counter\nmodels_total{model_type=\"lstm\"} 4 1700000000000\n# TYPE api_requests_total counter\napi_requests_total{status=\"200\"} 7\n")},
		{"w2", []byte("# TYPE models_total counter\nmodels_total{model_type=\"lstm\"} 5\nloose 1\nscrape{worker=\"x\"} 2\n")},
	}
	families, dropped := Merge(own(t), sources, Limits{})
	if len(dropped) != 0 {
		t.Fatalf("dropped %v", dropped)
	}
	got := encode(t, families, textFormat)
	want := `# HELP api_requests_total Requests.
# TYPE api_requests_total counter
api_requests_total{status="200"} 3
api_requests_total{status="200",worker="w1"} 7
# HELP api_seconds Seconds.
# TYPE api_seconds histogram
api_seconds_bucket{le="1"} 0
api_seconds_bucket{le="2"} 1
api_seconds_bucket{le="+Inf"} 1
api_seconds_sum 1.5
api_seconds_count 1
# TYPE loose untyped
loose{worker="w2"} 1
# HELP models_total Models.
# TYPE models_total counter
models_total{model_type="lstm",worker="w1"} 4
models_total{model_type="lstm",worker="w2"} 5
# TYPE scrape untyped
scrape{exported_worker="x",worker="w2"} 2
`
	if got != want {
		t.Fatalf("got:\n%s\nwant:\n%s", got, want)
	}
}

func TestMergeDrops(t *testing.T) {
	t.Parallel()
	many := strings.Builder{}
	for i := range 50 {
		fmt.Fprintf(&many, "m{i=\"%d\"} 1\n", i)
	}
	labels := strings.Builder{}
	for i := range 40 {
		fmt.Fprintf(&labels, "l%d=\"x\",", i)
	}
	cases := map[string]struct {
		text   string
		reason string
		count  int
	}{
		"type conflict":      {"# TYPE api_requests_total gauge\napi_requests_total 1\n", ReasonType, 1},
		"name of a bucket":   {"api_seconds_bucket 1\n", ReasonName, 1},
		"name of a sum":      {"# TYPE api_seconds_sum counter\napi_seconds_sum 1\n", ReasonName, 1},
		"counter's base":     {"api_requests 1\n", ReasonName, 1},
		"histogram over":     {"# TYPE a histogram\na_bucket{le=\"+Inf\"} 1\na_sum 1\na_count 1\n# TYPE a_sum2 counter\na_sum2 1\n", "", 0},
		"too many series":    {many.String(), ReasonSeries, 40},
		"too long":           {strings.Repeat("# a comment\n", 1000), ReasonSize, 1},
		"not metrics":        {"<html>500</html>", ReasonSyntax, 1},
		"half a line":        {"a{b=\"c", ReasonSyntax, 1},
		"too many labels":    {"m{" + labels.String() + "} 1\n", ReasonInvalid, 1},
		"long label":         {"m{a=\"" + strings.Repeat("x", 200) + "\"} 1\n", ReasonInvalid, 1},
		"reserved label":     {"m{exported_worker=\"x\"} 1\n", ReasonInvalid, 1},
		"negative counter":   {"# TYPE m counter\nm -1\n", ReasonInvalid, 1},
		"falling buckets":    {"# TYPE m histogram\nm_bucket{le=\"1\"} 5\nm_bucket{le=\"2\"} 3\nm_bucket{le=\"+Inf\"} 5\nm_sum 1\nm_count 5\n", ReasonInvalid, 1},
		"quantile above one": {"# TYPE m summary\nm{quantile=\"1.5\"} 5\nm_sum 1\nm_count 5\n", ReasonInvalid, 1},
		"twice":              {"m{a=\"1\"} 1\nm{a=\"1\"} 2\n", ReasonRepeated, 1},
	}
	limits := Limits{Bytes: 5000, Series: 10, LabelBytes: 100}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			families, dropped := Merge(own(t), []Source{{"w", []byte(c.text)}}, limits)
			if got := dropped[c.reason]; got != c.count || len(dropped) > 1 {
				t.Fatalf("dropped %v, want %d for %q", dropped, c.count, c.reason)
			}
			wellFormed(t, families)
		})
	}
}

func TestOwnIsNotChanged(t *testing.T) {
	t.Parallel()
	mine := own(t)
	before := encode(t, mine, textFormat)
	Merge(mine, []Source{{"w", []byte("# TYPE api_requests_total counter\napi_requests_total 1\n")}}, Limits{})
	if after := encode(t, mine, textFormat); after != before {
		t.Fatalf("own families changed:\n%s", after)
	}
}

// wellFormed checks that the text parses and names each series once.
func wellFormed(t testing.TB, families []*dto.MetricFamily) {
	t.Helper()
	text := encode(t, families, textFormat)
	parser := expfmt.NewTextParser(model.LegacyValidation)
	if _, err := parser.TextToMetricFamilies(strings.NewReader(text)); err != nil {
		t.Fatalf("merged text does not parse: %v\n%s", err, text)
	}
	seen := map[string]bool{}
	for line := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
		if strings.HasPrefix(line, "# HELP") {
			continue
		}
		var key string
		if !strings.HasPrefix(line, "#") {
			key = line[:strings.LastIndexByte(line, ' ')]
		} else {
			key = strings.Join(strings.Fields(line)[:3], " ")
		}
		if seen[key] {
			t.Fatalf("%q stands there twice:\n%s", key, text)
		}
		seen[key] = true
	}
	open := encode(t, families, expfmt.NewFormat(expfmt.TypeOpenMetrics))
	if !strings.HasSuffix(open, "# EOF\n") || strings.Count(open, "# EOF") != 1 {
		t.Fatalf("OpenMetrics does not end as it must:\n%s", open)
	}
}

func FuzzMerge(f *testing.F) {
	f.Add("# TYPE a counter\na 1\n", "a 2\n")
	f.Add("# TYPE a histogram\na_bucket{le=\"1\"} 1\na_bucket{le=\"+Inf\"} 2\na_sum 1\na_count 2\n", "a_sum 1\n")
	f.Add("# TYPE a summary\na{quantile=\"0.5\"} 1\na_sum 1\na_count 2\n", "# TYPE a gauge\na{worker=\"z\"} NaN\n")
	f.Add("api_requests_total 1\n", "# HELP api_requests_total \\n x\n# TYPE api_requests_total counter\napi_requests_total{status=\"\\\"\"} 1\n")
	f.Fuzz(func(t *testing.T, one, two string) {
		families, _ := Merge(own(t), []Source{{"w1", []byte(one)}, {"w2", []byte(two)}}, Limits{Series: 100})
		wellFormed(t, families)
	})
}

func TestHandler(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	h, err := NewHandler(reg, func(context.Context) []Source {
		return []Source{{"w1", []byte("# TYPE x_total counter\nx_total 1\n")}, {"w2", []byte("nonsense")}}
	}, reg)
	if err != nil {
		t.Fatal(err)
	}
	for accept, want := range map[string][2]string{
		"":                             {"text/plain; version=0.0.4", `x_total{worker="w1"} 1` + "\n"},
		"application/openmetrics-text": {"application/openmetrics-text; version=", "# EOF\n"},
		"application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited": {"text/plain", "x_total"},
	} {
		w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/metrics", nil)
		r.Header.Set("Accept", accept)
		h.ServeHTTP(w, r)
		if w.Code != 200 || !strings.HasPrefix(w.Header().Get("Content-Type"), want[0]) || !strings.Contains(w.Body.String(), want[1]) {
			t.Errorf("Accept %q: %d %q\n%s", accept, w.Code, w.Header().Get("Content-Type"), w.Body)
		}
	}
	if n := testutil.ToFloat64(h.drops.WithLabelValues(ReasonSyntax)); n != 3 {
		t.Errorf("%v unparsable texts counted, want 3", n)
	}
	problems, err := testutil.GatherAndLint(reg)
	if err != nil || len(problems) > 0 {
		t.Errorf("lint: %v %v", problems, err)
	}
}
