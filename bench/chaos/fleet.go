package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/omni-run/omni/bench/fleet"
	"github.com/omni-run/omni/client"
)

const (
	masterKey   = "chaos-master-key-0123456789"
	workerToken = "chaos-worker-token-0123456789"
)

// platform is two gateways, two workers and the balancer before the former.
type platform struct {
	dir      string
	tenants  []fleet.Tenant
	gateways []*fleet.Process
	workers  []*fleet.Process
	balancer *balancer
	watching context.CancelFunc

	kills, rolls atomic.Int64
}

func startPlatform(ctx context.Context, dir string, tenants int) (f *platform, err error) {
	f = &platform{dir: dir}
	if f.tenants, err = fleet.Keys(ctx, filepath.Join(dir, "keys.json"), "enterprise", tenants); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.stop())
		}
	}()
	workers, err := f.addWorkers()
	if err != nil {
		return nil, err
	}
	addresses, err := f.addGateways(workers)
	if err != nil {
		return nil, err
	}
	for _, p := range f.processes() {
		if err := p.Start(); err != nil {
			return nil, err
		}
	}
	if f.balancer, err = newBalancer(addresses); err != nil {
		return nil, err
	}
	watch, cancel := context.WithCancel(context.WithoutCancel(ctx))
	f.watching = cancel
	go f.balancer.watch(watch)
	go f.balancer.serve()
	for _, g := range f.gateways {
		if err := g.Answers(ctx, "/health/ready"); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// addWorkers returns the workers as the gateways' configuration has them.
func (f *platform) addWorkers() (yaml string, err error) {
	for i := range 2 {
		address, err := fleet.FreeAddress()
		if err != nil {
			return "", err
		}
		data := filepath.Join(f.dir, fmt.Sprint("worker", i))
		f.workers = append(f.workers, &fleet.Process{Path: filepath.Join(f.dir, "omni-worker"), Address: address, Log: data + ".log", Env: []string{
			"OMNI_WORKER_LISTEN=" + address, "OMNI_DATA_DIR=" + data, "OMNI_WORKER_TOKEN=" + workerToken,
		}})
		yaml += fmt.Sprintf("  - {name: w%d, url: \"http://%s\"}\n", i, address)
	}
	return yaml, nil
}

func (f *platform) addGateways(workers string) (addresses []string, err error) {
	for i := range 2 {
		address, err := fleet.FreeAddress()
		if err != nil {
			return nil, err
		}
		data := filepath.Join(f.dir, fmt.Sprint("gateway", i))
		config := data + ".yaml"
		text := fmt.Sprintf("mode: production\nlisten: %q\ndata_dir: %q\nkeys: {store: file, path: %q}\n"+
			"tiers: {enterprise: {requests_per_minute: 100000000, burst: 10000000, concurrent: 10000, max_body: 1000000, weight: 1}}\nworkers:\n%s",
			address, data, filepath.Join(f.dir, "keys.json"), workers)
		if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
			return nil, err
		}
		addresses = append(addresses, address)
		f.gateways = append(f.gateways, &fleet.Process{Path: filepath.Join(f.dir, "omni-gateway"), Address: address, Log: data + ".log", Env: []string{
			"OMNI_CONFIG=" + config, "MASTER_API_KEY=" + masterKey, "OMNI_WORKER_TOKEN=" + workerToken,
		}})
	}
	return addresses, nil
}

// processes are all, those others depend on first.
func (f *platform) processes() []*fleet.Process {
	return append(append([]*fleet.Process{}, f.workers...), f.gateways...)
}

// killWorkers kills one worker after the other, and starts it again at once.
func (f *platform) killWorkers(ctx context.Context, every time.Duration) error {
	return periodically(ctx, every, func(n int) error {
		w := f.workers[n%len(f.workers)]
		f.kills.Add(1)
		return errors.Join(w.End(syscall.SIGKILL), w.Start())
	})
}

// rollGateways replaces one gateway after the other, as a rolling update does.
func (f *platform) rollGateways(ctx context.Context, every time.Duration) error {
	return periodically(ctx, every, func(n int) error {
		g := f.gateways[n%len(f.gateways)]
		f.rolls.Add(1)
		if err := g.End(syscall.SIGTERM); err != nil {
			return err
		}
		return errors.Join(g.Start(), g.Answers(context.WithoutCancel(ctx), "/health/ready"))
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
func (f *platform) ledgers(ctx context.Context) (map[string]int64, error) {
	sums := map[string]int64{}
	for _, g := range f.gateways {
		if err := errors.Join(g.End(syscall.SIGTERM), g.Start(), g.Answers(ctx, "/health/ready")); err != nil {
			return nil, err
		}
		c, err := client.New("http://"+g.Address, masterKey)
		if err != nil {
			return nil, err
		}
		for _, t := range f.tenants {
			u, err := c.UsageOf(ctx, t.ID, "", "")
			if err != nil {
				return nil, fmt.Errorf("usage of %s: %w", t.ID, err)
			}
			sums[t.ID] += u.Total.Requests
		}
		c.CloseIdleConnections()
	}
	return sums, nil
}

func (f *platform) stop() error {
	var err error
	if f.watching != nil {
		f.watching()
	}
	if f.balancer != nil {
		err = f.balancer.listener.Close()
	}
	for _, p := range append(append([]*fleet.Process{}, f.gateways...), f.workers...) {
		err = errors.Join(err, p.End(syscall.SIGTERM))
	}
	return err
}
