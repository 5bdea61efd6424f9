package main

import "github.com/omni-run/omni/internal/ml/route"

// embedding returns the text embedding to fuse, or nil.
func embedding() (route.Embedder, error) { return nil, nil }
