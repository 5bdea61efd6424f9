// Command chaos calls two gateways and two workers behind a TCP balancer while
// a worker dies by SIGKILL every three seconds and a gateway is rolled by
// SIGTERM every twenty, and then compares: every answer with the one a quiet
// worker gave, and the ledgers with what the callers counted.
//
//	go run ./bench/chaos                      1,000,000 requests of 100 tenants
//	go run ./bench/chaos -requests 20000 -out ""
//
// It ends with 1 if an answer was wrong, a call failed, or a ledger does not
// agree.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/omni-run/omni/bench/fleet"
)

type options struct {
	requests, tenants, clients int
	killEvery, rollEvery       time.Duration
	out                        string
}

func main() {
	var o options
	flag.IntVar(&o.requests, "requests", 1_000_000, "requests in all")
	flag.IntVar(&o.tenants, "tenants", 100, "tenants that send them")
	flag.IntVar(&o.clients, "clients", 32, "callers at once, each with a connection of its own")
	flag.DurationVar(&o.killEvery, "kill", 3*time.Second, "a worker dies this often")
	flag.DurationVar(&o.rollEvery, "roll", 20*time.Second, "a gateway is rolled this often")
	flag.StringVar(&o.out, "out", filepath.Join("bench", "results", "chaos.md"), "where the report goes; empty for standard output only")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench/chaos:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) (err error) {
	dir, err := os.MkdirTemp("", "omni-chaos-")
	if err != nil {
		return err
	}
	defer func() {
		if err == nil {
			err = os.RemoveAll(dir)
		} else {
			fmt.Fprintln(os.Stderr, "logs are kept in", dir)
		}
	}()
	if err := fleet.Build(ctx, dir); err != nil {
		return err
	}
	f, err := startPlatform(ctx, dir, o.tenants)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.stop()) }()
	load, err := newLoad(ctx, f, o)
	if err != nil {
		return err
	}
	chaos, calm := context.WithCancel(ctx)
	done := make(chan error, 2)
	go func() { done <- f.killWorkers(chaos, o.killEvery) }()
	go func() { done <- f.rollGateways(chaos, o.rollEvery) }()
	begun := time.Now()
	load.run(ctx)
	took := time.Since(begun)
	calm()
	if err := errors.Join(<-done, <-done, ctx.Err()); err != nil {
		return err
	}
	counted, err := f.ledgers(ctx)
	if err != nil {
		return err
	}
	r := report{options: o, took: took, load: load, platform: f, counted: counted}
	if err := r.write(o.out); err != nil {
		return err
	}
	return r.verdict()
}
