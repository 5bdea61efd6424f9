package main

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"time"
)

// throughput is what wrk saw.
type throughput struct {
	requests  int
	perSecond float64
	p50, p99  time.Duration
}

var (
	wrkRequests = regexp.MustCompile(`(\d+) requests in`)
	wrkRate     = regexp.MustCompile(`Requests/sec:\s+([0-9.]+)`)
	wrkP50      = regexp.MustCompile(`50%\s+([0-9.]+)(us|ms|s)`)
	wrkP99      = regexp.MustCompile(`99%\s+([0-9.]+)(us|ms|s)`)
	wrkErrors   = regexp.MustCompile(`(?m)^\s*(Non-2xx.*|Socket errors.*)$`)
)

// fullLoad sends as much as the gateway takes, for some seconds.
func (b *bench) fullLoad(ctx context.Context, port, seconds int) (throughput, error) {
	out, err := exec.CommandContext(ctx, "taskset", "-c", strconv.Itoa(b.loadCore), "wrk", "-t1", "-c"+strconv.Itoa(b.connections),
		"-d"+strconv.Itoa(seconds)+"s", "--timeout", "10s", "--latency", "-s", b.wrkScript, fmt.Sprintf("http://127.0.0.1:%d%s", port, benchPath)).CombinedOutput()
	if err != nil {
		return throughput{}, fmt.Errorf("wrk: %w: %s", err, out)
	}
	text := string(out)
	if bad := wrkErrors.FindString(text); bad != "" {
		return throughput{}, fmt.Errorf("not every answer was 200: %s", bad)
	}
	t := throughput{p50: wrkTime(wrkP50, text), p99: wrkTime(wrkP99, text)}
	if m := wrkRequests.FindStringSubmatch(text); m != nil {
		t.requests, _ = strconv.Atoi(m[1])
	}
	if m := wrkRate.FindStringSubmatch(text); m != nil {
		t.perSecond, _ = strconv.ParseFloat(m[1], 64)
	}
	if t.requests == 0 {
		return t, fmt.Errorf("wrk counted nothing: %s", text)
	}
	return t, nil
}

func wrkTime(at *regexp.Regexp, text string) time.Duration {
	m := at.FindStringSubmatch(text)
	if m == nil {
		return 0
	}
	d, _ := time.ParseDuration(m[1] + m[2])
	return d
}
