// Package embed carries the weights of the static sentence embedding, inside
// the binary. README.md is the model card.
package embed

import (
	_ "embed" // for the weights

	"github.com/omni-run/omni/internal/ml/embed"
)

//go:embed vocab.txt
var vocabulary string

//go:embed table.bin
var table string

// Model is the type of the embedding.
type Model = embed.Model

// Default returns the shipped model. It reads the weights in place, so making
// one costs the vocabulary's map only; share it where you can.
func Default() (*Model, error) { return embed.New(vocabulary, table) }
