package config

import (
	_ "embed"
	"fmt"
	"time"

	"github.com/goccy/go-yaml"
)

//go:embed routes.yaml
var builtinRoutes []byte

// DefaultRoutes returns the built-in route table: the one place that says
// which service answers a public path, at what cost and under which scope.
func DefaultRoutes() []Route {
	var table struct {
		Routes []Route `yaml:"routes"`
	}
	if err := yaml.UnmarshalWithOptions(builtinRoutes, &table, yaml.Strict()); err != nil {
		panic(fmt.Sprintf("config: the built-in route table: %v", err)) // a programmer's mistake, caught by every test
	}
	return table.Routes
}

// routesWithDefaults merges the configured routes over the built-in ones.
func (c Config) routesWithDefaults() []Route {
	var out []Route
	if !c.NoDefaultRoutes {
		out = DefaultRoutes()
	}
	for _, r := range c.Routes {
		replaced := false
		for i := range out {
			if out[i].Method == r.Method && out[i].Path == r.Path {
				out[i], replaced = r, true
			}
		}
		if !replaced {
			out = append(out, r)
		}
	}
	for i := range out {
		or(&out[i].Scope, out[i].Service)
		or(&out[i].Units, 1)
		or(&out[i].Timeout, Duration(120*time.Second))
		if out[i].Mirror.Pool != "" {
			or(&out[i].Mirror.Weight, 100)
		}
	}
	return out
}
