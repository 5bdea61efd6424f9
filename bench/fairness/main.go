// Command fairness shows what one tenant's burst costs the others. Ten tenants
// share workers that can do 200 calls a second; first each sends seven tenths of
// its share, then one of them sends fifty times it. What the others wait for a
// worker is compared, in a table and a picture.
//
//	go run ./bench/fairness
//
// It ends with 1 if the 99th percentile of their wait more than doubles.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/omni-run/omni/bench/fleet"
	"github.com/omni-run/omni/internal/cli/chart"
	"github.com/omni-run/omni/internal/cli/plot"
)

const (
	tenants     = 10
	concurrency = 4
	takes       = 20 * time.Millisecond
	share       = float64(concurrency) / 0.020 / tenants // calls a second
	load        = 0.7                                    // of its share, what an ordinary tenant sends
)

func main() {
	seconds := flag.Int("seconds", 30, "how long each of the two phases is")
	out := flag.String("out", filepath.Join("bench", "results", "fairness"), "where report (.md) and picture (.svg) go; empty for standard output only")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx, time.Duration(*seconds)*time.Second, *out)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench/fairness:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, long time.Duration, out string) (err error) {
	dir, err := os.MkdirTemp("", "omni-fairness-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := fleet.Build(ctx, dir); err != nil {
		return err
	}
	worker := &fleet.Stub{Takes: takes, Concurrency: concurrency}
	address, err := worker.Start()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, worker.Close()) }()
	callers, err := fleet.Keys(ctx, filepath.Join(dir, "keys.json"), "pro", tenants)
	if err != nil {
		return err
	}
	g, err := start(ctx, dir, address)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, g.End(syscall.SIGTERM)) }()
	quiet := phase(ctx, g.Address, callers, long, 0.9*share)
	burst := phase(ctx, g.Address, callers, long, 50*share)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return report(quiet, burst, out)
}

func start(ctx context.Context, dir, worker string) (*fleet.Process, error) {
	address, err := fleet.FreeAddress()
	if err != nil {
		return nil, err
	}
	data := filepath.Join(dir, "gateway")
	text := fmt.Sprintf("mode: production\nlisten: %q\ndata_dir: %q\nkeys: {store: file, path: %q}\nlog: {access: false}\ncache: {enabled: false}\n"+
		"hold: {tenant_requests: 1000, max_wait: 10s}\n"+
		"tiers: {pro: {requests_per_minute: 10000000, burst: 100000, concurrent: 5000, max_body: 100000, weight: 1}}\nworkers: [{name: stub, url: \"http://%s\"}]\n",
		address, data, filepath.Join(dir, "keys.json"), worker)
	if err := os.WriteFile(data+".yaml", []byte(text), 0o600); err != nil {
		return nil, err
	}
	p := &fleet.Process{Path: filepath.Join(dir, "omni-gateway"), Address: address, Log: data + ".log", Env: []string{"OMNI_CONFIG=" + data + ".yaml"}}
	return p, errors.Join(p.Start(), p.Answers(ctx, "/health/ready"))
}

// waits are what the tenants but the first waited for a worker, in ms, sorted;
// refused is how many calls of the first were, failed how many of the others.
type waits struct {
	ms              []float64
	refused, failed int
}

// phase sends Poisson traffic of every tenant: the first at a rate of its own.
func phase(ctx context.Context, address string, callers []fleet.Tenant, long time.Duration, first float64) (out waits) {
	h := &http.Client{Timeout: fleet.Patience, Transport: &http.Transport{MaxIdleConnsPerHost: 2048}}
	defer h.CloseIdleConnections()
	var mu sync.Mutex
	var senders, calls sync.WaitGroup
	for i, caller := range callers {
		rate := load * share
		if i == 0 {
			rate = first
		}
		random := rand.New(rand.NewPCG(uint64(i), 7))
		senders.Go(func() {
			next := time.Now()
			for end := next.Add(long); next.Before(end) && ctx.Err() == nil; {
				next = next.Add(time.Duration(random.ExpFloat64() / rate * float64(time.Second)))
				time.Sleep(time.Until(next))
				calls.Go(func() {
					ms, ok := call(ctx, h, address, caller.Key)
					mu.Lock()
					defer mu.Unlock()
					switch {
					case i == 0 && !ok:
						out.refused++
					case i > 0 && !ok:
						out.failed++
					case i > 0:
						out.ms = append(out.ms, ms)
					}
				})
			}
		})
	}
	senders.Wait()
	calls.Wait()
	slices.Sort(out.ms)
	return out
}

// call returns how long the gateway says that the call waited.
func call(ctx context.Context, h *http.Client, address, key string) (ms float64, ok bool) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address+"/anomaly/detect", strings.NewReader(`{"series":[1,2,3,4,5,6]}`))
	if err != nil {
		return 0, false
	}
	req.Header.Set("X-Api-Key", key)
	req.Header.Set("Content-Type", "application/json")
	res, err := h.Do(req)
	if err != nil {
		return 0, false
	}
	_, _ = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close()
	for part := range strings.SplitSeq(res.Header.Get("Server-Timing"), ",") {
		if text, found := strings.CutPrefix(strings.TrimSpace(part), "queue;dur="); found {
			ms, err = strconv.ParseFloat(text, 64)
			return ms, err == nil && res.StatusCode == http.StatusOK
		}
	}
	return 0, res.StatusCode == http.StatusOK
}

func (w waits) at(q float64) float64 {
	if len(w.ms) == 0 {
		return 0
	}
	return w.ms[int(q*float64(len(w.ms)-1))]
}

func report(quiet, burst waits, out string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# Fairness\n\n`go run ./bench/fairness`, %s, %d cores, %s.\n\n", time.Now().Format(time.DateOnly), runtime.NumCPU(), runtime.Version())
	fmt.Fprintf(&b, "%d tenants of equal weight share workers that do %d calls at a time of %s each, so each tenant's share is %.0f calls a second. Poisson arrivals. "+
		"Quiet: every tenant sends 0.7 of its share. Burst: one sends 50 times its share, the others go on as before. What the others waited for a worker:\n\n", tenants, concurrency, takes, share)
	b.WriteString("| wait of the others, ms | quiet | burst | burst ÷ quiet |\n|---|---:|---:|---:|\n")
	for _, q := range []float64{0.5, 0.9, 0.95, 0.99} {
		fmt.Fprintf(&b, "| p%g | %.1f | %.1f | %.2f |\n", 100*q, quiet.at(q), burst.at(q), burst.at(q)/max(quiet.at(q), 0.01))
	}
	fmt.Fprintf(&b, "\n%d and %d calls of the others, of which %d and %d failed. Of the one that bursts %d were refused (queue_full).\n\n![waits](fairness.svg)\n",
		len(quiet.ms), len(burst.ms), quiet.failed, burst.failed, burst.refused)
	fmt.Print(b.String())
	if out != "" {
		if err := errors.Join(os.WriteFile(out+".md", []byte(b.String()), 0o644), draw(quiet, burst, out+".svg")); err != nil { //nolint:gosec // a report for everybody
			return err
		}
	}
	if burst.failed > 0 || burst.at(0.99) > 2*quiet.at(0.99) {
		return errors.New("the bar is not met")
	}
	return nil
}

// draw draws the wait by percentile.
func draw(quiet, burst waits, path string) error {
	f := plot.Figure{Title: "wait for a worker in ms, by percentile of the other tenants' calls", Names: []string{"quiet", "one tenant sends 50 x its share"}}
	for _, w := range []waits{quiet, burst} {
		line := chart.Line{}
		for q := range 100 {
			line.Values = append(line.Values, w.at(float64(q)/100))
		}
		f.Lines = append(f.Lines, line)
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(f.WriteTo(file, "svg"), file.Close())
}
