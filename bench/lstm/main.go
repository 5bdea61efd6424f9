// Command lstm measures the training of a local forecaster beside the same
// network in PyTorch on the CPU, in one run.
//
//	GOEXPERIMENT=simd go run ./bench/lstm [-python python3] [-rounds 5]
//
// Both train 50 epochs over the windows of one series and judge the held-out
// fifth after each, then a fifth as many epochs over all windows; then forecast
// 30 steps. Nothing stops early. The two take turns, one thread each; the best
// round counts. The ratio is of processor time, which other work on the machine
// distorts least; the wall time stands beside it. The table goes to standard
// output as Markdown.
package main

import (
	"bufio"
	"context"
	_ "embed"
	"flag"
	"fmt"
	"io"
	"log"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/omni-run/omni/internal/ml/lstm"
	"github.com/omni-run/omni/internal/ml/mat/f32"
)

//go:embed peer.py
var peer string

// size is one experiment.
type size struct{ points, sequence, hidden, epochs int }

// steps is how far both forecast.
const steps = 30

func main() {
	python := flag.String("python", "python3", "a Python with torch; empty for none")
	rounds := flag.Int("rounds", 5, "timings of each size; the best counts")
	flag.Parse()
	runtime.GOMAXPROCS(1)
	if err := run(*python, *rounds); err != nil {
		log.Fatal(err)
	}
}

func run(python string, rounds int) error {
	var other *torch
	if python != "" {
		var err error
		if other, err = startTorch(python); err != nil {
			return err
		}
		defer other.stop()
		fmt.Printf("peer: %s\n\n", other.about)
	}
	fmt.Printf("| points | sequence | hidden | epochs | ours (%s) ms | torch ms | torch/ours | wall: ours | torch |\n|---|---|---|---|---|---|---|---|---|\n", f32.Path())
	for _, s := range []size{{16, 10, 12, 50}, {16, 10, 64, 50}, {100, 10, 12, 50}, {365, 30, 12, 50}, {1000, 10, 12, 50}, {1000, 10, 64, 50}} {
		ours, theirs := cost{math.Inf(1), math.Inf(1)}, cost{math.Inf(1), math.Inf(1)}
		for range rounds {
			took, err := train(s)
			if err != nil {
				return err
			}
			ours.best(took)
			if other != nil {
				took, err := other.train(s)
				if err != nil {
					return err
				}
				theirs.best(took)
			}
		}
		fmt.Printf("| %d | %d | %d | %d | %.1f | %.1f | %.1f | %.1f | %.1f |\n", s.points, s.sequence, s.hidden, s.epochs,
			1000*ours.cpu, 1000*theirs.cpu, theirs.cpu/ours.cpu, 1000*ours.wall, 1000*theirs.wall)
	}
	return nil
}

// cost is what a run took, in seconds of a processor and of a clock.
type cost struct{ cpu, wall float64 }

func (c *cost) best(d cost) { c.cpu, c.wall = min(c.cpu, d.cpu), min(c.wall, d.wall) }

// processor is the time all threads of this process have run.
func processor() (time.Duration, error) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0, fmt.Errorf("reading the processor time: %w", err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), nil
}

// train runs ours once.
func train(s size) (cost, error) {
	rng := rand.New(rand.NewPCG(1, 1))
	y := make([]float64, s.points)
	for i := range y {
		y[i] = 100 + float64(i) + 10*math.Sin(float64(i)/3) + rng.NormFloat64()
	}
	before, err := processor()
	if err != nil {
		return cost{}, err
	}
	start := time.Now()
	f, report, err := lstm.TrainSeries(context.Background(), [][]float64{y}, lstm.SeriesConfig{
		Lookback: s.sequence, Hidden: s.hidden, MaxWindows: s.points,
		Training: lstm.Training{Epochs: s.epochs, Patience: s.epochs + 1},
	}, rng, nil)
	if err != nil {
		return cost{}, fmt.Errorf("training on %d points: %w", s.points, err)
	}
	if _, err := f.Forecast(context.Background(), y, steps, 0); err != nil {
		return cost{}, fmt.Errorf("forecasting %d points: %w", s.points, err)
	}
	wall := time.Since(start)
	after, err := processor()
	if err != nil {
		return cost{}, err
	}
	if report.Epochs != s.epochs {
		return cost{}, fmt.Errorf("trained %d epochs, want %d", report.Epochs, s.epochs)
	}
	return cost{(after - before).Seconds(), wall.Seconds()}, nil
}

// torch is a process that trains the same network.
type torch struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	out   *bufio.Reader
	about string
}

func startTorch(python string) (*torch, error) {
	cmd := exec.Command(python, "-c", peer) //nolint:noctx // It ends when its input does.
	for _, v := range os.Environ() {
		// What other setups force on the numeric libraries is not their own
		// choice.
		if !strings.HasPrefix(v, "OPENBLAS_") && !strings.HasPrefix(v, "MKL_") && !strings.HasPrefix(v, "OMP_") && !strings.HasPrefix(v, "NVPL_") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(cmd.Env, "OMP_NUM_THREADS=1")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("talking to %s: %w", python, err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("talking to %s: %w", python, err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", python, err)
	}
	t := &torch{cmd: cmd, in: in, out: bufio.NewReader(out)}
	if t.about, err = t.out.ReadString('\n'); err != nil {
		return nil, fmt.Errorf("%s with torch did not start: %w", python, err)
	}
	t.about = strings.TrimSpace(t.about)
	return t, nil
}

func (t *torch) train(s size) (c cost, err error) {
	if _, err := fmt.Fprintln(t.in, s.points, s.sequence, s.hidden, s.epochs, steps); err != nil {
		return c, fmt.Errorf("asking torch: %w", err)
	}
	if _, err := fmt.Fscanln(t.out, &c.cpu, &c.wall); err != nil {
		return c, fmt.Errorf("reading torch's answer: %w", err)
	}
	return c, nil
}

func (t *torch) stop() {
	_ = t.in.Close()
	_ = t.cmd.Wait()
}
