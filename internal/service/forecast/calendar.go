package forecast

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/omni-run/omni/internal/ml/mat"
	"github.com/omni-run/omni/internal/ml/theta"
)

const (
	// leastCalendarDays: below, a month end has been seen too seldom.
	leastCalendarDays = 60
	// yearlyDays: from here on the time of year is a regressor.
	yearlyDays    = 550
	yearlyWaves   = 3
	calendarRidge = 1e-3
	weekFeatures  = 6
	monthFeatures = 2
	trendFeatures = 2 // level and slope, which stay in the series
)

// calendarMethod is the contestant for daily series: a regression on the day
// of the week, the ends of months and, with history enough, the time of year;
// the Theta method continues what is left. Holidays were taken out before.
type calendarMethod struct {
	dates []time.Time
}

// calendar takes the dates of the series and on past its end.
func calendar(dates []time.Time) *calendarMethod { return &calendarMethod{dates} }

func (m *calendarMethod) contestant() contestant {
	return contestant{name: modelCalendar, fit: func(_ context.Context, y []float64) (predictor, string, error) {
		c, err := m.effects(y)
		if err != nil {
			return nil, "", err
		}
		return c.predict, "", nil
	}}
}

// effects fits the regression to y.
func (m *calendarMethod) effects(y []float64) (*calendarEffects, error) {
	if len(y) < leastCalendarDays {
		return nil, fmt.Errorf("%w: needs at least %d days", errUnfit, leastCalendarDays)
	}
	c := &calendarEffects{dates: m.dates, yearly: len(y) >= yearlyDays}
	if err := c.fit(y); err != nil {
		return nil, fmt.Errorf("%w: %w", errUnfit, err)
	}
	return c, nil
}

type calendarEffects struct {
	dates   []time.Time
	yearly  bool
	weights []float64
}

func (c *calendarEffects) width() int {
	n := trendFeatures + weekFeatures + monthFeatures
	if c.yearly {
		n += 2 * yearlyWaves
	}
	return n
}

// row writes the features of day i; share is its place in the series, 0 to 1.
func (c *calendarEffects) row(x []float64, i int, share float64) {
	clear(x)
	day := c.dates[i]
	x[0], x[1] = 1, share
	if weekday := int(day.Weekday()); weekday > 0 {
		x[trendFeatures+weekday-1] = 1
	}
	month := x[trendFeatures+weekFeatures:]
	if day.Day() == 1 {
		month[0] = 1
	}
	if day.Day() == lastDay(day) {
		month[1] = 1
	}
	if c.yearly {
		waves := month[monthFeatures:]
		for k := range yearlyWaves {
			angle := 2 * math.Pi * float64(k+1) * float64(day.YearDay()) / 365.25
			waves[2*k], waves[2*k+1] = math.Sin(angle), math.Cos(angle)
		}
	}
}

func (c *calendarEffects) fit(y []float64) error {
	n, width := len(y), c.width()
	x := make([]float64, n*width)
	for i := range y {
		c.row(x[i*width:(i+1)*width], i, float64(i)/float64(n))
	}
	var err error
	c.weights, err = mat.Ridge(x, y, n, width, calendarRidge)
	return err
}

// effect is what the calendar adds on day i, without level and slope.
func (c *calendarEffects) effect(x []float64, i int) float64 {
	c.row(x, i, 0)
	return mat.Dot(x[trendFeatures:], c.weights[trendFeatures:])
}

func (c *calendarEffects) predict(_ context.Context, y []float64, horizon int) ([]float64, error) {
	if len(y)+horizon > len(c.dates) {
		return nil, fmt.Errorf("%w: the calendar ends before the forecast", errUnfit)
	}
	x, rest := make([]float64, c.width()), make([]float64, len(y))
	for i, v := range y {
		rest[i] = v - c.effect(x, i)
	}
	m, err := theta.Fit(rest, 1)
	if err != nil {
		return nil, err
	}
	out := m.Forecast(horizon)
	for i := range out {
		out[i] += c.effect(x, len(y)+i)
	}
	return out, nil
}
