package forecast_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/omni-run/omni/internal/service/forecast"
)

func shopDays(n int, noise float64) (y []float64, dates []string, truth func(i int) float64) {
	random := rand.New(rand.NewPCG(8, 8))
	start := time.Date(2021, 1, 1, 0, 0, 0, 0, time.UTC)
	truth = func(i int) float64 {
		d := start.AddDate(0, 0, i)
		v := 200 + 40*math.Sin(2*math.Pi*float64(d.YearDay())/365.25)
		if d.Weekday() == time.Saturday || d.Weekday() == time.Sunday {
			v += 30
		}
		switch d.Format("01-02") {
		case "12-25", "01-01", "07-04", "11-11":
			v -= 80
		}
		return v
	}
	for i := range n {
		y, dates = append(y, truth(i)+noise*random.NormFloat64()), append(dates, start.AddDate(0, 0, i).Format(time.DateOnly))
	}
	return y, dates, truth
}

func TestHolidaysAreNotAllAlike(t *testing.T) {
	t.Parallel()
	s := forecast.New(forecast.Deps{})
	const n, steps, christmas = 1080, 30, 8 // 2023-12-17 is the first day forecast
	y, dates, _ := shopDays(n, 4)
	for _, mode := range []string{"auto", "global", "local"} {
		for name, dated := range map[string]object{
			"timestamps": {"timestamps": dates}, "last_timestamp": {"last_timestamp": dates[n-1], "freq": "D"},
		} {
			body := object{"time_series": y, "forecast_steps": steps, "country": "US", "mode": mode, "explain": true, "epochs": 5}
			for k, v := range dated {
				body[k] = v
			}
			a, warnings := predict(t, s, body)
			if len(warnings) > 0 {
				t.Errorf("%s, %s: %v", mode, name, warnings)
			}
			drop := (a.Forecast[christmas-1]+a.Forecast[christmas+1])/2 - a.Forecast[christmas]
			if drop < 55 || drop > 105 || a.Timestamps[christmas] != "2023-12-25" {
				t.Errorf("%s, %s: Christmas lies %.0f below its neighbours, want about 80", mode, name, drop)
			}
			e := a.Explanation
			if e.Forecast.Holiday[christmas] > -65 || e.Forecast.Holiday[christmas+1] != 0 || a.Exogenous != nil {
				t.Errorf("%s, %s: holidays %.1f, exogenous %v", mode, name, e.Forecast.Holiday, a.Exogenous)
			}
			for i, v := range e.History.Holiday { // Presidents' Day changes nothing
				if dates[i] == "2022-02-21" && math.Abs(v) > 10 {
					t.Errorf("%s, %s: a holiday without an effect got %.1f", mode, name, v)
				}
			}
			for i, v := range y {
				if p := e.History; math.Abs(p.Trend[i]+p.Season[i]+p.Holiday[i]+p.Residual[i]-v) > 1e-9*v {
					t.Fatalf("%s, %s: the parts of day %d do not add up", mode, name, i)
				}
			}
		}
	}
}

func TestTheTimeOfYearOfDays(t *testing.T) {
	t.Parallel()
	s := forecast.New(forecast.Deps{})
	const n, steps = 1095, 60
	y, dates, truth := shopDays(n, 4)
	a, _ := predict(t, s, object{"time_series": y, "timestamps": dates, "forecast_steps": steps})
	off := 0.0
	for i, v := range a.Forecast {
		off += math.Abs(v-truth(n+i)) / steps
	}
	if off > 10 {
		t.Errorf("%.1f off on the mean, of a year that moves by 80 (%s)", off, a.Model)
	}
}

func TestHolidaysOfWeekdays(t *testing.T) {
	t.Parallel()
	s := forecast.New(forecast.Deps{})
	all, every, _ := shopDays(909, 2) // until 2023-06-28
	var y []float64
	var dates []string
	for i, text := range every {
		if d, _ := time.Parse(time.DateOnly, text); d.Weekday() != time.Saturday && d.Weekday() != time.Sunday {
			y, dates = append(y, all[i]), append(dates, text)
		}
	}
	for name, freq := range map[string]string{"told": "B", "found": ""} {
		a, warnings := predict(t, s, object{"time_series": y, "timestamps": dates, "freq": freq, "country": "US", "forecast_steps": 10, "explain": true})
		k := slices.Index(a.Timestamps, "2023-07-04")
		if k < 1 || len(warnings) > 0 {
			t.Fatalf("%s: %v, %v", name, a.Timestamps, warnings)
		}
		if v := a.Explanation.Forecast.Holiday; v[k] > -60 || v[k+1] != 0 || slices.Contains(a.Timestamps, "2023-07-01") {
			t.Errorf("%s: holidays %.1f on %v", name, v, a.Timestamps)
		}
	}
}

func TestClosedDaysStayClosed(t *testing.T) {
	t.Parallel()
	s := forecast.New(forecast.Deps{})
	random := rand.New(rand.NewPCG(7, 7))
	const n, steps = 390, 14 // from Sunday, 2023-01-01, until Thursday, 2024-01-25
	var dates []string
	y := series(n, func(i int) float64 {
		dates = append(dates, time.Date(2023, 1, 1+i, 0, 0, 0, 0, time.UTC).Format(time.DateOnly))
		if i%7 == 0 {
			return 0
		}
		return 400 + 2*float64(i) + 60*random.NormFloat64()
	})
	column := series(n+steps, func(int) float64 { return random.NormFloat64() })
	for _, mode := range []string{"auto", "global", "local"} {
		for name, more := range map[string]object{"plain": {}, "holidays": {"country": "US"}, "columns": {"exogenous": object{"p": column}}} {
			body := object{"time_series": y, "timestamps": dates, "forecast_steps": steps, "mode": mode, "epochs": 5}
			for k, v := range more {
				body[k] = v
			}
			a, _ := predict(t, s, body)
			for i, v := range a.Forecast {
				sunday := (n+i)%7 == 0
				if sunday != (math.Abs(v) < 1e-6) {
					t.Errorf("%s, %s: %.3g on %s", mode, name, v, a.Timestamps[i])
				}
				if c := a.ConfidenceIntervals[i]; c.Lower > v || c.Upper < v {
					t.Errorf("%s, %s: %g is outside of its interval %+v", mode, name, v, c)
				}
			}
		}
	}
}
