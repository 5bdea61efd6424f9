package pool

import "time"

// proof is what a running pool remembers of a Keeper that came by a change,
// until it has brought its worker up once. A command may be there and run, and
// end at once all the same: that shows only when it is tried, and by then the
// worker it replaces is gone, because two processes may want the same port or
// the same data. So the new one is tried right away and not with the next
// call, and where it fails the former Keeper serves on in its stead. It is
// guarded by the pool's lock.
type proof struct {
	// former is the last Keeper that proved itself under this name; nil where
	// its worker was reached in another way, or there was none.
	former Keeper
	// ran is true when the former's worker was up as its place was taken: then
	// it is brought back without a call that asks for it.
	ran bool
	// standing is true while the former is at work.
	standing bool

	failures int // in a row
	failure  error
	retryAt  time.Time
}

// proveLocked sees to it that a member which takes the place of old, if that
// is not nil, proves itself.
func (p *Pool) proveLocked(m, old *member) {
	r := m.rest()
	if r == nil {
		return
	}
	var before *rest
	if old != nil {
		before = old.rest()
	}
	unproven := before != nil && before.proof != nil
	if !m.config.Prove && !unproven {
		return
	}
	r.proof = &proof{}
	if before != nil && m.config.Former {
		r.proof.former, r.proof.ran = before.keeper, before.phase != phaseAsleep
		if unproven {
			r.proof.former, r.proof.ran = before.proof.former, before.proof.ran || before.proof.standing
		}
	}
	r.want()
}

// turn is the keeper whose turn it is to bring the worker up: the former one
// while the new one's last failure is fresh.
func (p *Pool) turn(r *rest) Keeper {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r.proof == nil {
		return r.keeper
	}
	r.proof.standing = r.proof.former != nil && p.opts.Now().Before(r.proof.retryAt)
	if r.proof.standing {
		return r.proof.former
	}
	return r.keeper
}

// disproved notes that a keeper failed which had yet to prove itself. It
// reports whether a former one serves calls in its stead, so that nobody need be
// refused, and returns that one if it is to begin at once.
func (p *Pool) disproved(r *rest, err error) (served bool, now Keeper) {
	p.mu.Lock()
	defer p.mu.Unlock()
	pr := r.proof
	if pr == nil || pr.standing {
		return false, nil
	}
	pause := wakePause(pr.failures)
	pr.failures++
	pr.failure, pr.retryAt = err, p.opts.Now().Add(pause)
	if pr.former == nil {
		return false, nil
	}
	p.metrics.wakeFailures.WithLabelValues(r.name).Inc()
	p.opts.Logger.Error("worker cannot be woken in its new way; the former one serves", "worker", r.name, "error", err, "again_in", pause.String())
	p.restLocked(r)
	if !pr.ran && !p.heldForLocked(r) {
		return true, nil
	}
	pr.ran, pr.standing = false, true
	return true, pr.former
}

// provenLocked notes that the worker is up.
func (p *Pool) provenLocked(r *rest) {
	if r.proof == nil || r.proof.standing {
		return
	}
	p.opts.Logger.Info("worker has proven its new wake", "worker", r.name, "failures_before", r.proof.failures)
	r.proof = nil
}

// Unproven is a wake that came with a change of the configuration and has not
// brought its worker up yet.
type Unproven struct {
	// Failures in a row, and why the last one failed, in words for operators.
	Failures int    `json:"failures"`
	Error    string `json:"error,omitempty"`
	// RetryAt is when it is tried again, or by the next wake after it.
	RetryAt *time.Time `json:"retry_at,omitempty"`
	// FormerServes is true where the former way of waking the worker takes over
	// when this one fails.
	FormerServes bool `json:"former_serves"`
}

func (r *rest) unproven() *Unproven {
	if r == nil || r.proof == nil {
		return nil
	}
	u := &Unproven{Failures: r.proof.failures, FormerServes: r.proof.former != nil}
	if r.proof.failure != nil {
		at := r.proof.retryAt.UTC()
		u.Error, u.RetryAt = r.proof.failure.Error(), &at
	}
	return u
}

// Unproven returns how many workers have a wake that failed since a change of
// the configuration and has not gone well yet.
func (p *Pool) Unproven() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, m := range p.members {
		if r := m.rest(); r != nil && r.proof != nil && r.proof.failures > 0 {
			n++
		}
	}
	return n
}
