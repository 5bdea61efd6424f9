package pool

import (
	"math"
	"time"
)

const (
	// latencyLeast is the upper bound of the first class of a digest; each
	// class is a fifth wider than the one before, the last holds the rest.
	latencyLeast   = 100 * time.Microsecond
	latencyRatio   = 1.2
	latencyClasses = 92 // up to half an hour
	// latencyKept is how many calls a digest holds before it halves what it
	// has, so that it follows the times.
	latencyKept = 4000
	// latencyKnown is how many calls must have been seen to say anything.
	latencyKnown = 100
)

// digest counts how long calls took, in classes that grow by a fifth.
type digest struct {
	counts [latencyClasses]uint32
	total  uint32
}

func (d *digest) note(took time.Duration) {
	class := 0
	if took > latencyLeast {
		class = int(math.Ceil(math.Log(float64(took)/float64(latencyLeast)) / math.Log(latencyRatio)))
	}
	d.counts[min(class, latencyClasses-1)]++
	if d.total++; d.total < latencyKept {
		return
	}
	d.total = 0
	for i := range d.counts {
		d.counts[i] /= 2
		d.total += d.counts[i]
	}
}

// percentile is the time within which so many of a hundred calls were answered,
// at most a fifth too long; 0 while too few are known.
func (d *digest) percentile(p float64) time.Duration {
	if d == nil || d.total < latencyKnown {
		return 0
	}
	need, sum := p/100*float64(d.total), 0.0
	for class, n := range d.counts {
		if sum += float64(n); sum >= need {
			return time.Duration(float64(latencyLeast) * math.Pow(latencyRatio, float64(class)))
		}
	}
	return 0
}

// latencyLocked notes how long a call of a service took that went well.
func (p *Pool) latencyLocked(service string, took time.Duration) {
	d := p.latencies[service]
	if d == nil {
		if len(p.latencies) >= maxServices {
			return
		}
		d = &digest{}
		p.latencies[service] = d
	}
	d.note(took)
}

// hedgeAfter is when a call that has no answer yet is sent a second time; 0 for
// never.
func (p *Pool) hedgeAfter(req *Request) time.Duration {
	switch {
	case !req.Idempotent:
		return 0
	case req.HedgePercentile <= 0:
		return req.Hedge
	}
	p.mu.Lock()
	after := p.latencies[req.Service].percentile(req.HedgePercentile)
	p.mu.Unlock()
	if after == 0 {
		return req.Hedge // too few calls to know better
	}
	return max(after, req.Hedge)
}
