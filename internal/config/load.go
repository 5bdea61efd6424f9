package config

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/omni-run/omni/internal/otlp"
)

// Load reads a YAML file (none when path is empty), lets the environment
// override what it may, fills defaults and checks the result. Unknown fields
// are errors, with their line.
func Load(path string, getenv func(string) string) (Config, error) {
	if path == "" {
		return read(nil, getenv, false)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return Config{}, fmt.Errorf("reading the configuration: %w", err)
	}
	c, err := read(raw, getenv, true)
	if err != nil {
		return Config{}, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// read makes a configuration of a file's content and the environment. quoted
// lets an error about the YAML show the lines around it, which may hold
// secrets.
func read(raw []byte, getenv func(string) string, quoted bool) (Config, error) {
	c, err := parse(raw, quoted)
	if err != nil {
		return Config{}, err
	}
	if err := c.fromEnvironment(getenv); err != nil {
		return Config{}, err
	}
	c = c.WithDefaults()
	if err := c.Validate(getenv); err != nil {
		return Config{}, locate(raw, err)
	}
	return c, nil
}

// Parse decodes YAML strictly, without defaults or checks.
func Parse(raw []byte) (Config, error) { return parse(raw, true) }

func parse(raw []byte, quoted bool) (c Config, err error) {
	// The library panics on some texts that are no YAML, such as a tag where a
	// list belongs. A file that changes must not bring a running gateway down.
	defer func() {
		if p := recover(); p != nil {
			c, err = Config{}, fmt.Errorf("the text cannot be read as YAML: %v", p)
		}
	}()
	if len(strings.TrimSpace(string(raw))) == 0 {
		return c, nil
	}
	if err = yaml.UnmarshalWithOptions(raw, &c, yaml.Strict()); err != nil {
		return Config{}, errors.New(yaml.FormatError(err, false, quoted))
	}
	if err = onlyWhole(raw, reflect.TypeFor[Config]()); err != nil {
		return Config{}, err
	}
	return c, nil
}

// fromEnvironment applies the variables that platforms and secret managers
// set. Each is documented at its field.
func (c *Config) fromEnvironment(getenv func(string) string) error {
	set := func(name string, field *string) {
		if v := getenv(name); v != "" {
			*field = v
		}
	}
	set("OMNI_MODE", &c.Mode)
	set("OMNI_LISTEN", &c.Listen)
	set("OMNI_DATA_DIR", &c.DataDir)
	set("OMNI_LOG_LEVEL", &c.Log.Level)
	set("OMNI_LOG_FORMAT", &c.Log.Format)
	set("OTEL_EXPORTER_OTLP_ENDPOINT", &c.Traces.Endpoint)
	c.Traces.Headers = otlp.ParseHeaders(getenv("OTEL_EXPORTER_OTLP_HEADERS"))
	set("OMNI_KEYS_STORE", &c.Keys.Store)
	set("OMNI_KEYS_PATH", &c.Keys.Path)
	set("OMNI_KEYS_URL", &c.Keys.URL)
	set("OMNI_JOBS_URL", &c.Jobs.URL)
	set("OMNI_IDEMPOTENCY_URL", &c.Idempotency.URL)
	set("OMNI_REDIS_URL", &c.LimitStore.URL)
	set("SENTRY_DSN", &c.Sentry.DSN)
	set("MASTER_API_KEY", &c.MasterKey)
	set("GOOGLE_CLOUD_PROJECT", &c.Project)
	if err := c.Webhooks.readKey(getenv("OMNI_WEBHOOK_KEY")); err != nil {
		return err
	}
	if port := getenv("PORT"); port != "" {
		host := ""
		if i := strings.LastIndex(c.Listen, ":"); i > 0 {
			host = c.Listen[:i]
		}
		c.Listen = host + ":" + port
	}
	if url := getenv("OMNI_WORKER_URL"); url != "" && len(c.Workers) == 0 {
		c.Workers = []Worker{{Name: "worker", URL: url}}
	}
	for i := range c.Workers {
		w := &c.Workers[i]
		if w.TokenFile == "" {
			w.Token = getenv("OMNI_WORKER_TOKEN")
			continue
		}
		raw, err := os.ReadFile(w.TokenFile)
		if err != nil {
			return fmt.Errorf("workers[%d].token_file: %w", i, err)
		}
		w.Token = strings.TrimSpace(string(raw))
	}
	return nil
}
