package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

type report struct {
	options  options
	took     time.Duration
	load     *load
	platform *platform
	counted  map[string]int64
}

// ledger returns what callers counted, what the ledgers hold, and by how much
// the tenants differ, summed without sign.
func (r *report) ledger() (answered, counted, differ int64) {
	for i, t := range r.platform.tenants {
		a, c := r.load.answered[i].Load(), r.counted[t.ID]
		answered, counted, differ = answered+a, counted+c, differ+max(a-c, c-a)
	}
	return answered, counted, differ
}

func (r *report) write(path string) error {
	failed, kinds := r.load.failed()
	answered, counted, differ := r.ledger()
	slices.Sort(r.load.latencies)
	at := func(q float64) time.Duration {
		if len(r.load.latencies) == 0 {
			return 0
		}
		return r.load.latencies[int(q*float64(len(r.load.latencies)-1))].Round(10 * time.Microsecond)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# Chaos\n\n`go run ./bench/chaos -requests %d`, %s, %d cores, %s.\n\n", r.options.requests, time.Now().Format(time.DateOnly), runtime.NumCPU(), runtime.Version())
	fmt.Fprintf(&b, "%d callers of %d tenants, each on a kept connection through a TCP balancer, ask three idempotent routes of two gateways and two workers. "+
		"Meanwhile a worker is killed by SIGKILL every %s and a gateway is rolled by SIGTERM every %s.\n\n", r.options.clients, r.options.tenants, r.options.killEvery, r.options.rollEvery)
	b.WriteString("| | |\n|---|---:|\n")
	for _, row := range [][2]any{
		{"requests", len(r.load.latencies)},
		{"workers killed", r.platform.kills.Load()},
		{"gateways rolled", r.platform.rolls.Load()},
		{"wrong answers", r.load.wrong.Load()},
		{"calls that failed for the caller", failed},
		{"answers counted by callers", answered},
		{"requests in the ledgers", counted},
		{"lost or double-counted in a ledger, over all tenants", differ},
		{"seconds", int(r.took.Seconds())},
		{"requests a second", int(float64(len(r.load.latencies)) / r.took.Seconds())},
		{"latency p50", at(0.5)},
		{"latency p99", at(0.99)},
		{"latency p99.9", at(0.999)},
		{"latency, the longest", at(1)},
	} {
		fmt.Fprintf(&b, "| %v | %v |\n", row[0], row[1])
	}
	if failed > 0 {
		fmt.Fprintf(&b, "\nFailures: %s.\n", strings.Join(kinds, ", "))
		for _, e := range r.load.examples {
			fmt.Fprintf(&b, "\n    %s\n", strings.TrimSpace(e))
		}
	}
	fmt.Print(b.String())
	if path == "" {
		return nil
	}
	return os.WriteFile(path, []byte(b.String()), 0o644) //nolint:gosec // a report for everybody
}

func (r *report) verdict() error {
	failed, _ := r.load.failed()
	if _, _, differ := r.ledger(); failed > 0 || differ > 0 {
		return errors.New("the bars are not met")
	}
	return nil
}
