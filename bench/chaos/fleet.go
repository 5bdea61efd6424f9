package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/omni-run/omni/client"
	"github.com/omni-run/omni/internal/authn"
	"github.com/omni-run/omni/internal/authn/filestore"
)

const (
	masterKey   = "chaos-master-key-0123456789"
	workerToken = "chaos-worker-token-0123456789"
	patience    = 60 * time.Second
)

// tenant is a caller's identity.
type tenant struct{ id, key string }

// fleet is two gateways, two workers and the balancer before the former.
type fleet struct {
	dir      string
	tenants  []tenant
	gateways []*process
	workers  []*process
	balancer *balancer
	watching context.CancelFunc

	kills, rolls atomic.Int64
}

// process is a binary that can be started again with the same arguments.
type process struct {
	path, address, log string
	env                []string
	cmd                *exec.Cmd
	ended              chan error
}

func startFleet(ctx context.Context, dir string, tenants int) (*fleet, error) {
	f := &fleet{dir: dir}
	if err := f.makeKeys(ctx, tenants); err != nil {
		return nil, err
	}
	var workers string
	for i := range 2 {
		address, err := freeAddress()
		if err != nil {
			return nil, err
		}
		data := filepath.Join(dir, fmt.Sprint("worker", i))
		p := &process{path: filepath.Join(dir, "omni-worker"), address: address, log: data + ".log", env: []string{
			"OMNI_WORKER_LISTEN=" + address, "OMNI_DATA_DIR=" + data, "OMNI_WORKER_TOKEN=" + workerToken,
		}}
		f.workers = append(f.workers, p)
		workers += fmt.Sprintf("  - {name: w%d, url: \"http://%s\"}\n", i, address)
	}
	var addresses []string
	for i := range 2 {
		address, err := freeAddress()
		if err != nil {
			return nil, err
		}
		data := filepath.Join(dir, fmt.Sprint("gateway", i))
		config := data + ".yaml"
		text := fmt.Sprintf("mode: production\nlisten: %q\ndata_dir: %q\nkeys: {store: file, path: %q}\n"+
			"tiers: {enterprise: {requests_per_minute: 100000000, burst: 10000000, concurrent: 10000, max_body: 1000000, weight: 1}}\nworkers:\n%s",
			address, data, filepath.Join(dir, "keys.json"), workers)
		if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
			return nil, err
		}
		addresses = append(addresses, address)
		f.gateways = append(f.gateways, &process{path: filepath.Join(dir, "omni-gateway"), address: address, log: data + ".log", env: []string{
			"OMNI_CONFIG=" + config, "MASTER_API_KEY=" + masterKey, "OMNI_WORKER_TOKEN=" + workerToken,
		}})
	}
	for _, p := range append(append([]*process{}, f.workers...), f.gateways...) {
		if err := p.start(); err != nil {
			return nil, errors.Join(err, f.stop())
		}
	}
	var err error
	if f.balancer, err = newBalancer(addresses); err != nil {
		return nil, errors.Join(err, f.stop())
	}
	watch, cancel := context.WithCancel(context.WithoutCancel(ctx))
	f.watching = cancel
	go f.balancer.watch(watch)
	go f.balancer.serve()
	for _, g := range f.gateways {
		if err := g.answers(ctx, "/health/ready"); err != nil {
			return nil, errors.Join(err, f.stop())
		}
	}
	return f, nil
}

func (f *fleet) makeKeys(ctx context.Context, n int) error {
	store, err := filestore.Open(filepath.Join(f.dir, "keys.json"), filestore.Options{Create: true})
	if err != nil {
		return err
	}
	issuer := authn.Issuer{Store: store, Tiers: []string{"enterprise"}}
	for i := range n {
		id := fmt.Sprintf("tenant-%03d", i)
		if _, err := issuer.CreateTenant(ctx, authn.Tenant{ID: id, Tier: "enterprise"}); err != nil {
			return err
		}
		text, _, err := issuer.CreateKey(ctx, authn.NewKey{Tenant: id})
		if err != nil {
			return err
		}
		f.tenants = append(f.tenants, tenant{id, text})
	}
	return store.Close()
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // returns at once
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// start starts the process; its output is added to its log.
func (p *process) start() error {
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }() // the child has its own
	p.cmd = exec.Command(p.path)       //nolint:noctx // it outlives many contexts
	p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = p.env, log, log
	if err := p.cmd.Start(); err != nil {
		return err
	}
	p.ended = make(chan error, 1)
	go func(c *exec.Cmd, ended chan error) { ended <- c.Wait() }(p.cmd, p.ended)
	return nil
}

// answers waits until the path answers 200.
func (p *process) answers(ctx context.Context, path string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.address+path, nil)
		if err != nil {
			return err
		}
		res, err := http.DefaultClient.Do(req)
		if err == nil {
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s never answers %s; see %s", filepath.Base(p.path), path, p.log)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// end sends the signal and waits for the end.
func (p *process) end(s syscall.Signal) error {
	if p.cmd == nil || p.ended == nil {
		return nil
	}
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case err := <-p.ended:
		p.ended = nil
		if s == syscall.SIGTERM && err != nil {
			return fmt.Errorf("%s did not end well: %w; see %s", filepath.Base(p.path), err, p.log)
		}
		return nil
	case <-time.After(patience):
		return fmt.Errorf("%s does not end", filepath.Base(p.path))
	}
}

// killWorkers kills one worker after the other, and starts it again at once.
func (f *fleet) killWorkers(ctx context.Context, every time.Duration) error {
	return periodically(ctx, every, func(n int) error {
		w := f.workers[n%len(f.workers)]
		f.kills.Add(1)
		return errors.Join(w.end(syscall.SIGKILL), w.start())
	})
}

// rollGateways replaces one gateway after the other, as a rolling update does.
func (f *fleet) rollGateways(ctx context.Context, every time.Duration) error {
	return periodically(ctx, every, func(n int) error {
		g := f.gateways[n%len(f.gateways)]
		f.rolls.Add(1)
		if err := g.end(syscall.SIGTERM); err != nil {
			return err
		}
		return errors.Join(g.start(), g.answers(context.WithoutCancel(ctx), "/health/ready"))
	})
}

func periodically(ctx context.Context, every time.Duration, f func(n int) error) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := f(n); err != nil {
			return err
		}
	}
}

// ledgers adds up each tenant's requests over both gateways, after both were
// stopped and started once more, so that what counts is what is on disk.
func (f *fleet) ledgers(ctx context.Context) (map[string]int64, error) {
	sums := map[string]int64{}
	for _, g := range f.gateways {
		if err := errors.Join(g.end(syscall.SIGTERM), g.start(), g.answers(ctx, "/health/ready")); err != nil {
			return nil, err
		}
		c, err := client.New("http://"+g.address, masterKey)
		if err != nil {
			return nil, err
		}
		for _, t := range f.tenants {
			u, err := c.UsageOf(ctx, t.id, "", "")
			if err != nil {
				return nil, fmt.Errorf("usage of %s: %w", t.id, err)
			}
			sums[t.id] += u.Total.Requests
		}
		c.CloseIdleConnections()
	}
	return sums, nil
}

func (f *fleet) stop() error {
	var err error
	if f.watching != nil {
		f.watching()
	}
	if f.balancer != nil {
		err = f.balancer.listener.Close()
	}
	for _, p := range append(append([]*process{}, f.gateways...), f.workers...) {
		err = errors.Join(err, p.end(syscall.SIGTERM))
	}
	return err
}
