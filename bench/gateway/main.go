// Command gateway measures what a gateway with Omni's duties costs: ours and
// those that people would pick instead, in one run, each with the same duties
// as far as it can do them (see templates).
//
//	go run ./bench/gateway                      every contender that is installed
//	go run ./bench/gateway -only omni,nginx -seconds 3 -rounds 1
//	go run ./bench/gateway -profile cpu.pprof   ours alone, under the profiler
//
// It needs Linux, taskset, and Debian's nginx (the stand-in for a worker too)
// and wrk. HAProxy is found in PATH; -caddy names a Caddy binary, -python an
// interpreter that has fastapi, httpx, uvicorn and prometheus_client.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

type options struct {
	rounds, seconds, warm      int
	connections                int
	rate, rateSeconds          int
	gatewayCore, loadCore      int
	only, caddy, python, out   string
	profile, baseline          string
	bufferedLog                bool
	openLoop, serve, serveProf string
}

func parse() options {
	var o options
	flag.IntVar(&o.rounds, "rounds", 3, "rounds; contenders take turns in each")
	flag.IntVar(&o.seconds, "seconds", 5, "seconds of full load a round")
	flag.IntVar(&o.warm, "warm", 1, "seconds of load before each measurement")
	flag.IntVar(&o.connections, "connections", 64, "connections of the full load")
	flag.IntVar(&o.rate, "rate", 2000, "requests a second of the constant load; 0 leaves it out")
	flag.IntVar(&o.rateSeconds, "rate-seconds", 4, "seconds of constant load a round")
	flag.IntVar(&o.gatewayCore, "gateway-core", 0, "the core the gateway runs on")
	flag.IntVar(&o.loadCore, "load-core", 1, "the core that load and upstream run on")
	flag.StringVar(&o.only, "only", "", "contenders, separated by commas; default all that are installed")
	flag.StringVar(&o.caddy, "caddy", "caddy", "the Caddy binary")
	flag.StringVar(&o.python, "python", "python3", "the Python interpreter")
	flag.StringVar(&o.out, "out", filepath.Join("bench", "results", "gateway.md"), "where the report goes; empty for standard output only")
	flag.StringVar(&o.profile, "profile", "", "write a CPU profile of ours under full load to this file, and nothing else")
	flag.StringVar(&o.baseline, "baseline", "", "another omni-gateway binary, such as one of an earlier commit, as a contender of its own")
	flag.BoolVar(&o.bufferedLog, "nginx-buffered-log", true, "nginx may buffer its access log for a second")
	flag.StringVar(&o.openLoop, "open-loop", "", "internal: be the constant load on this URL")
	flag.StringVar(&o.serve, "serve", "", "internal: be our gateway with this configuration")
	flag.StringVar(&o.serveProf, "serve-profile", "", "internal: profile it to this file")
	flag.Parse()
	return o
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	o := parse()
	var err error
	switch {
	case o.openLoop != "":
		err = openLoopMain(ctx, o)
	case o.serve != "":
		err = serveOurs(ctx, o.serve, o.serveProf)
	default:
		err = compare(ctx, o)
	}
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench/gateway:", err)
		os.Exit(1)
	}
}

func compare(ctx context.Context, o options) error {
	dir, err := os.MkdirTemp("", "omni-bench-gateway-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b, err := newBench(ctx, o, dir)
	if err != nil {
		return err
	}
	upstream, err := b.startUpstream(ctx)
	if err != nil {
		return err
	}
	defer upstream.stop()
	if o.profile != "" {
		return b.profileOurs(ctx)
	}
	load := loadAverage()
	for round := range o.rounds {
		for i := range b.contenders {
			c := b.contenders[(round+i)%len(b.contenders)] // rotating order
			if err := b.measure(ctx, c); err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
		}
		if o.rate > 0 {
			if err := b.measureDirect(ctx); err != nil {
				return fmt.Errorf("direct: %w", err)
			}
		}
	}
	report := b.report(load, loadAverage())
	fmt.Print(report)
	if o.out == "" {
		return nil
	}
	return os.WriteFile(o.out, []byte(report), 0o644)
}

// measure runs one round of one contender.
func (b *bench) measure(ctx context.Context, c *contender) error {
	p, first, err := b.startContender(ctx, c)
	if err != nil {
		return err
	}
	defer p.stop()
	if _, err := b.fullLoad(ctx, c.port, b.warm); err != nil {
		return err
	}
	before, err := p.settled(ctx)
	if err != nil {
		return err
	}
	load, err := b.fullLoad(ctx, c.port, b.seconds)
	if err != nil {
		return err
	}
	after, err := p.cpu()
	if err != nil {
		return err
	}
	s := sample{full: load, first: first, rss: p.rss(), cpu: perThousand(after-before, load.requests)}
	// At a rate it cannot keep up with, a gateway would only show its queue.
	if b.rate > 0 && load.perSecond > float64(b.rate) {
		if before, err = p.cpu(); err != nil {
			return err
		}
		if s.constant, err = b.constantLoad(ctx, c.port, benchPath); err != nil {
			return err
		}
		if after, err = p.cpu(); err != nil {
			return err
		}
		s.constantCPU = perThousand(after-before, s.constant.requests)
	}
	c.samples = append(c.samples, s)
	fmt.Fprintf(os.Stderr, "%-8s %7.1f CPU-ms/1,000 %8.0f/s\n", c.name, s.cpu, load.perSecond)
	return nil
}

func (b *bench) measureDirect(ctx context.Context) error {
	r, err := b.constantLoad(ctx, b.upstreamPort, "/internal"+benchPath)
	b.direct = append(b.direct, r)
	return err
}

func (b *bench) profileOurs(ctx context.Context) error {
	at := slices.IndexFunc(b.contenders, func(c *contender) bool { return c.name == "omni" })
	if at < 0 {
		return errors.New("-profile needs omni among the contenders")
	}
	c := b.contenders[at]
	self, err := os.Executable()
	if err != nil {
		return err
	}
	target, err := filepath.Abs(b.profile)
	if err != nil {
		return err
	}
	c.argv = []string{self, "-serve", filepath.Join(b.dir, "omni.yaml"), "-serve-profile", target}
	p, _, err := b.startContender(ctx, c)
	if err != nil {
		return err
	}
	r, err := b.fullLoad(ctx, c.port, b.seconds)
	p.stop()
	fmt.Printf("%.0f requests/s under the profiler\n", r.perSecond)
	return err
}

// installed finds a program, or says that it is not there.
func installed(program string) bool {
	_, err := exec.LookPath(program)
	return err == nil
}

func perThousand(cpu time.Duration, requests int) float64 {
	return float64(cpu.Microseconds()) / float64(max(1, requests))
}

func wanted(only, name string) bool {
	return only == "" || slices.Contains(strings.Split(only, ","), name)
}
