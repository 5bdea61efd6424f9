package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// latency is what the constant load saw. Times are from when a request was
// due, so a gateway that falls behind cannot hide it.
type latency struct {
	requests int
	p50, p99 time.Duration
}

// constantLoad runs the generator as a process of its own on the load's core.
func (b *bench) constantLoad(ctx context.Context, port int, path string) (latency, error) {
	self, err := os.Executable()
	if err != nil {
		return latency{}, err
	}
	cmd := exec.CommandContext(ctx, "taskset", "-c", strconv.Itoa(b.loadCore), self, "-open-loop", fmt.Sprintf("http://127.0.0.1:%d%s", port, path),
		"-rate", strconv.Itoa(b.rate), "-rate-seconds", strconv.Itoa(b.rateSeconds), "-connections", strconv.Itoa(b.connections))
	cmd.Env = append(os.Environ(), "BENCH_KEY="+b.key, "BENCH_BODY="+b.body)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return latency{}, fmt.Errorf("the constant load: %w", err)
	}
	var nanos []time.Duration
	if err := json.Unmarshal(out, &nanos); err != nil || len(nanos) == 0 {
		return latency{}, fmt.Errorf("the constant load said %.100q: %w", out, err)
	}
	slices.Sort(nanos)
	return latency{requests: len(nanos), p50: nanos[len(nanos)/2], p99: nanos[len(nanos)*99/100]}, nil
}

// openLoop sends requests at fixed times whatever becomes of earlier ones.
type openLoop struct {
	address string
	request []byte
	idle    chan *loopConn

	mu    sync.Mutex
	took  []time.Duration
	fault error
}

type loopConn struct {
	net.Conn
	due chan time.Time
}

func openLoopMain(ctx context.Context, o options) error {
	target, err := url.Parse(o.openLoop)
	if err != nil {
		return err
	}
	body := os.Getenv("BENCH_BODY")
	l := &openLoop{address: target.Host, idle: make(chan *loopConn, o.connections)}
	l.request = fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: %s\r\nX-API-Key: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		target.Path, target.Host, os.Getenv("BENCH_KEY"), len(body), body)
	var readers sync.WaitGroup
	var conns []*loopConn
	for range o.connections {
		c, err := new(net.Dialer).DialContext(ctx, "tcp", l.address)
		if err != nil {
			return err
		}
		lc := &loopConn{Conn: c, due: make(chan time.Time, 1)}
		conns = append(conns, lc)
		readers.Go(func() { l.read(lc) })
		l.idle <- lc
	}
	err = l.pace(ctx, o.rate, time.Duration(o.rateSeconds)*time.Second)
	for _, c := range conns {
		close(c.due)
	}
	readers.Wait()
	if err := errors.Join(err, l.fault); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(l.took)
}

// pace writes the requests when they are due. It sleeps in the kernel, since
// the runtime's timers are only good to a millisecond in an idle process.
func (l *openLoop) pace(ctx context.Context, rate int, whole time.Duration) error {
	runtime.LockOSThread()
	period := time.Second / time.Duration(rate)
	for due, end := time.Now(), time.Now().Add(whole); due.Before(end); due = due.Add(period) {
		if wait := time.Until(due); wait > 0 {
			pause := syscall.NsecToTimespec(int64(wait))
			_ = syscall.Nanosleep(&pause, nil) // a signal only makes it early
		}
		select {
		case c := <-l.idle:
			c.due <- due
			if _, err := c.Write(l.request); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// read takes in the answers on one connection.
func (l *openLoop) read(c *loopConn) {
	defer c.Close()
	br := bufio.NewReader(c)
	for due := range c.due {
		res, err := http.ReadResponse(br, nil)
		if err == nil {
			_, err = io.Copy(io.Discard, res.Body)
			err = errors.Join(err, res.Body.Close())
		}
		if err == nil && res.StatusCode != http.StatusOK {
			err = fmt.Errorf("status %d", res.StatusCode)
		}
		took := time.Since(due)
		l.mu.Lock()
		l.took = append(l.took, took)
		l.fault = errors.Join(l.fault, err)
		l.mu.Unlock()
		if err != nil {
			return
		}
		l.idle <- c
	}
}
