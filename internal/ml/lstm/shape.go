// Package lstm continues a series of numbers with a network trained on that
// very series, or on many: stacked LSTM layers with attention and an
// autoregressive highway (internal/ml/seqnet), on windows scaled so that
// series of any level and scale share one set of weights.
//
// One goroutine does the work, so a seed gives the same network at any
// GOMAXPROCS.
package lstm

import (
	"errors"
	"fmt"

	"github.com/omni-run/omni/internal/ml/seqnet"
)

// Limits on the shape of a network.
const (
	MaxHidden   = 512
	MaxLayers   = 8
	MaxLags     = 1024
	MaxLookback = 65536
)

// ErrShape says that a shape is outside the limits.
var ErrShape = errors.New("lstm: the network's shape is out of range")

// shape is what a forecaster may choose of its network.
type shape struct{ hidden, layers, lags, lookback int }

func (s shape) validate() error {
	for _, f := range []struct {
		name       string
		v, lo, top int
	}{
		{"hidden", s.hidden, 1, MaxHidden},
		{"layers", s.layers, 1, MaxLayers},
		{"lags", s.lags, 0, MaxLags},
		{"lookback", s.lookback, 1, MaxLookback},
	} {
		if f.v < f.lo || f.v > f.top {
			return fmt.Errorf("%w: %s = %d, must be in [%d, %d]", ErrShape, f.name, f.v, f.lo, f.top)
		}
	}
	return nil
}

// config is the network of a shape: plain layers, attention over the whole
// window, one output.
func (s shape) config() seqnet.Config {
	block := make([]int, s.layers)
	for i := range block {
		block[i] = 1
	}
	return seqnet.Config{Inputs: features, Hidden: s.hidden, Blocks: [][]int{block}, Attention: s.lookback, Highway: s.lags, Outputs: 1}
}
