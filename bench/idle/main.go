//go:build linux

// Command idle shows what connections that wait cost the gateway: it opens many,
// each of which has made one request, and looks at the gateway's memory, at how
// long a call then takes, and at how long opening them took. Our HTTP/1.1 server
// and net/http under the same gateway, in one run.
//
//	go run ./bench/idle [-connections 100000]
//
// It needs as many files as connections, twice; as root it raises the limit by
// itself.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/omni-run/omni/bench/fleet"
)

const (
	// perSource is how many connections one loopback address opens: fewer than
	// it has ports. Each server has addresses of its own, as those of ended
	// connections rest for a while.
	perSource = 20_000
	dialers   = 64
	probes    = 300
	spare     = 1000 // files beside the connections
)

func main() {
	connections := flag.Int("connections", 100_000, "how many connections wait")
	out := flag.String("out", filepath.Join("bench", "results", "idle.md"), "where the report goes; empty for standard output only")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx, *connections, *out)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench/idle:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, connections int, out string) (err error) {
	if err := raiseFiles(uint64(connections + spare)); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "omni-idle-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := fleet.Build(ctx, dir); err != nil {
		return err
	}
	worker := &fleet.Stub{Concurrency: 8}
	address, err := worker.Start()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, worker.Close()) }()
	callers, err := fleet.Keys(ctx, filepath.Join(dir, "keys.json"), "pro", 1)
	if err != nil {
		return err
	}
	var rows []row
	for i, server := range []string{"http1", "net/http"} {
		r, err := measure(ctx, dir, server, byte(i+1), address, callers[0].Key, connections)
		if err != nil {
			return fmt.Errorf("%s: %w", server, err)
		}
		rows = append(rows, r)
	}
	text := report(rows, connections)
	fmt.Print(text)
	if out == "" {
		return nil
	}
	return os.WriteFile(out, []byte(text), 0o644) //nolint:gosec // a report
}

// raiseFiles lets this process, and those it starts, open n files.
func raiseFiles(n uint64) error {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	if limit.Cur >= n {
		return nil
	}
	limit.Cur, limit.Max = n, max(limit.Max, n)
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("%d files cannot be opened here (%w); ask for fewer -connections", n, err)
	}
	return nil
}

// row is what one server showed.
type row struct {
	server         string
	before, after  int64 // resident, bytes
	opening        time.Duration
	open           int
	alone, crowded time.Duration // median of a call
	processor      time.Duration // of the gateway while nothing happens
	health         bool
}

const quietFor = 3 * time.Second

func measure(ctx context.Context, dir, server string, network byte, worker, key string, connections int) (r row, err error) {
	r.server = server
	address, err := fleet.FreeAddress()
	if err != nil {
		return r, err
	}
	base := filepath.Join(dir, strings.ReplaceAll(server, "/", "-"))
	text := fmt.Sprintf("mode: production\nlisten: %q\nserver: %s\ndata_dir: %q\nkeys: {store: file, path: %q}\nlog: {access: false}\ncache: {enabled: false}\n"+
		"limits: {idle_timeout: 30m, public_per_minute: 1000000}\n"+
		"tiers: {pro: {requests_per_minute: 10000000, burst: 100000, max_body: 100000}}\nworkers: [{name: stub, url: \"http://%s\"}]\n",
		address, server, base, filepath.Join(dir, "keys.json"), worker)
	if err := os.WriteFile(base+".yaml", []byte(text), 0o600); err != nil {
		return r, err
	}
	g := &fleet.Process{Path: filepath.Join(dir, "omni-gateway"), Address: address, Log: base + ".log", Env: []string{"OMNI_CONFIG=" + base + ".yaml"}}
	if err := errors.Join(g.Start(), g.Answers(ctx, "/health/ready")); err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, g.End(syscall.SIGTERM)) }()
	if r.alone, err = callTime(ctx, address, key); err != nil {
		return r, err
	}
	if r.before, err = resident(g.PID()); err != nil {
		return r, err
	}
	begun := time.Now()
	held, err := open(ctx, address, network, connections)
	defer func() {
		for _, c := range held {
			_ = c.Close() // nothing more is expected of it
		}
	}()
	if err != nil {
		return r, err
	}
	r.opening, r.open = time.Since(begun), len(held)
	time.Sleep(quietFor) // what opening left to be collected
	cpu, err := processor(g.PID())
	if err != nil {
		return r, err
	}
	time.Sleep(quietFor)
	after, err := processor(g.PID())
	if err != nil {
		return r, err
	}
	r.processor = after - cpu
	if r.after, err = resident(g.PID()); err != nil {
		return r, err
	}
	if r.crowded, err = callTime(ctx, address, key); err != nil {
		return r, err
	}
	r.health = g.Answers(ctx, "/health") == nil
	return r, nil
}

// open makes connections that have been used once and now wait.
func open(ctx context.Context, address string, network byte, n int) ([]net.Conn, error) {
	held := make([]net.Conn, n)
	var next atomic.Int64
	var wait sync.WaitGroup
	var failure error
	var once sync.Once
	for range dialers {
		wait.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= n || ctx.Err() != nil {
					return
				}
				c, err := used(ctx, address, network, i)
				if err != nil {
					once.Do(func() { failure = fmt.Errorf("connection %d: %w", i, err) })
					next.Store(int64(n))
					return
				}
				held[i] = c
			}
		})
	}
	wait.Wait()
	held = slices.DeleteFunc(held, func(c net.Conn) bool { return c == nil })
	return held, errors.Join(failure, ctx.Err())
}

func used(ctx context.Context, address string, network byte, i int) (net.Conn, error) {
	dialer := net.Dialer{Timeout: 20 * time.Second, LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, network, byte(1+i/perSource))}}
	c, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	if _, err := io.WriteString(c, "GET /health/live HTTP/1.1\r\nHost: idle\r\n\r\n"); err != nil {
		return c, err
	}
	res, err := http.ReadResponse(bufio.NewReaderSize(c, 1024), nil)
	if err != nil {
		return c, err
	}
	_, err = io.Copy(io.Discard, res.Body)
	return c, errors.Join(err, res.Body.Close())
}

// callTime is the median time of calls through the gateway to the worker.
func callTime(ctx context.Context, address, key string) (time.Duration, error) {
	client := &http.Client{Timeout: fleet.Patience, Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	var times []time.Duration
	for range probes {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address+"/anomaly/detect", strings.NewReader(`{"series":[1,2,3,4,5,6]}`))
		if err != nil {
			return 0, err
		}
		req.Header.Set("X-API-Key", key)
		req.Header.Set("Content-Type", "application/json")
		begun := time.Now()
		res, err := client.Do(req)
		if err != nil {
			return 0, err
		}
		_, err = io.Copy(io.Discard, res.Body)
		if err = errors.Join(err, res.Body.Close()); err != nil {
			return 0, err
		}
		if res.StatusCode != http.StatusOK {
			return 0, fmt.Errorf("a call was answered %s", res.Status)
		}
		times = append(times, time.Since(begun))
	}
	slices.Sort(times)
	return times[len(times)/2], nil
}

// resident is a process's resident memory in bytes.
func resident(pid int) (int64, error) {
	var pages, rest int64
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, err
	}
	_, err = fmt.Sscan(string(raw), &rest, &pages)
	return pages * int64(os.Getpagesize()), err
}

// processor is what a process has used of the processors.
func processor(pid int) (time.Duration, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(raw[strings.LastIndexByte(string(raw), ')')+1:]))
	var user, system int64
	if _, err := fmt.Sscan(fields[11]+" "+fields[12], &user, &system); err != nil {
		return 0, err
	}
	const ticks = 100 // a second, on every Linux that Go runs on
	return time.Duration(user+system) * time.Second / ticks, nil
}

func report(rows []row, connections int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Connections that wait\n\n`go run ./bench/idle -connections %d`, %s, %d cores, %s.\n\n", connections, time.Now().Format(time.DateOnly), runtime.NumCPU(), runtime.Version())
	b.WriteString("Each connection has made one request and then waits, as callers' pools keep them. Resident memory is the gateway's own; the kernel's part of a\nTCP connection comes on top and is the same for both. A call goes through the gateway to a worker that answers at once, one at a time: median.\n\n")
	b.WriteString("| server | connections | resident before | with them | bytes a connection | opening them | processor while they wait | a call alone | a call beside them | /health |\n|---|---:|---:|---:|---:|---:|---:|---:|---:|---|\n")
	for _, r := range rows {
		fmt.Fprintf(&b, "| %s | %d | %.0f MB | %.0f MB | %d | %.1f s | %.1f %% | %s | %s | %v |\n", r.server, r.open, float64(r.before)/1e6, float64(r.after)/1e6,
			(r.after-r.before)/int64(max(1, r.open)), r.opening.Seconds(), 100*r.processor.Seconds()/quietFor.Seconds(), r.alone.Round(time.Microsecond), r.crowded.Round(time.Microsecond), map[bool]string{true: "answers", false: "silent"}[r.health])
	}
	return b.String()
}
