package forecast

import (
	"context"
	"fmt"

	"github.com/omni-run/omni/internal/ml/autoreg"
)

// autoregression regresses the series on its own past. Beside the season it
// looks at a week of it where the season is a day of hours.
func autoregression(period int) contestant {
	return contestant{name: modelAutoregression, fit: func(_ context.Context, y []float64) (predictor, string, error) {
		const hours, week = 24, 168
		seasons := []int{period}
		if period == hours {
			seasons = append(seasons, week)
		}
		skip := max(0, len(y)-max(classicalWindow, 8*period, 4*week))
		m, err := autoreg.Fit(y[skip:], seasons)
		if err != nil {
			return nil, "", fmt.Errorf("%w: %w", errUnfit, err)
		}
		return func(_ context.Context, history []float64, horizon int) ([]float64, error) {
			return m.Forecast(history, horizon)
		}, "", nil
	}}
}
