// Command limits drives four gateways that share one Redis with twice the rate
// that a tenant may send, spread over all of them, and compares how many calls
// they admit together with how many one gateway would have: burst + rate x time.
//
//	go run ./bench/limits                 60 seconds; needs redis-server
//
// It ends with 1 if they differ by more than half a percent.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/omni-run/omni/bench/fleet"
	"github.com/omni-run/omni/internal/ratelimit/redislimit/redistest"
)

const (
	perMinute = 30_000
	burst     = 100
	gateways  = 4
	tolerance = 0.005
)

func main() {
	seconds := flag.Int("seconds", 60, "how long")
	out := flag.String("out", filepath.Join("bench", "results", "limits.md"), "where the report goes; empty for standard output only")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx, time.Duration(*seconds)*time.Second, *out)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench/limits:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, long time.Duration, out string) (err error) {
	dir, err := os.MkdirTemp("", "omni-limits-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := fleet.Build(ctx, dir); err != nil {
		return err
	}
	redis, err := redistest.Launch(ctx, dir)
	if err != nil {
		return err
	}
	defer redis.Kill()
	worker := &fleet.Stub{Concurrency: 256}
	address, err := worker.Start()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, worker.Close()) }()
	tenants, err := fleet.Keys(ctx, filepath.Join(dir, "keys.json"), "pro", 1)
	if err != nil {
		return err
	}
	list, err := start(ctx, dir, redis.URL(), address)
	defer func() {
		for _, g := range list {
			err = errors.Join(err, g.End(syscall.SIGTERM))
		}
	}()
	if err != nil {
		return err
	}
	admitted, refused, failed, took := drive(ctx, list, tenants[0].Key, long)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	want := burst + perMinute/60*took.Seconds()
	off := float64(admitted)/want - 1
	var b strings.Builder
	fmt.Fprintf(&b, "# Limits across gateways\n\n`go run ./bench/limits`, %s, %d cores, %s.\n\n", time.Now().Format(time.DateOnly), runtime.NumCPU(), runtime.Version())
	fmt.Fprintf(&b, "%d gateways on one Redis, one tenant of %d requests a minute with a burst of %d, called at twice that rate in turn for %.1f s.\n\n", gateways, perMinute, burst, took.Seconds())
	fmt.Fprintf(&b, "| | |\n|---|---:|\n| admitted | %d |\n| one gateway would have admitted | %.0f |\n| difference | %+.3f %% |\n| refused | %d |\n| failed otherwise | %d |\n", admitted, want, 100*off, refused, failed)
	fmt.Print(b.String())
	if out != "" {
		if err := os.WriteFile(out, []byte(b.String()), 0o644); err != nil { //nolint:gosec // a report for everybody
			return err
		}
	}
	if failed > 0 || off > tolerance || off < -tolerance {
		return errors.New("the bar is not met")
	}
	return nil
}

func start(ctx context.Context, dir, redis, worker string) (list []*fleet.Process, err error) {
	for i := range gateways {
		address, err := fleet.FreeAddress()
		if err != nil {
			return list, err
		}
		data := filepath.Join(dir, fmt.Sprint("gateway", i))
		text := fmt.Sprintf("mode: production\nlisten: %q\ndata_dir: %q\nkeys: {store: file, path: %q}\nlog: {access: false}\nlimit_store: {url: %q, gateways: %d, timeout: 1s}\ncache: {enabled: false}\n"+
			"tiers: {pro: {requests_per_minute: %d, burst: %d, concurrent: 1000, max_body: 100000, weight: 1}}\nworkers: [{name: stub, url: \"http://%s\"}]\n",
			address, data, filepath.Join(dir, "keys.json"), redis, gateways, perMinute, burst, worker)
		if err := os.WriteFile(data+".yaml", []byte(text), 0o600); err != nil {
			return list, err
		}
		p := &fleet.Process{Path: filepath.Join(dir, "omni-gateway"), Address: address, Log: data + ".log", Env: []string{"OMNI_CONFIG=" + data + ".yaml"}}
		if err := p.Start(); err != nil {
			return list, err
		}
		list = append(list, p)
		if err := p.Answers(ctx, "/health/ready"); err != nil {
			return list, err
		}
	}
	return list, nil
}

// drive sends at twice the rate, each gateway in turn, and counts the answers.
// took is the time from the first call's sending to the last one's answer.
func drive(ctx context.Context, list []*fleet.Process, key string, long time.Duration) (admitted, refused, failed int64, took time.Duration) {
	var ok, limited, other atomic.Int64
	h := &http.Client{Timeout: fleet.Patience, Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	defer h.CloseIdleConnections()
	every := time.Minute / (2 * perMinute)
	begun := time.Now()
	var wg sync.WaitGroup
	for n := 0; time.Since(begun) < long && ctx.Err() == nil; n++ {
		if ahead := time.Until(begun.Add(time.Duration(n) * every)); ahead > 0 {
			time.Sleep(ahead)
		}
		wg.Go(func() {
			req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+list[n%len(list)].Address+"/anomaly/detect", strings.NewReader(`{"series":[1,2,3,4,5,6]}`))
			if err != nil {
				other.Add(1)
				return
			}
			req.Header.Set("X-Api-Key", key)
			req.Header.Set("Content-Type", "application/json")
			res, err := h.Do(req)
			if err != nil {
				other.Add(1)
				return
			}
			_ = res.Body.Close()
			switch res.StatusCode {
			case http.StatusOK:
				ok.Add(1)
			case http.StatusTooManyRequests:
				limited.Add(1)
			default:
				other.Add(1)
			}
		})
	}
	took = time.Since(begun)
	wg.Wait()
	return ok.Load(), limited.Load(), other.Load(), took
}
