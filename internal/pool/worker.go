package pool

import (
	"context"
	"time"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/pool/upstream"
)

// States of a worker as operators see them.
const (
	stateUnreachable = "unreachable" // does not answer its health check, or answers nonsense
	stateLoading     = "loading"
	stateReady       = "ready"
	stateDraining    = "draining" // says itself that it wants no new work
	stateDrained     = "drained"  // taken out by an operator
	stateEjected     = "ejected"  // left out for a time after failures in a row
	stateFailed      = "failed"   // no service loaded
	stateAsleep      = "asleep"   // not running; a call wakes it
	stateWaking      = "waking"   // on its way up
)

var states = []string{
	stateUnreachable, stateLoading, stateReady, stateDraining, stateDrained, stateEjected, stateFailed,
	stateAsleep, stateWaking,
}

// Classes of what goes wrong with a worker: the values of a metric label.
const (
	classDial    = "dial"
	classTimeout = "timeout"
	classBroken  = "broken"  // the connection ended in mid-call
	classGarbage = "garbage" // not HTTP, or not the contract
	classStatus  = "status"  // an unexpected HTTP status
	classRefused = "refused" // still_loading or draining
	classBusy    = "busy"    // runs as many calls as it can, by its own count
	classAuth    = "auth"    // no credentials could be made for it
	classWake    = "wake"    // could not be brought up
)

var classes = []string{
	classDial, classTimeout, classBroken, classGarbage, classStatus, classRefused, classBusy, classAuth, classWake,
}

// worker is what the pool knows about one worker. All but the fields set by
// newWorker are guarded by the pool's lock.
type worker struct {
	Worker
	client upstream.Client
	static map[string]bool // nil: learned from health
	kick   chan struct{}   // ends the prober's sleep
	rest   *rest           // nil: always running, as far as the pool knows
	source *source         // nil: a name is one worker
	label  string          // in counters, which must not grow with addresses
	cancel context.CancelFunc
	gone   bool // it gets no more calls: its address is the name's no more, or it was removed
	// leaving is set when it is to be removed: it gets only calls that no other
	// worker could take.
	leaving bool

	up       bool // the last probe went well
	answered bool // some probe ever did
	draining bool
	drained  bool
	services map[string]string // service to state
	version  string
	inFlight int
	limit    int
	// full is set when the worker refused a call as one too many: another
	// gateway's, or one whose caller left and which it has not given up yet.
	full bool
	// suspect is set when a call broke on the worker: it gets no other before a
	// probe that began afterwards went well. suspicions tells such probes.
	suspect    bool
	suspicions int
	breaker    breaker
	tally      tally
	readyAt    time.Time // when it became ready, for the slow start
	lastErr    string
	misses     int // probes in a row that timed out

	// since is when the worker stopped being ready, zero while it is.
	since time.Time
	eta   time.Duration // as the worker put it at etaAt; zero if it did not
	etaAt time.Time
	// lazy is true while the prober sleeps for longer than ProbeFast.
	lazy bool
}

// serves reports whether the worker is the kind that takes calls for service,
// ready or not. A worker that never answered may be.
func (w *worker) serves(service string) bool {
	if w.static != nil {
		return w.static[service]
	}
	if !w.answered {
		_, group := split(service)
		return group == w.Group
	}
	_, ok := w.services[service]
	return ok
}

// ready reports whether calls for service may be sent now, slots aside.
func (w *worker) ready(service string) bool {
	return w.up && !w.draining && !w.drained && w.services[service] == api.StateReady &&
		(w.static == nil || w.static[service])
}

// stop ends the worker's prober.
func (w *worker) stop() {
	if w.cancel != nil {
		w.cancel()
	}
}

// slots is how many calls may be in flight.
func (w *worker) slots() int {
	if w.breaker.halfOpen {
		return 1
	}
	return w.limit
}

func (w *worker) free() bool { return !w.gone && !w.full && !w.suspect && w.inFlight < w.slots() }

// load is the share of the worker that one more call would use, when it is as
// warm as that.
func (w *worker) load(warmth float64) float64 {
	return float64(w.inFlight+1) / (float64(w.limit) * w.Weight * warmth)
}

// settled reports whether nothing about the worker is expected to change soon.
func (w *worker) settled() bool {
	return w.up && !w.full && !w.suspect && !w.draining && !w.breaker.open && !w.has(api.StateLoading)
}

func (w *worker) has(state string) bool {
	for _, s := range w.services {
		if s == state {
			return true
		}
	}
	return false
}

func (w *worker) asleep() bool { return w.rest != nil && w.rest.phase == phaseAsleep }

// state sums the worker up in one word.
func (w *worker) state() string {
	switch {
	case w.drained:
		return stateDrained
	case w.asleep():
		return stateAsleep
	case !w.up && w.rest != nil && w.rest.phase == phaseWaking:
		return stateWaking
	case !w.up:
		return stateUnreachable
	case w.draining:
		return stateDraining
	case w.breaker.open:
		return stateEjected
	case w.has(api.StateLoading):
		return stateLoading
	case w.has(api.StateReady):
		return stateReady
	case w.has(api.StateFailed):
		return stateFailed
	}
	return stateLoading
}

// expected is how long until the worker should be ready, if it said so.
func (w *worker) expected(now time.Time) (time.Duration, bool) {
	if !w.up || w.eta <= 0 {
		return 0, false
	}
	return w.eta - now.Sub(w.etaAt), true
}
