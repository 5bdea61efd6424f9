package autoreg_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/omni-run/omni/internal/ml/autoreg"
)

// TestFindsTheCoefficientsOfAnAutoregression: y[t] = y[t-1] + 0.6 (y[t-1] - y[t-2]) + e.
func TestFindsTheCoefficientsOfAnAutoregression(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(4, 4))
	y := make([]float64, 600)
	for i := range y {
		e := random.NormFloat64()
		if i < 2 {
			y[i] = e
			continue
		}
		y[i] = y[i-1] + 0.6*(y[i-1]-y[i-2]) + e
	}
	m, err := autoreg.Fit(y, nil)
	if err != nil {
		t.Fatal(err)
	}
	// The lag of two relative to the last value is -(y[t-1] - y[t-2]).
	if math.Abs(m.Weights[1]+0.6) > 0.12 {
		t.Errorf("weights %v, want about -0.6 for the second", m.Weights)
	}
}

func TestContinuesTwoSeasonsAtOnce(t *testing.T) {
	t.Parallel()
	wave := func(i int) float64 {
		return 50 + 10*math.Sin(2*math.Pi*float64(i)/24) + 6*math.Sin(2*math.Pi*float64(i)/168)
	}
	y := make([]float64, 700)
	for i := range y {
		y[i] = wave(i)
	}
	m, err := autoreg.Fit(y, []int{24, 168})
	if err != nil {
		t.Fatal(err)
	}
	out, err := m.Forecast(y, 48)
	if err != nil {
		t.Fatal(err)
	}
	for h, v := range out {
		if math.Abs(v-wave(700+h)) > 0.5 {
			t.Errorf("step %d: %.2f, want %.2f", h+1, v, wave(700+h))
		}
	}
}

func TestTooShort(t *testing.T) {
	t.Parallel()
	if _, err := autoreg.Fit([]float64{1, 2, 3}, nil); !errors.Is(err, autoreg.ErrTooShort) {
		t.Errorf("got %v", err)
	}
	m, err := autoreg.Fit([]float64{1, 2, 4, 3, 5, 6, 4, 7, 8, 9}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Forecast([]float64{1}, 2); !errors.Is(err, autoreg.ErrTooShort) {
		t.Errorf("got %v", err)
	}
}
