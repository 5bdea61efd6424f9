// Command bars measures what Omni promises of its two processes, on this
// machine, and writes a table:
//
//	go run ./bench/bars [-out bench/results/bars.md]
//
// It builds the stripped binaries, starts them as child processes in fresh
// folders, and talks to them over loopback. Linux only: memory is read from
// /proc.
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
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	out := flag.String("out", "bench/results/bars.md", "`file` to write the table to")
	flag.Parse()
	if err := run(ctx, *out); err != nil {
		fmt.Fprintln(os.Stderr, "bars:", err)
		os.Exit(1) //nolint:gocritic // nothing is left to stop
	}
}

// bar is one promise and what was measured.
type bar struct{ what, promise, measured, spread string }

func run(ctx context.Context, out string) (err error) {
	dir, err := os.MkdirTemp("", "omni-bars-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	b := &bench{dir: dir}
	if err := b.build(ctx); err != nil {
		return err
	}
	var bars []bar
	for _, measure := range []func(context.Context) ([]bar, error){b.sizes, b.gatewayStarts, b.workerStarts, b.together} {
		more, err := measure(ctx)
		if err != nil {
			return err
		}
		bars = append(bars, more...)
	}
	text := table(bars)
	fmt.Print(text)
	return os.WriteFile(out, []byte(text), 0o600)
}

// build makes the binaries as a release does.
func (b *bench) build(ctx context.Context) error {
	for name, experiment := range map[string]string{"./cmd/omni-gateway": "", "./cmd/omni-worker": "simd"} {
		cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", b.dir, name)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOEXPERIMENT="+experiment)
		cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("building %s: %w", name, err)
		}
	}
	return nil
}

func (b *bench) sizes(context.Context) ([]bar, error) {
	var bars []bar
	for name, promise := range map[string]string{"omni-gateway": "≤ 30 MB", "omni-worker": ""} {
		info, err := os.Stat(filepath.Join(b.dir, name))
		if err != nil {
			return nil, err
		}
		bars = append(bars, bar{name + ": stripped binary", promise, megabytes(info.Size()), ""})
	}
	slices.SortFunc(bars, func(x, y bar) int { return strings.Compare(x.what, y.what) })
	return bars, nil
}

func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }

// middle shows the median of durations, and the least and the greatest.
func middle(all []time.Duration) (median, spread string) {
	slices.Sort(all)
	ms := func(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000) }
	return ms(all[len(all)/2]), fmt.Sprintf("%s to %s, %d runs", ms(all[0]), ms(all[len(all)-1]), len(all))
}

func table(bars []bar) string {
	var s strings.Builder
	fmt.Fprintf(&s, "# What the two processes cost\n\nMeasured by `go run ./bench/bars` on %s: %s, %d cores, %s, load average at the end %s (other work included).\n\n",
		time.Now().UTC().Format("2006-01-02"), cpu(), runtime.NumCPU(), runtime.Version(), load())
	s.WriteString("| what | promised | measured (median) | spread |\n|---|---|---|---|\n")
	for _, b := range bars {
		fmt.Fprintf(&s, "| %s | %s | %s | %s |\n", b.what, b.promise, b.measured, b.spread)
	}
	return s.String()
}

func cpu() string {
	raw, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "an unknown processor"
	}
	for line := range strings.Lines(string(raw)) {
		if name, ok := strings.CutPrefix(line, "model name"); ok {
			return strings.TrimLeft(strings.TrimSpace(name), ": ")
		}
	}
	return runtime.GOARCH
}

func load() string {
	raw, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(raw))[:3], " ")
}
