package globalforecast

import (
	"encoding/json"
	"math"
	"os"
	"testing"
)

// TestForwardAndBackwardAgreeWithPyTorch on a small network: testdata/reference.py
// made the numbers, in float64.
func TestForwardAndBackwardAgreeWithPyTorch(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/forward.json")
	if err != nil {
		t.Fatal(err)
	}
	var want struct {
		Weights, Gradient, Out []float32
		Windows                []struct {
			Values, Bent, Steps, Known, Season, SeasonBent, Echo []float32
			Static                                               [statics]float32
			Hold                                                 float32
		}
	}
	if err := json.Unmarshal(data, &want); err != nil {
		t.Fatal(err)
	}
	n := &Network{Shape: Shape{Window: 6, Patch: 2, Tail: 3, Horizon: 2, Hidden: 4, Head: 5, Seasonal: true}, Weights: want.Weights}
	if len(want.Weights) != n.Parameters() {
		t.Fatalf("%d weights, the shape has %d", len(want.Weights), n.Parameters())
	}
	var batch []*window
	for _, w := range want.Windows {
		batch = append(batch, &window{
			values: w.Values, bent: w.Bent, steps: w.Steps, known: w.Known, static: w.Static,
			season: w.Season, seasonBent: w.SeasonBent, echo: w.Echo, hold: w.Hold,
		})
	}
	var space workspace
	got := n.forward(&space, batch)
	near(t, "answer", got, want.Out, 1e-5)
	grad := make([]float32, len(n.Weights))
	n.backward(&space, append([]float32(nil), got...), grad) // the loss is half the sum of squares
	near(t, "gradient", grad, want.Gradient, 2e-4)
}

func near(t *testing.T, what string, got, want []float32, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d numbers, want %d", what, len(got), len(want))
	}
	for i, w := range want {
		if d := math.Abs(float64(got[i] - w)); d > tolerance*(1+math.Abs(float64(w))) {
			t.Errorf("%s %d: %v, PyTorch has %v", what, i, got[i], w)
		}
	}
}
