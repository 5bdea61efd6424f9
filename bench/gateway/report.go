package main

import (
	"cmp"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// report renders the run as Markdown.
func (b *bench) report(loadBefore, loadAfter string) string {
	var out strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&out, format+"\n", args...) }
	say("# What the gateway costs a request\n")
	say("%s; %s, %d cores, %s; load average %s before and %s after the run.\n",
		time.Now().UTC().Format("2006-01-02 15:04 UTC"), cpuModel(), runtime.NumCPU(), kernel(), loadBefore, loadAfter)
	say("```\n%s\n```\n", b.command())
	say("The same duties for all: API key to tenant, a rate limit per tenant (set high), path rewritten to `/internal/…`,")
	say("`X-Tenant-ID` added, the caller's key taken out, metrics, one JSON access-log line a request in a file; a POST of 600 bytes of")
	say("JSON, an upstream (nginx `return 200`) that answers 1.5 KB at once. The gateway has core %d to itself, as far as the", b.gatewayCore)
	say("machine lets it; load (wrk, %d connections) and upstream share core %d. Medians of %d rounds of %d s in rotating", b.connections, b.loadCore, b.rounds, b.seconds)
	say("order. CPU-ms is user and system time of all the gateway's processes, which other work on the machine disturbs least.")
	say("Only ours also checks that the body is JSON, keeps a durable usage ledger, bounds concurrency, and checks the key's hash.")
	say("Caddy's standard build has no rate limit; nginx's metrics are `stub_status`; nginx may buffer its log for a second: %t.\n", b.bufferedLog)
	b.fullTable(say)
	if b.rate > 0 {
		b.constantTable(say)
	}
	say("Versions:\n")
	for _, c := range b.contenders {
		say("- %s: %s", c.name, c.version)
	}
	if len(b.left) > 0 {
		say("\nNot installed, so left out: %s.", strings.Join(b.left, ", "))
	}
	return out.String()
}

func (b *bench) fullTable(say func(string, ...any)) {
	say("## As much as one core takes\n")
	say("| gateway | CPU-ms / 1,000 (min to max) | ours ÷ its | requests/s | p50 | p99 | RSS | exec → first 200 |")
	say("|---|---|---|---|---|---|---|---|")
	var ours float64
	for _, c := range b.contenders {
		if c.name == "omni" {
			ours = median(c.samples, func(s sample) float64 { return s.cpu })
		}
	}
	for _, c := range b.contenders {
		cpu := func(s sample) float64 { return s.cpu }
		low, high := extremes(c.samples, cpu)
		say("| %s | **%.1f** (%.1f to %.1f) | %s | %.0f | %s | %s | %.0f MB | %.0f ms |", c.name, median(c.samples, cpu), low, high,
			ratio(ours, median(c.samples, cpu)),
			median(c.samples, func(s sample) float64 { return s.full.perSecond }),
			short(median(c.samples, func(s sample) time.Duration { return s.full.p50 })),
			short(median(c.samples, func(s sample) time.Duration { return s.full.p99 })),
			float64(median(c.samples, func(s sample) int64 { return s.rss }))/1e6,
			float64(median(c.samples, func(s sample) time.Duration { return s.first }).Microseconds())/1000)
	}
	say("")
}

func (b *bench) constantTable(say func(string, ...any)) {
	say("## At a constant %d requests a second\n", b.rate)
	say("An open loop of %d s: times count from when a request was due.\n", b.rateSeconds)
	say("| way | p50 | added p50 | p99 | CPU-ms / 1,000 |")
	say("|---|---|---|---|---|")
	direct := median(b.direct, func(l latency) time.Duration { return l.p50 })
	say("| direct | %s | | %s | |", short(direct), short(median(b.direct, func(l latency) time.Duration { return l.p99 })))
	for _, c := range b.contenders {
		if median(c.samples, func(s sample) int { return s.constant.requests }) == 0 {
			say("| %s | cannot keep up | | | |", c.name)
			continue
		}
		p50 := median(c.samples, func(s sample) time.Duration { return s.constant.p50 })
		say("| %s | %s | %s | %s | %.1f |", c.name, short(p50), short(p50-direct),
			short(median(c.samples, func(s sample) time.Duration { return s.constant.p99 })),
			median(c.samples, func(s sample) float64 { return s.constantCPU }))
	}
	say("")
}

// command is how to repeat the run, without the paths of this machine.
func (b *bench) command() string {
	line := fmt.Sprintf("go run ./bench/gateway -rounds %d -seconds %d -rate %d -rate-seconds %d", b.rounds, b.seconds, b.rate, b.rateSeconds)
	if b.only != "" {
		line += " -only " + b.only
	}
	return line + " -caddy CADDY -python PYTHON"
}

func ratio(ours, its float64) string {
	if ours == 0 || its == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f", ours/its)
}

func short(d time.Duration) string {
	switch {
	case d >= time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d >= time.Millisecond:
		return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000)
	}
	return fmt.Sprintf("%d µs", d.Microseconds())
}

// median of one value of each element; the lower one of two.
func median[E any, V cmp.Ordered](list []E, value func(E) V) V {
	var zero V
	if len(list) == 0 {
		return zero
	}
	values := make([]V, len(list))
	for i, e := range list {
		values[i] = value(e)
	}
	slices.Sort(values)
	return values[(len(values)-1)/2]
}

func extremes[E any](list []E, value func(E) float64) (low, high float64) {
	for i, e := range list {
		v := value(e)
		if i == 0 || v < low {
			low = v
		}
		high = max(high, v)
	}
	return low, high
}

func cpuModel() string {
	raw, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(raw)) {
		if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

func kernel() string {
	raw, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	return "Linux " + strings.TrimSpace(string(raw))
}

func loadAverage() string {
	raw, _ := os.ReadFile("/proc/loadavg")
	if fields := strings.Fields(string(raw)); len(fields) > 2 {
		return strings.Join(fields[:3], " ")
	}
	return "unknown"
}
