package forecast_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/omni-run/omni/internal/service/forecast"
)

// mixture is many series: of several frequencies, of every length, some that
// never move, some that move late, some of nothing.
func mixture(rng *rand.Rand, count int) []object {
	list := make([]object, count)
	for i := range list {
		y := shop(rng, 12+rng.IntN(120))
		one := object{"id": fmt.Sprint(i)}
		if freq := []string{"", "MS", "QS", "W"}[i%4]; freq != "" {
			one["freq"] = freq
		}
		switch i % 10 {
		case 6:
			for k := range y {
				y[k] = 7
			}
		case 7:
			for k := range y[:3*len(y)/4] {
				y[k] = y[0]
			}
		case 8:
			y = nil
		}
		one["time_series"] = y
		list[i] = one
	}
	return list
}

// TestCompanyDoesNotMatter: who else is in a call, and in which order, changes
// no answer.
func TestCompanyDoesNotMatter(t *testing.T) {
	t.Parallel()
	s := forecast.New(forecast.Deps{})
	list := mixture(rand.New(rand.NewPCG(8, 8)), 90)
	for _, mode := range []string{"global", "auto"} {
		all, _ := predict(t, s, object{"series": list, "forecast_steps": 30, "mode": mode})
		some := slices.Clone(list[17:60])
		slices.Reverse(some)
		fewer, _ := predict(t, s, object{"series": some, "forecast_steps": 30, "mode": mode})
		if all.Status != "partial" {
			t.Errorf("mode %s: status %q beside series of nothing", mode, all.Status)
		}
		failed := 0
		for i, got := range fewer.Series {
			want := all.Series[59-i]
			if got.ID != want.ID || got.Status != want.Status || !slices.Equal(got.Warnings, want.Warnings) {
				t.Fatalf("mode %s: %s %s %q, want %s %s %q", mode, got.ID, got.Status, got.Warnings, want.ID, want.Status, want.Warnings)
			}
			if got.Error != nil {
				failed++
				continue
			}
			for k, v := range got.Forecast {
				if w := want.Forecast[k]; !alike(v, w) || !alike(got.Intervals["lo-95"][k], want.Intervals["lo-95"][k]) || !alike(got.Intervals["hi-95"][k], want.Intervals["hi-95"][k]) {
					t.Fatalf("mode %s, series %s, step %d: %v among %d, %v among %d", mode, got.ID, k+1, v, len(some), w, len(list))
				}
			}
		}
		if failed == 0 || failed == len(some) {
			t.Errorf("mode %s: %d of %d series failed", mode, failed, len(some))
		}
	}
}

// alike is equal but for rounding.
func alike(a, b float64) bool { return a == b || max(a-b, b-a) <= 1e-5*max(a, b, -a, -b) }

func TestACallOfManyEndsEarly(t *testing.T) {
	t.Parallel()
	s := forecast.New(forecast.Deps{})
	reason := errors.New("the caller has gone")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(reason)
	for _, mode := range []string{"global", "auto"} {
		_, _, err := post(ctx, s, "/predict/revenue-lstm", object{"series": mixture(rand.New(rand.NewPCG(1, 8)), 70), "mode": mode})
		if !errors.Is(err, reason) {
			t.Errorf("mode %s: %v, want %v", mode, err, reason)
		}
	}
}
