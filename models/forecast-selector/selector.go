// Package selector carries the shipped forecast selector. README.md is its
// model card.
package selector

import _ "embed"

//go:embed selector.bin
var artefact []byte

// Artefact returns the model, for internal/ml/selector.Decode. The caller must
// not change it.
func Artefact() []byte { return artefact }
