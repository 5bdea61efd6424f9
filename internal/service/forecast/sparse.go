package forecast

import (
	"context"
	"fmt"
	"slices"

	"github.com/omni-run/omni/internal/ml/croston"
	"github.com/omni-run/omni/internal/ml/features"
)

// sparseInterval is from how many periods a demand on a series counts as
// intermittent (Syntetos, Boylan and Croston, 2005).
const sparseInterval = 1.32

// sparse says that a series is never negative and so often 0 that demand comes
// now and then.
func sparse(y []float64) bool {
	if slices.Min(y) < 0 {
		return false
	}
	_, adi, _ := features.Intermittence(y)
	return adi >= sparseInterval
}

// demandMethods are the contestants for intermittent demand; on other series
// they stay out.
func demandMethods() []contestant {
	return []contestant{demandMethod(modelCroston, croston.Croston), demandMethod(modelSBA, croston.SBA), demandMethod(modelTSB, croston.TSB)}
}

func demandMethod(name string, method croston.Method) contestant {
	return contestant{name: name, fit: func(_ context.Context, y []float64) (predictor, string, error) {
		if !sparse(y) {
			return nil, "", errNotSparse
		}
		fitted, err := croston.Fit(method, y)
		if err != nil {
			return nil, "", fmt.Errorf("%w: %w", errUnfit, err)
		}
		return func(_ context.Context, history []float64, horizon int) ([]float64, error) {
			m, err := method(history, fitted.Alpha, fitted.Beta)
			if err != nil {
				return nil, fmt.Errorf("%w: %w", errUnfit, err)
			}
			return m.Forecast(horizon), nil
		}, "", nil
	}}
}
