// Command mat measures the float32 kernels beside numpy on OpenBLAS, on one
// core, in one run.
//
//	GOEXPERIMENT=simd go run ./bench/mat [-python python3] [-rounds 20]
//
// The two take turns, shape by shape; each figure is the best of the rounds,
// so that other work on the machine matters little. The table goes to standard
// output as Markdown.
package main

import (
	"bufio"
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
	"slices"
	"strings"
	"time"

	"github.com/omni-run/omni/internal/ml/mat/f32"
)

//go:embed peer.py
var peer string

// window is how long one timing lasts at least; shorter than what the
// scheduler gives a process at a time.
const window = 300 * time.Microsecond

func main() {
	python := flag.String("python", "python3", "a Python with numpy; empty for none")
	rounds := flag.Int("rounds", 20, "timings of each shape; the best counts")
	only := flag.String("only", "", "only operations whose name contains this")
	flag.Parse()
	runtime.GOMAXPROCS(1)
	if err := run(*python, *rounds, *only); err != nil {
		log.Fatal(err)
	}
}

func run(python string, rounds int, only string) error {
	var other *numpy
	if python != "" {
		var err error
		if other, err = startNumpy(python); err != nil {
			return err
		}
		defer other.stop()
		fmt.Printf("peer: %s\n\n", other.about)
	}
	implementations := f32.Implementations()
	header := "| operation | m | n | k |"
	for _, i := range implementations {
		header += fmt.Sprintf(" %s GFLOP/s |", i.Name())
	}
	if other != nil {
		header += fmt.Sprintf(" numpy | %s/numpy |", implementations[0].Name())
	}
	fmt.Println(header)
	fmt.Println("|" + strings.Repeat("---|", strings.Count(header, "|")-1))
	var ratios []float64
	for _, s := range shapes() {
		if !strings.Contains(s.op, only) {
			continue
		}
		ours, theirs, err := measure(s, implementations, other, rounds)
		if err != nil {
			return err
		}
		line := fmt.Sprintf("| %s | %d | %d | %d |", s.op, s.m, s.n, s.k)
		for _, g := range ours {
			line += fmt.Sprintf(" %.1f |", g)
		}
		if other != nil {
			ratios = append(ratios, ours[0]/theirs)
			line += fmt.Sprintf(" %.1f | %.2f |", theirs, ours[0]/theirs)
		}
		fmt.Println(line)
	}
	if len(ratios) > 0 {
		slices.Sort(ratios)
		log := 0.0
		for _, r := range ratios {
			log += math.Log(r) / float64(len(ratios))
		}
		fmt.Printf("\n%d rows: lowest ratio %.2f, geometric mean %.2f, below 0.80: %d\n", len(ratios), ratios[0], math.Exp(log), below(ratios, 0.8))
	}
	return nil
}

func below(sorted []float64, limit float64) int {
	at, _ := slices.BinarySearch(sorted, limit)
	return at
}

// shape is one thing to measure. The operations are gemm NN, TN and NT, gemv,
// and elementwise ones over m*n numbers, whose flops count as one each.
type shape struct {
	op      string
	m, n, k int
}

func shapes() []shape {
	var list []shape
	for _, m := range []int{1, 8, 32, 64, 256, 1024, 4096} {
		for _, nk := range [][2]int{{40, 10}, {128, 32}, {256, 64}, {256, 128}, {512, 256}, {10, 64}, {32, 256}, {64, 256}} {
			list = append(list, shape{"NN", m, nk[0], nk[1]})
		}
	}
	for _, batch := range []int{64, 640, 4096} {
		for _, mn := range [][2]int{{10, 40}, {32, 128}, {64, 256}, {128, 256}} {
			list = append(list, shape{"TN", mn[0], mn[1], batch})
		}
	}
	for _, m := range []int{32, 64, 1024} {
		for _, nk := range [][2]int{{10, 40}, {32, 128}, {64, 256}, {128, 256}} {
			list = append(list, shape{"NT", m, nk[0], nk[1]})
		}
	}
	for _, mn := range [][2]int{{40, 10}, {128, 32}, {256, 64}, {256, 128}, {1024, 256}} {
		list = append(list, shape{"gemv", mn[0], mn[1], 1}, shape{"gemvT", mn[0], mn[1], 1})
	}
	for _, op := range []string{"exp", "tanh"} {
		list = append(list, shape{op, 1, 256, 1}, shape{op, 64, 256, 1})
	}
	return list
}

func (s shape) flops() float64 {
	switch s.op {
	case "NN", "TN", "NT":
		return 2 * float64(s.m) * float64(s.n) * float64(s.k)
	case "gemv", "gemvT":
		return 2 * float64(s.m) * float64(s.n)
	}
	return float64(s.m) * float64(s.n)
}

// task returns what to time.
func (s shape) task(i f32.Implementation, rng *rand.Rand) func() {
	fill := func(n int) []float32 {
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(rng.NormFloat64())
		}
		return x
	}
	switch s.op {
	case "gemv":
		a, x, y := f32.Mat(fill(s.m*s.n), s.n), fill(s.n), fill(s.m)
		return func() { i.Gemv(s.m, s.n, 1, a, x, 0, y) }
	case "gemvT":
		a, x, y := f32.Mat(fill(s.m*s.n), s.n).T(), fill(s.m), fill(s.n)
		return func() { i.Gemv(s.n, s.m, 1, a, x, 0, y) }
	case "exp":
		x, y := fill(s.m*s.n), fill(s.m*s.n)
		return func() { i.Exp(y, x) }
	case "tanh":
		x, y := fill(s.m*s.n), fill(s.m*s.n)
		return func() { i.Tanh(y, x) }
	}
	a, b, c := f32.Mat(fill(s.m*s.k), s.k), f32.Mat(fill(s.k*s.n), s.n), f32.Mat(fill(s.m*s.n), s.n)
	if s.op == "TN" {
		a = f32.Mat(a.Data, s.m).T()
	}
	if s.op == "NT" {
		b = f32.Mat(b.Data, s.k).T()
	}
	return func() { i.Gemm(s.m, s.n, s.k, 1, a, b, 0, c) }
}

// measure returns the best GFLOP/s of each implementation and of the peer.
func measure(s shape, implementations []f32.Implementation, other *numpy, rounds int) (ours []float64, theirs float64, err error) {
	rng := rand.New(rand.NewPCG(1, 1))
	tasks := make([]func(), len(implementations))
	for i, impl := range implementations {
		tasks[i] = s.task(impl, rng)
	}
	best := make([]time.Duration, len(tasks))
	count := make([]int, len(tasks))
	for i, task := range tasks {
		count[i] = 1
		for timed(task, count[i]) < window {
			count[i] *= 2
		}
		best[i] = math.MaxInt64
	}
	for range rounds {
		for i, task := range tasks {
			best[i] = min(best[i], timed(task, count[i]))
		}
		if other != nil {
			g, err := other.measure(s)
			if err != nil {
				return nil, 0, err
			}
			theirs = max(theirs, g)
		}
	}
	for i := range tasks {
		ours = append(ours, s.flops()*float64(count[i])/float64(best[i].Nanoseconds()))
	}
	return ours, theirs, nil
}

func timed(task func(), count int) time.Duration {
	start := time.Now()
	for range count {
		task()
	}
	return time.Since(start)
}

// numpy is a process that times the same shapes.
type numpy struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	out   *bufio.Reader
	about string
}

func startNumpy(python string) (*numpy, error) {
	cmd := exec.Command(python, "-c", peer) //nolint:noctx // It ends when its input does.
	for _, v := range os.Environ() {
		// What other setups force on OpenBLAS would not be its own choice.
		if !strings.HasPrefix(v, "OPENBLAS_") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(cmd.Env, "OPENBLAS_NUM_THREADS=1")
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
	n := &numpy{cmd: cmd, in: in, out: bufio.NewReader(out)}
	if n.about, err = n.out.ReadString('\n'); err != nil {
		return nil, fmt.Errorf("%s with numpy did not start: %w", python, err)
	}
	n.about = strings.TrimSpace(n.about)
	return n, nil
}

func (n *numpy) measure(s shape) (gflops float64, err error) {
	if _, err := fmt.Fprintln(n.in, s.op, s.m, s.n, s.k, s.flops(), window.Seconds()); err != nil {
		return 0, fmt.Errorf("asking numpy: %w", err)
	}
	if _, err := fmt.Fscanln(n.out, &gflops); err != nil {
		return 0, fmt.Errorf("reading numpy's answer: %w", err)
	}
	return gflops, nil
}

func (n *numpy) stop() {
	_ = n.in.Close()
	_ = n.cmd.Wait()
}
