// Package loadtest sends one call over and over and measures how it fares,
// within bounds on how often, for how long and how many at a time.
package loadtest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// Options bound a test. Both bounds are always set: it ends at the first.
type Options struct {
	// Requests in all; Concurrent at a time.
	Requests, Concurrent int
	// Duration of the whole.
	Duration time.Duration
	// Call is the call that is measured. Its error's class is what Class says.
	Call func(context.Context) error
	// Class names an error in the result; nil takes its text.
	Class func(error) string
}

// Result is what was measured.
type Result struct {
	Requests, Failed int
	Elapsed          time.Duration
	// PerSecond counts every answer, good or not.
	PerSecond float64
	// Latencies of the successes.
	P50, P90, P99, Max time.Duration
	// Failures counts errors by class.
	Failures map[string]int
}

// Run runs the test until a bound is met or ctx ends.
func Run(ctx context.Context, o Options) (Result, error) {
	if o.Requests < 1 || o.Concurrent < 1 || o.Duration <= 0 || o.Call == nil {
		return Result{}, errors.New("loadtest: requests, concurrency and duration must be positive")
	}
	ctx, cancel := context.WithTimeout(ctx, o.Duration)
	defer cancel()
	tickets := make(chan struct{}, o.Requests)
	for range o.Requests {
		tickets <- struct{}{}
	}
	close(tickets)
	begun := time.Now()
	parts := make([]part, min(o.Concurrent, o.Requests))
	var wg sync.WaitGroup
	for i := range parts {
		wg.Go(func() { parts[i].work(ctx, o, tickets) })
	}
	wg.Wait()
	return sum(parts, time.Since(begun)), nil
}

// part is what one of the concurrent callers saw.
type part struct {
	good     []time.Duration
	failures map[string]int
}

func (p *part) work(ctx context.Context, o Options, tickets <-chan struct{}) {
	p.failures = map[string]int{}
	for range tickets {
		if ctx.Err() != nil {
			return
		}
		begun := time.Now()
		err := o.Call(ctx)
		switch {
		case err == nil:
			p.good = append(p.good, time.Since(begun))
		case ctx.Err() != nil: // cut off by the end of the test, not a failure
		case o.Class != nil:
			p.failures[o.Class(err)]++
		default:
			p.failures[err.Error()]++
		}
	}
}

func sum(parts []part, elapsed time.Duration) Result {
	r := Result{Elapsed: elapsed, Failures: map[string]int{}}
	var all []time.Duration
	for _, p := range parts {
		all = append(all, p.good...)
		for class, n := range p.failures {
			r.Failures[class] += n
			r.Failed += n
		}
	}
	slices.Sort(all)
	r.Requests = len(all) + r.Failed
	if elapsed > 0 {
		r.PerSecond = float64(r.Requests) / elapsed.Seconds()
	}
	if len(all) > 0 {
		r.P50, r.P90, r.P99, r.Max = quantile(all, 50), quantile(all, 90), quantile(all, 99), all[len(all)-1]
	}
	return r
}

// quantile is the nearest-rank percentile of sorted values.
func quantile(sorted []time.Duration, percent int) time.Duration {
	rank := (len(sorted)*percent + 99) / 100
	return sorted[max(rank, 1)-1]
}

// String words the result on a few lines.
func (r Result) String() string {
	text := fmt.Sprintf("  %d requests in %.2f s: %.0f a second, %d failed\n", r.Requests, r.Elapsed.Seconds(), r.PerSecond, r.Failed)
	if r.Requests > r.Failed {
		text += fmt.Sprintf("  latency  p50 %v  p90 %v  p99 %v  max %v\n", round(r.P50), round(r.P90), round(r.P99), round(r.Max))
	}
	for _, class := range slices.Sorted(maps.Keys(r.Failures)) {
		text += fmt.Sprintf("  failed   %d × %s\n", r.Failures[class], class)
	}
	return text
}

func round(d time.Duration) time.Duration { return d.Round(10 * time.Microsecond) }
