package schema

import (
	"embed"
	"fmt"
)

// published holds schemas cut out of their publishers' files, see its README.
//
//go:embed published/*.json
var published embed.FS

// Names of the schemas at hand.
const (
	CloudRunService = "cloudrun-service"
	CloudBuild      = "cloudbuild-build"
	ScaledObject    = "keda-scaledobject"
	PodMonitoring   = "gmp-podmonitoring"
)

// Published returns one of the schemas at hand.
func Published(name string) (*Set, error) {
	raw, err := published.ReadFile("published/" + name + ".json")
	if err != nil {
		return nil, fmt.Errorf("there is no schema %q: %w", name, err)
	}
	return Load(raw)
}
