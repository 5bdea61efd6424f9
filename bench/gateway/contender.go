package main

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"text/template"
	"time"

	"github.com/omni-run/omni/internal/authn"
	"github.com/omni-run/omni/internal/config"
	"github.com/omni-run/omni/internal/gateway"
)

//go:embed templates
var templates embed.FS

// benchPath is the public path of every call.
const benchPath = "/predict/revenue-lstm"

// contender is one gateway under test.
type contender struct {
	name    string
	port    int
	argv    []string
	version string
	samples []sample
}

// bench is one run.
type bench struct {
	options
	dir          string
	upstreamPort int
	key          string
	body         string
	wrkScript    string
	contenders   []*contender
	left         []string // contenders that are not installed
	direct       []latency
}

// sample is what one round of one contender showed.
type sample struct {
	full        throughput
	cpu         float64 // CPU-ms of all processes for 1,000 requests
	rss         int64
	first       time.Duration // from exec to the first 200
	constant    latency
	constantCPU float64
}

func newBench(ctx context.Context, o options, dir string) (*bench, error) {
	for _, program := range []string{"nginx", "wrk", "taskset", "go"} {
		if !installed(program) {
			return nil, fmt.Errorf("%s is needed and not installed", program)
		}
	}
	b := &bench{options: o, dir: dir, upstreamPort: 18131}
	b.body = jsonOf(600)
	if err := b.makeKey(ctx); err != nil {
		return nil, err
	}
	var err error
	if b.wrkScript, err = b.render("wrk.lua", 0); err != nil {
		return nil, err
	}
	all := []func(context.Context, int) (*contender, error){b.older, b.omni, b.nginx, b.haproxy, b.caddyServer, b.fastapi}
	for i, prepare := range all {
		c, err := prepare(ctx, 18132+i)
		switch {
		case err != nil:
			return nil, err
		case !wanted(o.only, c.name):
		case c.argv == nil && c.name == "baseline":
		case c.argv == nil:
			b.left = append(b.left, c.name)
		default:
			b.contenders = append(b.contenders, c)
		}
	}
	if len(b.contenders) == 0 {
		return nil, errors.New("no contender is left")
	}
	return b, nil
}

// makeKey makes a key as an operator would, and keeps the key.
func (b *bench) makeKey(ctx context.Context) error {
	c := config.Config{DataDir: filepath.Join(b.dir, "omni-data")}.WithDefaults()
	if err := os.MkdirAll(c.DataDir, 0o700); err != nil {
		return err
	}
	store, err := gateway.OpenKeyStore(ctx, c, gateway.KeyStoreOptions{})
	if err != nil {
		return err
	}
	issuer := gateway.NewIssuer(store, c, nil)
	if _, err = issuer.CreateTenant(ctx, authn.Tenant{ID: "bench", Tier: "enterprise"}); err == nil {
		b.key, _, err = issuer.CreateKey(ctx, authn.NewKey{Tenant: "bench"})
	}
	return errors.Join(err, store.Close())
}

// render fills a template in and returns where it lies.
func (b *bench) render(name string, port int) (string, error) {
	t, err := template.ParseFS(templates, "templates/"+name)
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	err = t.Execute(&out, map[string]any{
		"Dir": b.dir, "Port": port, "UpstreamPort": b.upstreamPort, "Key": b.key, "Tenant": "bench",
		"Body": b.body, "Answer": jsonOf(1500), "BufferedLog": b.bufferedLog,
		"Health": `{"status":"ok","services_ready":true,"services":{"forecast":{"state":"ready","seconds":0.1}},"max_concurrency":256,"in_flight":0,"version":"bench"}`,
	})
	if err != nil {
		return "", err
	}
	path := filepath.Join(b.dir, name)
	return path, os.WriteFile(path, out.Bytes(), 0o600)
}

// jsonOf makes a JSON document of numbers, n bytes long.
func jsonOf(n int) string {
	out := `{"data":[`
	for i := 0; len(out) < n-12; i++ {
		out += fmt.Sprintf("%d.%d,", 100+i%37, i%10)
	}
	out = strings.TrimSuffix(out, ",") + "]"
	return out + strings.Repeat(" ", max(0, n-1-len(out))) + "}"
}

func (b *bench) omni(ctx context.Context, port int) (*contender, error) {
	c := &contender{name: "omni", port: port, version: "this tree, " + firstLine(ctx, "go", "version")}
	binary := filepath.Join(b.dir, "omni-gateway")
	if !wanted(b.only, c.name) {
		return c, nil
	}
	build := exec.CommandContext(ctx, "go", "build", "-o", binary, "./cmd/omni-gateway")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("building omni-gateway (run this from the project's root): %w: %s", err, out)
	}
	path, err := b.render("omni.yaml", port)
	c.argv = []string{binary, "-config", path}
	return c, err
}

// older is another build of ours, on a data folder of its own.
func (b *bench) older(_ context.Context, port int) (*contender, error) {
	c := &contender{name: "baseline", port: port, version: "the binary given as -baseline"}
	if b.baseline == "" {
		return c, nil
	}
	folder := filepath.Join(b.dir, "older-data")
	if err := os.CopyFS(folder, os.DirFS(filepath.Join(b.dir, "omni-data"))); err != nil {
		return nil, err
	}
	path, err := b.render("omni.yaml", port)
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	path = filepath.Join(b.dir, "older.yaml")
	c.argv = []string{b.baseline, "-config", path}
	return c, os.WriteFile(path, bytes.Replace(text, []byte(filepath.Join(b.dir, "omni-data")), []byte(folder), 1), 0o600)
}

func (b *bench) nginx(ctx context.Context, port int) (*contender, error) {
	path, err := b.render("nginx.conf", port)
	return &contender{name: "nginx", port: port, version: firstLine(ctx, "nginx", "-v"), argv: []string{"nginx", "-p", b.dir, "-c", path}}, err
}

func (b *bench) haproxy(ctx context.Context, port int) (*contender, error) {
	c := &contender{name: "haproxy", port: port}
	if !installed("haproxy") {
		return c, nil
	}
	if err := os.WriteFile(filepath.Join(b.dir, "haproxy-keys.map"), []byte(b.key+" bench\n"), 0o600); err != nil {
		return nil, err
	}
	path, err := b.render("haproxy.cfg", port)
	c.version, c.argv = firstLine(ctx, "haproxy", "-v"), []string{"haproxy", "-db", "-f", path}
	return c, err
}

func (b *bench) caddyServer(ctx context.Context, port int) (*contender, error) {
	c := &contender{name: "caddy", port: port}
	if !installed(b.caddy) {
		return c, nil
	}
	path, err := b.render("Caddyfile", port)
	c.version, c.argv = "caddy "+firstLine(ctx, b.caddy, "version"), []string{b.caddy, "run", "--config", path, "--adapter", "caddyfile"}
	return c, err
}

func (b *bench) fastapi(ctx context.Context, port int) (*contender, error) {
	c := &contender{name: "fastapi", port: port}
	versions := "import fastapi, httpx, uvicorn, prometheus_client, sys; print('fastapi', fastapi.__version__, 'httpx', httpx.__version__, 'uvicorn', uvicorn.__version__, 'Python', sys.version.split()[0])"
	if exec.CommandContext(ctx, b.python, "-c", versions).Run() != nil {
		return c, nil //nolint:nilerr // not installed: left out, and said so
	}
	path, err := b.render("fastapi.py", port)
	c.version = firstLine(ctx, b.python, "-c", versions)
	c.argv = []string{b.python, "-m", "uvicorn", "--app-dir", filepath.Dir(path), "fastapi_app:app", "--host", "127.0.0.1", "--port", fmt.Sprint(port), "--no-access-log", "--log-level", "warning"}
	if err == nil {
		// A module of its own name: fastapi.py would hide the library.
		err = os.Rename(path, filepath.Join(b.dir, "fastapi_app.py"))
	}
	return c, err
}

// firstLine is the first line a program prints.
func firstLine(ctx context.Context, program string, args ...string) string {
	out, err := exec.CommandContext(ctx, program, args...).CombinedOutput()
	line, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	if err != nil && line == "" {
		return "unknown version"
	}
	return line
}
