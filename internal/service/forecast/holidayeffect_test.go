package forecast

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// What chance explains is no holiday's: on noise, and on a walk, where any day
// lies far from the mean, nothing much is found.
func TestHolidaysWithoutEffect(t *testing.T) {
	t.Parallel()
	is, err := holidaysOf("US")
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for name, memory := range map[string]float64{"noise": 0, "memory": 0.8, "walk": 1} {
		worst := 0.0
		for range 20 {
			const n = 800
			y, dates, level := make([]float64, n), make([]time.Time, n+60), 0.0
			for i := range dates {
				dates[i] = time.Date(2021, 3, 1+i, 0, 0, 0, 0, time.UTC)
			}
			for i := range y {
				level = memory*level + random.NormFloat64()
				y[i] = level
			}
			sum := 0.0
			part := holidayEffects(y, dates, 7, is)
			for _, v := range part {
				sum += v * v
			}
			worst += math.Sqrt(sum/30) / 20 // about thirty days are holidays
		}
		if worst > 0.5 {
			t.Errorf("%s: effects of %.2f deviations of what is new each day, where there are none", name, worst)
		}
	}
}

func TestHolidayEffectsOfLittle(t *testing.T) {
	t.Parallel()
	is, err := holidaysOf("DE")
	if err != nil {
		t.Fatal(err)
	}
	for name, y := range map[string][]float64{
		"nothing": {}, "one": {1}, "constant": make([]float64, 400), "too short": make([]float64, 50),
	} {
		dates := make([]time.Time, len(y)+60)
		for i := range dates {
			dates[i] = time.Date(2023, 12, 1+i, 0, 0, 0, 0, time.UTC)
		}
		for i, v := range holidayEffects(y, dates, 7, is) {
			if v != 0 {
				t.Fatalf("%s: %g on day %d", name, v, i)
			}
		}
	}
}
