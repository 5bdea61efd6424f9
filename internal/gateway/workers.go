package gateway

import (
	"fmt"
	"net/url"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/omni-run/omni/internal/config"
	"github.com/omni-run/omni/internal/pool"
	"github.com/omni-run/omni/internal/pool/googleid"
	"github.com/omni-run/omni/internal/pool/wake"
	"github.com/omni-run/omni/internal/tlsfiles"
)

// poolWorkers makes what the pool needs of configured workers.
func (g *Gateway) poolWorkers(configured []config.Worker) ([]pool.Worker, error) {
	out := make([]pool.Worker, 0, len(configured))
	for _, c := range configured {
		w, err := g.poolWorker(c)
		if err != nil {
			return nil, err
		}
		out = append(out, w)
	}
	return out, nil
}

// poolWorker makes what the pool needs of one configured worker: how it is
// reached, how the gateway shows who it is, and how the worker is woken.
func (g *Gateway) poolWorker(c config.Worker) (pool.Worker, error) {
	w := pool.Worker{Name: c.Name, URL: c.URL, Group: c.Pool, Resolve: c.Resolve.D(), Services: c.Services, Token: c.Token}
	base, err := url.Parse(c.URL)
	if err != nil {
		return w, fmt.Errorf("worker %s: its address is not a URL", c.Name)
	}
	if c.TLS != (config.WorkerTLS{}) {
		files, err := tlsfiles.Open(tlsfiles.Files{CA: c.TLS.CAFile, Cert: c.TLS.CertFile, Key: c.TLS.KeyFile}, g.opt.Log, g.opt.Now)
		if err != nil {
			return w, fmt.Errorf("worker %s: %w", c.Name, err)
		}
		name := c.TLS.ServerName
		if name == "" {
			name = base.Hostname()
		}
		w.TLS = files.Client(name)
	}
	if c.Identity == config.IdentityGoogle {
		w.Authorize = googleid.New(c.Audience, g.opt.Getenv, g.opt.Now).Authorize
	}
	if c.Wake.Kind == "" {
		return w, nil
	}
	w.Idle, w.WakeTimeout = c.Wake.Idle.D(), c.Wake.Timeout.D()
	w.Keeper, err = g.keeper(c, w)
	if err != nil {
		err = fmt.Errorf("worker %s: %w", c.Name, err)
	}
	return w, err
}

// startable refuses workers whose command is not there, while those they are to
// replace still run.
func startable(workers []config.Worker) error {
	for _, w := range workers {
		if w.Wake.Kind != config.WakeProcess {
			continue
		}
		command := w.Wake.Command[0]
		if strings.ContainsRune(command, filepath.Separator) && !filepath.IsAbs(command) {
			command = filepath.Join(w.Wake.Dir, command)
		}
		if _, err := exec.LookPath(command); err != nil {
			return fmt.Errorf("workers (%s): wake.command: %w", w.Name, err)
		}
	}
	return nil
}

// toProve marks the workers that are woken in another way than before. The one
// before can stand in where nothing else about the worker is another.
func toProve(workers []pool.Worker, put, running []config.Worker) {
	for i, w := range put {
		before := slices.IndexFunc(running, func(r config.Worker) bool { return r.Name == w.Name })
		if before < 0 {
			workers[i].Prove = true
			continue
		}
		was := running[before]
		workers[i].Prove = was.URL != w.URL || !reflect.DeepEqual(how(was.Wake), how(w.Wake))
		was.Wake = w.Wake
		workers[i].Former = reflect.DeepEqual(was, w)
	}
}

// how is what decides whether a wake goes well: another idle time is no reason
// to wake a worker that nobody calls.
func how(k config.Wake) config.Wake {
	k.Idle, k.Timeout, k.StopGrace = 0, 0, 0
	return k
}

// keeper brings one worker up and lets it go again.
func (g *Gateway) keeper(c config.Worker, w pool.Worker) (pool.Keeper, error) {
	log := g.opt.Log
	switch k := c.Wake; k.Kind {
	case config.WakeProcess:
		return &wake.Process{
			Name: c.Name, Command: k.Command, Dir: k.Dir, Env: processEnv(g.opt.Environ, c), Grace: k.StopGrace.D(),
			Output: g.opt.WorkerOutput, Log: log,
		}, nil
	case config.WakeHTTP:
		return &wake.HTTP{Name: c.Name, URL: k.URL, Token: w.Token, Authorize: w.Authorize, TLS: w.TLS, Log: log}, nil
	case config.WakeKubernetes:
		o := k.Kubernetes
		keeper := &wake.Kubernetes{
			Name: c.Name, Server: o.Server, Namespace: o.Namespace, Resource: o.Resource, Object: o.Object, Replicas: o.Replicas,
			TokenFile: o.TokenFile, CAFile: o.CAFile, Log: log,
		}
		return keeper, keeper.InCluster(g.opt.Getenv)
	default:
		return nil, fmt.Errorf("wake.kind = %q is not a kind of wake", k.Kind)
	}
}

// unshared are the gateway's own settings and secrets, which a worker's
// process is not given.
var unshared = map[string]bool{
	"MASTER_API_KEY": true, "PORT": true, "OMNI_CONFIG": true, "OMNI_LISTEN": true, "OMNI_MODE": true, "OMNI_REDIS_URL": true,
	"OMNI_WORKER_URL": true, "OMNI_WORKER_TOKEN": true, "OMNI_WORKER_TOKEN_FILE": true,
}

// processEnv is the environment of a worker's process.
func processEnv(environ []string, c config.Worker) []string {
	var env []string
	for _, pair := range environ {
		name, _, _ := strings.Cut(pair, "=")
		if _, given := c.Wake.Env[name]; !given && !unshared[name] {
			env = append(env, pair)
		}
	}
	if c.Token != "" {
		env = append(env, "OMNI_WORKER_TOKEN="+c.Token)
	}
	for name, value := range c.Wake.Env {
		env = append(env, name+"="+value)
	}
	return env
}
