// Package churn carries the shipped churn model, used for tenants that have
// not trained their own. README.md is its model card.
package churn

import _ "embed"

//go:embed prior.json.gz
var prior []byte

// Prior returns the model's artefact, for internal/ml/churn.Decode. The caller
// must not change it.
func Prior() []byte { return prior }
