// Package sentiment carries the weights of the sentiment network, inside the
// binary. README.md is the model card.
package sentiment

import (
	_ "embed" // for the weights

	"github.com/omni-run/omni/internal/ml/textnet"
)

//go:embed weights.bin
var weights string

// Default returns the shipped network. Its token table is read in place.
func Default() (*textnet.Net, error) { return textnet.New(weights) }
