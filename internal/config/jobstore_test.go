package config_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/omni-run/omni/internal/config"
)

// given loads a configuration from YAML and variables.
func given(t *testing.T, yaml string, env map[string]string) (config.Config, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "omni.yaml")
	if err := os.WriteFile(path, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	return config.Load(path, func(name string) string { return env[name] })
}

func TestJobStoreIsChosen(t *testing.T) {
	t.Parallel()
	c, err := given(t, "mode: production\n", map[string]string{"OMNI_JOBS_URL": "postgres://u:hunter2@db:5432/omni?sslmode=require"})
	if err != nil || c.Jobs.Store != config.JobStorePostgres || c.Jobs.Lease.D() != 15*time.Second {
		t.Fatalf("%+v %v", c.Jobs, err)
	}
	if raw, err := json.Marshal(c.Shown()); err != nil || strings.Contains(string(raw), "hunter2") || !strings.Contains(string(raw), "postgres://db:5432/omni") {
		t.Errorf("%v %s", err, raw)
	}
	for yaml, want := range map[string]string{
		"jobs: {store: mysql}":                                             "jobs.store",
		"jobs: {store: postgres}":                                          "needs a URL",
		"jobs: {store: sqlite, url: \"postgres://h/d\"}":                   "take the URL away",
		"jobs: {url: \"mysql://u:hunter2@h/d\"}":                           "cannot be used",
		"jobs: {url: \"postgres:///d\"}":                                   "cannot be used",
		"jobs: {lease: 1ms}":                                               "jobs.lease",
		"webhooks: {allow_networks: [everything]}":                         "allow_networks[0]",
		"webhooks: {timeout: 1h}":                                          "webhooks.timeout",
		"webhooks: {disable_after: 1s}":                                    "webhooks.disable_after",
		"webhooks: {per_tenant: 0, key_file: /does/not/exist}":             "webhooks.key_file",
		"cache: {max_bytes: 1}":                                            "cache.max_bytes",
		"cache: {tenant_bytes: 1000000000}":                                "cache.tenant_bytes",
		"routes: [{method: POST, path: /x, service: x, cache: {ttl: 1m}}]": "cache.ttl",
		"routes: [{method: POST, path: /x, service: x, idempotent: true, async: true, cache: {ttl: 1m}}]": "cache.ttl",
		"routes: [{method: POST, path: /x, service: x, idempotent: true, cache: {ttl: 25h}}]":             "cache.ttl",
		"routes: [{method: POST, path: /x, service: x, idempotent: true, cache: {versioned: true}}]":      "cache.versioned",
		"routes: [{method: POST, path: /webhooks/x, service: x}]":                                         "belongs to the gateway",
	} {
		_, err := given(t, yaml+"\n", nil)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", yaml, err)
		}
	}
}

func TestWebhookKey(t *testing.T) {
	t.Parallel()
	key := bytes.Repeat([]byte{7}, 32)
	text := base64.StdEncoding.EncodeToString(key)
	c, err := given(t, "{}\n", map[string]string{"OMNI_WEBHOOK_KEY": text + "\n"})
	if err != nil || !bytes.Equal(c.Webhooks.Key, key) {
		t.Fatalf("%x %v", c.Webhooks.Key, err)
	}
	if raw, err := json.Marshal(c.Shown()); err != nil || strings.Contains(string(raw), text) {
		t.Errorf("%v %s", err, raw)
	}
	for _, bad := range []string{"short", text[:20], text + text} {
		if _, err := given(t, "{}\n", map[string]string{"OMNI_WEBHOOK_KEY": bad}); err == nil || strings.Contains(err.Error(), bad) {
			t.Errorf("%v", err)
		}
	}
	if *c.Webhooks.AllowHTTP || len(c.Webhooks.AllowNetworks) != 0 {
		t.Errorf("%+v", c.Webhooks)
	}
	if c, err := given(t, "mode: development\n", nil); err != nil || !*c.Webhooks.AllowHTTP || len(c.Webhooks.AllowNetworks) != 2 {
		t.Errorf("%+v %v", c.Webhooks, err)
	}
}

func TestIdempotencyStoreIsChosen(t *testing.T) {
	t.Parallel()
	c, err := given(t, "mode: production\n", map[string]string{"OMNI_IDEMPOTENCY_URL": "postgres://u:hunter2@db:5432/omni?sslmode=require"})
	if err != nil || c.Idempotency.Store != config.IdempotencyStorePostgres {
		t.Fatalf("%+v %v", c.Idempotency, err)
	}
	if raw, err := json.Marshal(c.Shown()); err != nil || strings.Contains(string(raw), "hunter2") {
		t.Errorf("%v %s", err, raw)
	}
	c, err = given(t, "jobs: {url: \"postgres://h/d\"}\nidempotency: {store: postgres}\n", nil)
	if err != nil || c.Idempotency.URL != "postgres://h/d" {
		t.Errorf("that of the jobs: %+v %v", c.Idempotency, err)
	}
	if c, err = given(t, "mode: development\n", nil); err != nil || c.Idempotency.Store != config.IdempotencyStoreSQLite {
		t.Errorf("%+v %v", c.Idempotency, err)
	}
	for yaml, want := range map[string]string{
		"idempotency: {store: mysql}":                           "idempotency.store",
		"idempotency: {store: postgres}":                        "needs a URL",
		"idempotency: {store: sqlite, url: \"postgres://h/d\"}": "take the URL away",
		"idempotency: {url: \"mysql://u:hunter2@h/d\"}":         "cannot be used",
	} {
		if _, err := given(t, yaml+"\n", nil); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", yaml, err)
		}
	}
}
