package config_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/omni-run/omni/internal/config"
)

func TestLimitStore(t *testing.T) {
	t.Parallel()
	memory := config.LimitStore{Kind: "memory", Prefix: "omni:limit:", Timeout: config.Duration(50 * time.Millisecond), Gateways: 1}
	shared := func(url string) config.LimitStore {
		s := memory
		s.Kind, s.URL = "redis", url
		return s
	}
	for name, c := range map[string]struct {
		yaml string
		env  []string
		want config.LimitStore
	}{
		"nothing":               {"", nil, memory},
		"memory":                {"limit_store: {kind: memory}", nil, memory},
		"a URL alone":           {"limit_store: {url: 'redis://h'}", nil, shared("redis://h")},
		"from the environment":  {"", []string{"OMNI_REDIS_URL", "rediss://:pw@h:1/2"}, shared("rediss://:pw@h:1/2")},
		"environment overrides": {"limit_store: {kind: redis, url: 'redis://h'}", []string{"OMNI_REDIS_URL", "redis://other/"}, shared("redis://other/")},
		"a socket":              {"limit_store: {kind: redis, url: 'unix:///run/redis.sock?db=3'}", nil, shared("unix:///run/redis.sock?db=3")},
		"valkey":                {"limit_store: {url: 'valkey://u:p@[::1]:6379/0?protocol=2'}", nil, shared("valkey://u:p@[::1]:6379/0?protocol=2")},
		"all": {"limit_store: {kind: redis, url: 'redis://h', prefix: 'a:', timeout: 20ms, gateways: 3}", nil, config.LimitStore{
			Kind: "redis", URL: "redis://h", Prefix: "a:", Timeout: config.Duration(20 * time.Millisecond), Gateways: 3,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := load(t, c.yaml, c.env...)
			if err != nil || got.LimitStore != c.want {
				t.Errorf("got %+v, %v\nwant %+v", got.LimitStore, err, c.want)
			}
		})
	}
}

func TestLimitStoreRefusals(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		yaml, want string
		env        []string
	}{
		"unknown kind":         {"limit_store: {kind: memcached}", "limit_store.kind", nil},
		"redis without a URL":  {"limit_store: {kind: redis}", "needs a URL", nil},
		"memory with a URL":    {"limit_store: {kind: memory, url: 'redis://h'}", "but a URL is given", nil},
		"memory, URL from env": {"limit_store: {kind: memory}", "but a URL is given", []string{"OMNI_REDIS_URL", "redis://:hunter2@h"}},
		"scheme":               {"limit_store: {url: 'http://:hunter2@h'}", "scheme", nil},
		"unreadable":           {"limit_store: {url: 'redis://:hunter2@h:port'}", "cannot be read", nil},
		"bad escape":           {"", "cannot be read", []string{"OMNI_REDIS_URL", "redis://%zz:hunter2@h"}},
		"no host":              {"limit_store: {url: 'redis://:hunter2@'}", "host is missing", nil},
		"database":             {"limit_store: {url: 'redis://:hunter2@h/users'}", "database", nil},
		"negative database":    {"limit_store: {url: 'redis://:hunter2@h/-1'}", "database", nil},
		"database as option":   {"limit_store: {url: 'redis://:hunter2@h?db=x'}", "database", nil},
		"two slashes":          {"limit_store: {url: 'unix://run/redis.sock'}", "three slashes", nil},
		"insecure TLS":         {"limit_store: {url: 'rediss://:hunter2@h?skip_verify=1'}", "option", nil},
		"a secret as option":   {"limit_store: {url: 'redis://h?password=hunter2'}", "option", nil},
		"a bad query":          {"limit_store: {url: 'redis://h?%zz=hunter2'}", "question mark", nil},
		"prefix with a brace":  {"limit_store: {prefix: '{omni}'}", "limit_store.prefix", nil},
		"long prefix":          {"limit_store: {prefix: " + strings.Repeat("a", 65) + "}", "limit_store.prefix", nil},
		"long timeout":         {"limit_store: {timeout: 1h}", "limit_store.timeout", nil},
		"negative timeout":     {"limit_store: {timeout: -1ms}", "limit_store.timeout", nil},
		"negative gateways":    {"limit_store: {gateways: -1}", "limit_store.gateways", nil},
		"too many gateways":    {"limit_store: {gateways: 10001}", "limit_store.gateways", nil},
		"unknown field":        {"limit_store: {adress: h}", "adress", nil},
		"endless burst":        {"tiers: {free: {requests_per_minute: 1, burst: 80000}}", "tiers.free.burst = 80000", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := load(t, c.yaml, c.env...)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want it to name %q", err, c.want)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error shows a secret: %v", err)
			}
		})
	}
}

func TestLimitStoreIsShownWithoutSecrets(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"redis://u:hunter2@h:6379/2?master_set=hunter2": "redis://h:6379/2",
		"redis://hunter2@h":                             "redis://h",
		"unix://u:hunter2@/run/redis.sock?db=1":         "unix:///run/redis.sock",
		"redis://%zz:hunter2@h":                         "(set)",
		"":                                              "",
	} {
		c := config.Config{LimitStore: config.LimitStore{URL: url}}.WithDefaults()
		shown := fmt.Sprint(c.Shown())
		if strings.Contains(shown, "hunter2") {
			t.Errorf("%s: shown as %s", url, shown)
		}
		store, ok := c.Shown()["limit_store"].(map[string]any)
		if !ok || store["url"] != want {
			t.Errorf("%s: shown as %v, want %q", url, store, want)
		}
		if c.LimitStore.URL != url {
			t.Errorf("Shown changed the configuration to %q", c.LimitStore.URL)
		}
	}
}
