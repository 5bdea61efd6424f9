package main

import (
	"github.com/omni-run/omni/internal/ml/route"
	"github.com/omni-run/omni/models/embed"
)

// embedding returns the shipped text embedding to fuse.
func embedding() (route.Embedder, error) { return embed.Default() }
