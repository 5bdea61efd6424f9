// Command batch measures the shipped forecaster through the API: many monthly
// series in one call, and one series a call.
//
//	go run ./bench/batch [-series 2000] [-points 72] [-horizon 18] [-calls 5] [-mode global] [-profile DIR]
//
// It builds the two binaries as a release does, starts them in a fresh folder,
// and talks to the gateway over loopback; the client's own JSON is not counted.
// The Markdown goes to standard output. "CPU" is what gateway and worker together
// used of it, which other work on the machine disturbs less than the time on the
// clock. With -profile the worker's service is run in this process instead, and a
// CPU profile of it is written.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/omni-run/omni/internal/service"
	"github.com/omni-run/omni/internal/service/forecast"
)

const key = "demo-enterprise-key-abcdef"

type options struct {
	series, points, horizon, calls int
	mode, profile                  string
}

func main() {
	var o options
	flag.IntVar(&o.series, "series", 2000, "series of a call")
	flag.IntVar(&o.points, "points", 72, "months of each")
	flag.IntVar(&o.horizon, "horizon", 18, "steps to forecast")
	flag.IntVar(&o.calls, "calls", 5, "calls; the median counts")
	flag.StringVar(&o.mode, "mode", "global", "of the forecast")
	flag.StringVar(&o.profile, "profile", "", "file for a CPU profile of the service alone")
	flag.Parse()
	if err := run(context.Background(), o); err != nil {
		fmt.Fprintln(os.Stderr, "batch:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) (err error) {
	many, err := body(o, o.series, 1)
	if err != nil {
		return err
	}
	if o.profile != "" {
		return profiled(ctx, o, many)
	}
	dir, err := os.MkdirTemp("", "omni-batch-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	p, err := start(ctx, dir)
	if err != nil {
		return err
	}
	defer p.end()
	times, used, answer, err := p.timed(ctx, o.calls, func(int) ([]byte, error) { return many, nil })
	if err != nil {
		return err
	}
	single, usedBySingle, _, err := p.timed(ctx, 200, func(i int) ([]byte, error) { return body(o, 1, uint64(i+2)) })
	if err != nil {
		return err
	}
	fmt.Printf("%d series of %d months, horizon %d, mode %s, %d cores, %s; request %.1f MB, answer %.1f MB\n\n",
		o.series, o.points, o.horizon, o.mode, runtime.NumCPU(), runtime.Version(), float64(len(many))/1e6, float64(answer)/1e6)
	fmt.Println("| what | calls | median | least | greatest | series/s at the median | CPU a series |\n|---|---|---|---|---|---|---|")
	row("one call of all, through the gateway", times, used, o.series)
	row("one series a call, through the gateway", single, usedBySingle, 1)
	return nil
}

// row prints the calls' times, sorted, and what they used of the processors.
func row(what string, sorted []time.Duration, used time.Duration, series int) {
	ms := func(d time.Duration) string { return fmt.Sprintf("%.2f ms", d.Seconds()*1000) }
	median := sorted[len(sorted)/2]
	fmt.Printf("| %s | %d | %s | %s | %s | %.0f | %s |\n", what, len(sorted), ms(median), ms(sorted[0]), ms(sorted[len(sorted)-1]),
		float64(series)/median.Seconds(), ms(used/time.Duration(series*len(sorted))))
}

// body is a request of so many series: level, trend, season and noise.
func body(o options, count int, seed uint64) ([]byte, error) {
	rng := rand.New(rand.NewPCG(seed, 0))
	list := make([]map[string]any, count)
	for i := range list {
		level, slope, strength := 50+500*rng.Float64(), 4*rng.Float64()-1, 0.3*rng.Float64()
		y := make([]float64, o.points)
		for k := range y {
			v := (level + slope*float64(k)) * (1 + strength*math.Sin(float64(k+i)*math.Pi/6))
			y[k] = math.Round(100*(v+0.03*level*rng.NormFloat64())) / 100
		}
		list[i] = map[string]any{"id": fmt.Sprint("series-", i), "time_series": y}
	}
	req := map[string]any{"mode": o.mode, "forecast_steps": o.horizon, "freq": "MS"}
	if req["series"] = list; count == 1 {
		delete(req, "series")
		req["time_series"] = list[0]["time_series"]
	}
	return json.Marshal(req)
}

// timed calls once unmeasured, then so many times, and sorts. used is the
// processor time of all calls measured.
func (p *pair) timed(ctx context.Context, calls int, next func(int) ([]byte, error)) (times []time.Duration, used time.Duration, size int, err error) {
	for i := range calls + 1 {
		send, err := next(i)
		if err != nil {
			return nil, 0, 0, err
		}
		begun := time.Now()
		status, answer, err := request(ctx, http.MethodPost, p.url+"/predict/revenue-lstm", send)
		took := time.Since(begun)
		if err != nil || status != http.StatusOK {
			return nil, 0, 0, fmt.Errorf("a call: %d %.300s: %w", status, answer, err)
		}
		if size = len(answer); i > 0 {
			times = append(times, took)
			continue
		}
		if used, err = p.cpu(); err != nil {
			return nil, 0, 0, err
		}
	}
	before := used
	if used, err = p.cpu(); err != nil {
		return nil, 0, 0, err
	}
	slices.Sort(times)
	return times, used - before, size, nil
}

// cpu is the processor time that gateway and worker have used.
func (p *pair) cpu() (sum time.Duration, err error) {
	// The clock tick of utime and stime in /proc, on every Linux that Go runs on.
	const tick = time.Second / 100
	for _, c := range p.children {
		raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", c.Process.Pid))
		if err != nil {
			return 0, fmt.Errorf("reading the processor time of %s: %w", filepath.Base(c.Path), err)
		}
		// The name in parentheses may hold blanks.
		fields := strings.Fields(string(raw[bytes.LastIndexByte(raw, ')')+1:]))
		if len(fields) < 13 {
			return 0, fmt.Errorf("the processor time of %s: %d fields", filepath.Base(c.Path), len(fields))
		}
		for _, f := range fields[11:13] {
			ticks, err := strconv.ParseInt(f, 10, 64)
			if err != nil {
				return 0, fmt.Errorf("the processor time of %s: %w", filepath.Base(c.Path), err)
			}
			sum += time.Duration(ticks) * tick
		}
	}
	return sum, nil
}

func request(ctx context.Context, method, url string, send []byte) (status int, answer []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(send))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("X-API-Key", key)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Cache-Control", "no-store") // past the response cache: what is measured is the work
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, err
	}
	answer, err = io.ReadAll(res.Body)
	return res.StatusCode, answer, errors.Join(err, res.Body.Close())
}

// pair is a gateway and its worker.
type pair struct {
	url      string
	children []*exec.Cmd
}

func start(ctx context.Context, dir string) (*pair, error) {
	for name, experiment := range map[string]string{"omni-gateway": "", "omni-worker": "simd"} {
		cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", dir, "./cmd/"+name)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOEXPERIMENT="+experiment)
		cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
		if err := cmd.Run(); err != nil {
			return nil, fmt.Errorf("building %s: %w", name, err)
		}
	}
	p := &pair{}
	worker, err := p.launch(ctx, dir, "omni-worker", "/internal/health")
	if err == nil {
		p.url, err = p.launch(ctx, dir, "omni-gateway", "/health/ready", "OMNI_WORKER_URL="+worker)
	}
	if err != nil {
		p.end()
		return nil, err
	}
	return p, nil
}

// launch starts a binary on a free port and waits until path answers 200.
func (p *pair) launch(ctx context.Context, dir, name, path string, env ...string) (url string, err error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		return "", err
	}
	data := filepath.Join(dir, name+"-data")
	if err := os.Mkdir(data, 0o700); err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, filepath.Join(dir, name))
	cmd.Env = append(append(os.Environ(), "OMNI_MODE=development", "OMNI_LISTEN="+address, "OMNI_WORKER_LISTEN="+address, "OMNI_DATA_DIR="+data), env...)
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		return "", err
	}
	p.children = append(p.children, cmd)
	url = "http://" + address
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		status, answer, err := request(ctx, http.MethodGet, url+path, nil)
		if err == nil && status == http.StatusOK && !bytes.Contains(answer, []byte(`"services_ready":false`)) {
			return url, nil
		}
	}
	return "", fmt.Errorf("%s never became ready", name)
}

func (p *pair) end() {
	for _, c := range slices.Backward(p.children) {
		if err := errors.Join(c.Process.Signal(os.Interrupt), c.Wait()); err != nil {
			fmt.Fprintln(os.Stderr, "batch: ending", filepath.Base(c.Path), err)
		}
	}
}

// profiled runs the service in this process, from the bytes of the request to
// those of the answer.
func profiled(ctx context.Context, o options, many []byte) error {
	s := forecast.New(forecast.Deps{})
	route := slices.IndexFunc(s.Routes(), func(r service.Route) bool { return r.Path == "/predict/revenue-lstm" })
	handler := s.Routes()[route].Handler
	once := func() error {
		answer, err := handler(ctx, &service.Call{Tenant: "bench", Body: many})
		if err == nil {
			_, err = json.Marshal(answer)
		}
		return err
	}
	if err := once(); err != nil {
		return err
	}
	f, err := os.Create(o.profile)
	if err != nil {
		return err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return err
	}
	begun := time.Now()
	for range o.calls {
		if err := once(); err != nil {
			return err
		}
	}
	each := time.Since(begun) / time.Duration(o.calls)
	pprof.StopCPUProfile()
	fmt.Printf("the service alone: %v a call of %d series, %.0f series/s\n", each.Round(time.Millisecond), o.series, float64(o.series)/each.Seconds())
	return f.Close()
}
