package config_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/omni-run/omni/internal/config"
)

const base = `mode: development
limits: {max_body: 1048576}
tiers:
  free: {max_body: 65536}
  pro: {max_body: 65536}
  enterprise: {max_body: 65536}
workers:
  - {name: a, url: "http://127.0.0.1:9090"}
  - {name: sleeper, url: "http://127.0.0.1:9091", wake: {kind: process, command: [worker]}}
`

func TestWhatNeedsARestart(t *testing.T) {
	t.Parallel()
	running, err := load(t, base)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ from, to, want string }{
		{"", "", ""},
		{"", "server: net/http\n", "server"},
		{"", "listen: 127.0.0.1:9999\n", "listen"},
		{"", "data_dir: elsewhere\n", "data_dir keys.path"},
		{"", "log: {level: debug, access: false}\n", ""},
		{"", "log: {format: text}\n", "log.format"},
		{"1048576}", "1048576, idle_timeout: 1s, json_depth: 9, public_per_minute: 7}", "limits.idle_timeout"},
		{"free: {max_body: 65536}", "free: {max_body: 65536, burst: 77}", ""},
		{"", "hold: {max_wait: 1s, credit: 0}\nbalance: {slow_start: 1s}\ncache: {enabled: false}\ntrusted_proxies: [10.0.0.0/8]\nno_default_routes: true\n", ""},
		{"", "balance: {connect_timeout: 1s}\n", ""},
		{"9090", "9095", ""},
		{"9091", "9095", ""},
		{"name: sleeper", "name: other", ""},
		{"", "cors: {allow_origins: ['http://[::1]:3000', 'https://app.example.com:8443']}\n", ""},
		{"", "limit_store: {gateways: 3}\njobs: {keep: 1h}\n", "jobs.keep limit_store.gateways"},
	} {
		text := base + c.to
		if c.from != "" {
			text = strings.Replace(base, c.from, c.to, 1)
		}
		next, err := load(t, text)
		if err != nil {
			t.Fatalf("%q: %v", c.to, err)
		}
		got := next.NeedsRestart(running)
		if strings.Join(got, " ") != c.want {
			t.Errorf("%q: %q, want %q", c.to, got, c.want)
		}
	}
}

func TestWhichWorkersChanged(t *testing.T) {
	t.Parallel()
	worker := func(name, url, token string) config.Worker { return config.Worker{Name: name, URL: url, Token: token} }
	running := config.Config{Workers: []config.Worker{worker("a", "http://a", "1"), worker("b", "http://b", "1"), worker("c", "http://c", "1")}}
	next := config.Config{Workers: []config.Worker{worker("d", "http://d", "1"), worker("b", "http://b", "2"), worker("a", "http://a", "1")}}
	put, removed := next.WorkersChanged(running)
	if len(put) != 2 || put[0].Name != "d" || put[1].Name != "b" || fmt.Sprint(removed) != "[c]" {
		t.Errorf("%v %v", put, removed)
	}
	next.Balance.ConnectTimeout = 1
	if put, _ := next.WorkersChanged(running); len(put) != 3 {
		t.Errorf("other time-outs change every worker: %v", put)
	}
}

// TestFaultsNameTheirLine: what is wrong with a value is said with the line it
// stands in.
func TestFaultsNameTheirLine(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"mode: development\ntiers:\n  pro:\n    weight: 3\n    burst: -4\n":                                          "line 5: tiers.pro.burst = -4",
		"mode: development\n\nhold: {tenant_requests: 99999999}\n":                                                   "line 3: hold.tenant_requests",
		"mode: development\nroutes:\n- {method: GET, path: /a, service: a}\n- {method: GET, path: /b, service: B}\n": "line 4: routes[",
		"mode: development\nworkers:\n- {name: a, url: \"http://a\"}\n- name: b\n  url: ftp://b\n":                   "line 5: workers[1].url",
		"mode: development\nlog: {level: loud}\n":                                                                    "line 2: log.level",
		"mode: development\nhold:\n  max_requests: 10\n":                                                             "line 3: hold.",
		"mode: sideways\nlisten: nowhere\n":                                                                          "line 2: listen",
	} {
		_, err := load(t, text)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func TestSourceKeepsSecretsOutOfItsErrors(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := config.Source{Path: filepath.Join(dir, "omni.yaml"), Getenv: env()}
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(s.Path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, text := range []string{
		"keys: {url: \"postgres://u:hunter22@h/x\"}\nfoo: 1\n", "keys:\n  url: \"postgres://u:hunter22@h/x\n", "keys: [hunter22\n",
		"sentry: {dsn: hunter22}\nlimits: {max_body: [1]}\n", "", "  \n# nothing\n\n",
	} {
		write(text)
		_, err := s.Load()
		if text == "  \n# nothing\n\n" {
			continue // a file of comments is a configuration of defaults
		}
		if err == nil || strings.Contains(err.Error(), "hunter22") || strings.Contains(err.Error(), dir) {
			t.Errorf("%q: %v", text, err)
		}
	}
	write("")
	if _, err := s.Load(); !errors.Is(err, config.ErrEmpty) {
		t.Error(err)
	}
	if err := os.Remove(s.Path); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Load(); !errors.Is(err, os.ErrNotExist) || strings.Contains(err.Error(), dir) {
		t.Error(err)
	}
}

// TestFingerprint: a mounted ConfigMap changes by the exchange of a link, and
// a secret by the file that the configuration names.
func TestFingerprint(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, v := range []string{"one", "two"} {
		must(os.Mkdir(filepath.Join(dir, v), 0o700))
		must(os.WriteFile(filepath.Join(dir, v, "omni.yaml"), []byte("# "+v), 0o600))
	}
	must(os.Symlink("one", filepath.Join(dir, "..data")))
	token := filepath.Join(dir, "token")
	must(os.WriteFile(token, []byte("a"), 0o600))
	s := config.Source{Path: filepath.Join(dir, "..data", "omni.yaml")}
	c := config.Config{Workers: []config.Worker{{TokenFile: token}}}
	first := s.Fingerprint(c)
	if s.Fingerprint(c) != first {
		t.Error("the same content is another fingerprint")
	}
	must(os.Symlink("two", filepath.Join(dir, "next")))
	must(os.Rename(filepath.Join(dir, "next"), filepath.Join(dir, "..data")))
	second := s.Fingerprint(c)
	must(os.WriteFile(token, []byte("b"), 0o600))
	third := s.Fingerprint(c)
	must(os.Remove(token))
	if gone := s.Fingerprint(c); second == first || third == second || gone == third {
		t.Error("a change went unseen")
	}
}
