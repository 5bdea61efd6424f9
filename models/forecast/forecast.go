// Package forecast carries the weights of the global forecaster, inside the
// binary. README.md is the model card.
package forecast

import (
	_ "embed" // for the weights

	"github.com/omni-run/omni/internal/ml/globalforecast"
)

//go:embed model.bin
var model []byte

// Default decodes the shipped model.
func Default() (*globalforecast.Model, error) { return globalforecast.Decode(model) }
