package reason

import "testing"

func TestBacktestsPreferCleaningWhenThereAreSpikes(t *testing.T) {
	t.Parallel()
	x := make([]float64, 60)
	for i := range x {
		x[i] = 100 + 2*float64(i)
	}
	raw, tidy := backtests(x, 7)
	if raw != tidy {
		t.Errorf("a clean series tests at %g as it is and %g cleaned", raw, tidy)
	}
	x[40], x[50] = 900, 900
	if raw, tidy = backtests(x, 7); tidy >= raw {
		t.Errorf("with spikes %g as it is, %g cleaned", raw, tidy)
	}
	for _, short := range [][]float64{{1, 2}, {1, 2, 3}, {0, 0, 0, 0}, {1e300, -1e300, 1e300, 1e300}} {
		if raw, tidy := backtests(short, 1000); raw < 0 || tidy < 0 || raw > 10 || tidy > 10 {
			t.Errorf("%v: %g, %g", short, raw, tidy)
		}
	}
}
