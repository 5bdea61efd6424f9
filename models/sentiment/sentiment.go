// Package sentiment carries the weights of the sentiment network, inside the
// binary. README.md is the model card.
package sentiment

import (
	_ "embed" // for the weights

	"github.com/omni-run/omni/internal/ml/textnet"
)

//go:embed weights.bin
var weights string

//go:embed ngrams.bin
var ngrams string

// Default returns the shipped network with the linear model beside it. Their
// tables are read in place.
func Default() (*textnet.Net, error) { return textnet.NewBlend(weights, ngrams) }
