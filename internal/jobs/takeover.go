package jobs

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/omni-run/omni/api"
)

// notify tells other gateways that the job changes when tx commits.
func (m *Manager) notify(ctx context.Context, tx transaction, id string) error {
	if m.words.notify == "" {
		return nil
	}
	_, err := tx.exec(ctx, m.words.notify, id)
	return err
}

// heard is what another gateway, or this one, said of a job; "" says that
// something may have been missed.
func (m *Manager) heard(id string) {
	m.announce(id)
	m.mu.Lock()
	_, here := m.running[id]
	m.mu.Unlock()
	if here || id == "" {
		m.lookSoon()
	}
}

func (m *Manager) lookSoon() {
	select {
	case m.look <- struct{}{}:
	default: // it is about to look
	}
}

// keepLeases says again and again that this gateway lives, hears whether what
// it runs is still wanted, and takes over what others left.
//
// It takes over only after the database has been within reach for a whole
// lease: when it comes back after an outage, all leases have run out, and those
// who live renew theirs first.
func (m *Manager) keepLeases(ctx context.Context) {
	tick := time.NewTicker(m.opt.Lease / 5)
	defer tick.Stop()
	var reachedSince time.Time
	for {
		due := false
		select {
		case <-tick.C:
			due = true
		case <-m.look:
		case <-ctx.Done():
			return
		}
		switch err := m.renew(ctx); {
		case ctx.Err() != nil:
			return
		case err != nil:
			if !reachedSince.IsZero() {
				m.opt.Log.Warn("the job store is out of reach; what runs goes on", "error", err)
			}
			reachedSince = time.Time{}
			continue
		case reachedSince.IsZero():
			reachedSince = time.Now()
		}
		if due && time.Since(reachedSince) >= m.opt.Lease {
			if err := m.takeOver(ctx); err != nil && ctx.Err() == nil {
				m.opt.Log.Warn("jobs of gateways that died were not taken over; trying again", "error", err)
			}
		}
	}
}

// renew extends the leases of what runs here, and ends runs that are not
// wanted any more.
func (m *Manager) renew(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, m.opt.Lease)
	defer cancel()
	m.mu.Lock()
	runs := make(map[string]*running, len(m.running))
	for id, r := range m.running {
		runs[id] = r
	}
	m.mu.Unlock()
	for id, r := range runs {
		var unwanted bool
		err := m.store.queryRow(ctx, `UPDATE jobs SET lease_until = `+m.words.now+` + ? WHERE id = ? AND run = ? AND status = ? RETURNING cancel`,
			m.opt.Lease.Milliseconds(), id, r.run, api.JobRunning).Scan(&unwanted)
		switch {
		case errors.Is(err, errNoRows):
			r.cancel(errLost) // or it has just ended, and then nobody listens
		case err != nil:
			return err
		case unwanted:
			r.cancel(errCancelled)
		}
	}
	if len(runs) > 0 {
		return nil
	}
	var one int
	return m.store.queryRow(ctx, `SELECT 1`).Scan(&one)
}

// left is a job that nobody runs any more.
type left struct {
	id, requestID string
	idempotent    bool
	unwanted      bool
}

// takeOver settles what a process that died left: of the jobs it ran,
// idempotent ones are queued again and others end as failed, and no pending
// job stays without a place in River's queue.
func (m *Manager) takeOver(ctx context.Context) error {
	for {
		n := 0
		err := m.store.tx(ctx, func(tx transaction) (err error) {
			n, err = m.takeSome(ctx, tx)
			return err
		})
		if err != nil || n == 0 {
			return err
		}
	}
}

func (m *Manager) takeSome(ctx context.Context, tx transaction) (n int, err error) {
	expired, args := `lease_until < `+m.words.now, []any{api.JobRunning}
	if !m.store.shared() {
		expired = `TRUE` // the file had one process, and that is gone
	}
	died, err := m.leftOver(ctx, tx, `SELECT id, request_id, idempotent, cancel FROM jobs WHERE status = ? AND `+expired+` LIMIT 100`+m.words.skipLocked, args)
	if err != nil {
		return 0, err
	}
	for _, j := range died {
		if j.unwanted {
			if _, err := m.end(ctx, tx, j.id, ending{from: api.JobRunning, status: api.JobCancelled, failure: cancelled(j.requestID)}); err != nil {
				return 0, err
			}
			continue
		}
		if !j.idempotent {
			failure := api.NewError(http.StatusServiceUnavailable, "interrupted",
				"the gateway stopped while the job ran; whether it took effect is not known").Body(j.requestID)
			if _, err := m.end(ctx, tx, j.id, ending{from: api.JobRunning, status: api.JobFailed, failure: &failure}); err != nil {
				return 0, err
			}
			continue
		}
		if _, err := tx.exec(ctx, `UPDATE jobs SET status = ?, started_at = NULL, progress = 0, run = '' WHERE id = ?`, api.JobPending, j.id); err != nil {
			return 0, err
		}
		if err := errors.Join(m.enqueue(ctx, tx, j.id), m.notify(ctx, tx, j.id)); err != nil {
			return 0, err
		}
	}
	lost, err := m.leftOver(ctx, tx, `SELECT id, request_id, idempotent, cancel FROM jobs j WHERE status = ?
		AND NOT EXISTS (SELECT 1 FROM river_job r WHERE r.id = j.queue_id AND `+m.words.queued+`) LIMIT 100`+m.words.skipLocked, []any{api.JobPending})
	if err != nil {
		return 0, err
	}
	for _, j := range lost {
		if err := m.enqueue(ctx, tx, j.id); err != nil {
			return 0, err
		}
	}
	if len(died) > 0 {
		m.opt.Log.Warn("jobs of a gateway that died were taken over", "jobs", len(died))
	}
	return len(died) + len(lost), nil
}

func (m *Manager) leftOver(ctx context.Context, tx transaction, query string, args []any) ([]left, error) {
	found, err := tx.query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer found.close()
	var list []left
	for found.Next() {
		var j left
		if err := found.Scan(&j.id, &j.requestID, &j.idempotent, &j.unwanted); err != nil {
			return nil, err
		}
		list = append(list, j)
	}
	return list, found.Err()
}
