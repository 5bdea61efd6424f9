package config

import (
	"encoding/json"

	"github.com/goccy/go-yaml"
)

// Shown returns the configuration as an operator may see it: the values by
// their YAML names, secrets left out.
func (c Config) Shown() map[string]any {
	if c.Sentry.DSN != "" {
		c.Sentry.DSN = "(set)"
	}
	c.Keys.URL = c.Keys.shownURL()
	c.Jobs.URL = shownURL(c.Jobs.URL)
	c.Idempotency.URL = shownURL(c.Idempotency.URL)
	c.LimitStore.URL = c.LimitStore.shownURL()
	c.MasterKey = ""
	c.Workers = append([]Worker(nil), c.Workers...)
	for i := range c.Workers {
		c.Workers[i].Token = ""
		c.Workers[i].Wake.Env = namesOf(c.Workers[i].Wake.Env)
	}
	out := map[string]any{}
	raw, err := yaml.MarshalWithOptions(c, yaml.JSON())
	if err == nil {
		err = json.Unmarshal(raw, &out)
	}
	if err != nil {
		return map[string]any{"error": "the configuration cannot be shown"}
	}
	return out
}

// namesOf hides the values, which may be secrets.
func namesOf(env map[string]string) map[string]string {
	if env == nil {
		return nil
	}
	shown := make(map[string]string, len(env))
	for name := range env {
		shown[name] = "(set)"
	}
	return shown
}
