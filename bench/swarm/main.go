// Command swarm measures the schedule search on public benchmark instances:
// job shops, flexible job shops, and those projects of PSPLIB in which no task
// needs more than one resource. It prints the gap to the best known makespan
// for every instance and a table of means by family.
//
//	go run ./bench/swarm -data DIR [-only la,ft] [-seconds 1] [-every 1] [-work 0] [-v]
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"sort"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/omni-run/omni/internal/ml/aco"
	"github.com/omni-run/omni/internal/ml/schedule"
	"github.com/omni-run/omni/internal/ml/schedule/audit"
)

func main() {
	data := flag.String("data", "", "folder with jobshop/, flexible_jobshop/ and psplib/")
	only := flag.String("only", "", "families to run, separated by commas; default all")
	seconds := flag.Float64("seconds", 1, "time limit for one instance")
	every := flag.Int("every", 1, "run every n-th instance of a family")
	seed := flag.Uint64("seed", 1, "seed of the search")
	work := flag.Int64("work", 0, "bound the search by effort instead of by time: the same on every machine")
	verbose := flag.Bool("v", false, "print every instance")
	flag.Parse()
	b := bench{seconds: *seconds, work: *work, seed: *seed, every: max(1, *every), verbose: *verbose}
	if err := b.run(os.Stdout, *data, *only); err != nil {
		fmt.Fprintln(os.Stderr, "swarm:", err)
		os.Exit(1)
	}
}

// bench is how to run.
type bench struct {
	seconds float64
	work    int64
	seed    uint64
	every   int
	verbose bool
}

// family sums up the gaps of one family of instances.
type family struct {
	name                 string
	count, best, proved  int
	gap, worst, boundGap float64
	seconds              float64
}

func (r bench) run(out io.Writer, data, only string) error {
	instances, err := load(data)
	if err != nil {
		return err
	}
	wanted := map[string]bool{}
	for _, name := range strings.Split(only, ",") {
		wanted[name] = name != ""
	}
	families := map[string]*family{}
	seen := map[string]int{}
	for _, b := range instances {
		seen[b.family]++
		if only != "" && !wanted[b.family] || (seen[b.family]-1)%r.every != 0 {
			continue
		}
		began := time.Now()
		found, err := r.solve(b)
		if err != nil {
			return fmt.Errorf("solving %s: %w", b.id, err)
		}
		f := families[b.family]
		if f == nil {
			f = &family{name: b.family}
			families[b.family] = f
		}
		gap := 100 * (found.Objective - b.known) / b.known
		f.count++
		f.seconds += time.Since(began).Seconds()
		f.gap += gap
		f.boundGap += 100 * found.Gap
		f.worst = max(f.worst, gap)
		if gap < 1e-9 {
			f.best++
		}
		if found.Optimal {
			f.proved++
		}
		if r.verbose {
			fmt.Fprintf(out, "%-12s makespan %6.0f  best known %6.0f  gap %5.2f %%  bound %6.0f  rounds %d  %s\n",
				b.id, found.Objective, b.known, gap, found.Bound, found.Rounds, found.Stopped)
		}
	}
	return table(out, families)
}

// solve searches one instance and audits the answer.
func (r bench) solve(b benchmark) (*aco.Result, error) {
	in, err := schedule.Compile(b.problem)
	if err != nil {
		return nil, err
	}
	options := aco.Options{Work: r.work}
	if r.work == 0 {
		end := time.Now().Add(time.Duration(r.seconds * float64(time.Second)))
		options = aco.Options{Work: 1 << 60, Stop: func() bool { return time.Now().After(end) }}
	}
	found, err := aco.Solve(context.Background(), in, rand.New(rand.NewPCG(r.seed, 0)), options)
	if err != nil {
		return nil, err
	}
	sums, err := audit.Check(b.problem, in.Assignments(found.Plan))
	if err != nil {
		return nil, err
	}
	if sums.Makespan != found.Objective {
		return nil, fmt.Errorf("the audit counts a makespan of %g, the search %g", sums.Makespan, found.Objective)
	}
	return found, nil
}

func table(out io.Writer, families map[string]*family) error {
	names := make([]string, 0, len(families))
	for name := range families {
		names = append(names, name)
	}
	sort.Strings(names)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "| family\t| instances\t| mean gap %\t| worst %\t| best known met\t| proved optimal\t| mean gap to own bound %\t| mean seconds\t|")
	fmt.Fprintln(w, "|---\t|---\t|---\t|---\t|---\t|---\t|---\t|---\t|")
	for _, name := range names {
		f := families[name]
		n := float64(f.count)
		fmt.Fprintf(w, "| %s\t| %d\t| %.2f\t| %.2f\t| %d\t| %d\t| %.2f\t| %.2f\t|\n",
			f.name, f.count, f.gap/n, f.worst, f.best, f.proved, f.boundGap/n, f.seconds/n)
	}
	return w.Flush()
}
