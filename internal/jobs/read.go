package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/omni-run/omni/api"
)

const columns = `id, status, progress, result, error, endpoint, request_id, created_at, started_at, finished_at`

// Get returns a tenant's job; another tenant's is as unknown as none.
func (m *Manager) Get(ctx context.Context, tenant, id string) (api.Job, error) {
	j, err := scan(m.store.queryRow(ctx, `SELECT `+columns+` FROM jobs WHERE id = ? AND tenant = ?`, id, tenant))
	if errors.Is(err, errNoRows) {
		return api.Job{}, unknown()
	}
	if err != nil {
		return api.Job{}, fmt.Errorf("reading job %s: %w", id, m.fault(err))
	}
	return j, nil
}

func unknown() error {
	return api.NotFound("unknown_job", "there is no such job, or it ended too long ago")
}

// List returns a tenant's newest jobs, without their results.
func (m *Manager) List(ctx context.Context, tenant string, limit int) ([]api.Job, error) {
	rows, err := m.store.query(ctx, `SELECT `+columns+` FROM jobs WHERE tenant = ? ORDER BY created_at DESC, id LIMIT ?`, tenant, limit)
	if err != nil {
		return nil, fmt.Errorf("listing jobs: %w", m.fault(err))
	}
	defer rows.close()
	out := []api.Job{}
	for rows.Next() {
		j, err := scan(rows)
		if err != nil {
			return nil, fmt.Errorf("listing jobs: %w", m.fault(err))
		}
		j.Result = nil
		out = append(out, j)
	}
	return out, m.fault(rows.Err())
}

func scan(row row) (api.Job, error) {
	var (
		j                 api.Job
		failure           []byte
		created           int64
		started, finished *int64
	)
	var result []byte
	if err := row.Scan(&j.JobID, &j.Status, &j.Progress, &result, &failure, &j.Endpoint, &j.RequestID, &created, &started, &finished); err != nil {
		return api.Job{}, err
	}
	j.Result = result
	j.CreatedAt = time.UnixMilli(created).UTC()
	j.StartedAt, j.FinishedAt = moment(started), moment(finished)
	if failure != nil {
		j.Error = new(api.ErrorBody)
		if err := json.Unmarshal(failure, j.Error); err != nil {
			return api.Job{}, err
		}
	}
	return j, nil
}

func moment(ms *int64) *time.Time {
	if ms == nil {
		return nil
	}
	t := time.UnixMilli(*ms).UTC()
	return &t
}

// Cancel ends a job that has not ended: at once when it waits, as soon as its
// call has been given up when it runs. Cancelling an ended job changes nothing.
func (m *Manager) Cancel(ctx context.Context, tenant, id string) (api.Job, error) {
	j, err := m.Get(ctx, tenant, id)
	if err != nil || j.Ended() {
		return j, err
	}
	waiting := false
	err = m.whileBusy(ctx, func(ctx context.Context, tx transaction) error {
		waiting, err = m.end(ctx, tx, id, ending{from: api.JobPending, status: api.JobCancelled, failure: cancelled(j.RequestID)})
		if err != nil || waiting {
			return err
		}
		// It runs, here or at another gateway, which hears of it.
		if _, err := tx.exec(ctx, `UPDATE jobs SET cancel = TRUE WHERE id = ? AND status = ?`, id, api.JobRunning); err != nil {
			return err
		}
		return m.notify(ctx, tx, id)
	})
	if err != nil {
		return api.Job{}, fmt.Errorf("cancelling job %s: %w", id, m.fault(err))
	}
	if !waiting {
		m.mu.Lock()
		if r := m.running[id]; r != nil {
			r.cancel(errCancelled)
		}
		m.mu.Unlock()
	}
	m.announce(id)
	return m.Get(ctx, tenant, id)
}

// Watch calls f with the job as it stands and again after each change, until
// it has ended, f fails, or ctx ends.
func (m *Manager) Watch(ctx context.Context, tenant, id string, f func(api.Job) error) error {
	for {
		changed := m.subscribe(id)
		j, err := m.Get(ctx, tenant, id)
		if err != nil {
			return err
		}
		if err := f(j); err != nil {
			return err
		}
		if j.Ended() {
			return nil
		}
		// Another gateway's word of a change can get lost with a connection.
		var again <-chan time.Time
		if m.store.shared() {
			again = time.After(2 * time.Second)
		}
		select {
		case <-changed:
		case <-again:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// subscribe returns a channel that is closed at the job's next change.
func (m *Manager) subscribe(id string) <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	ch, ok := m.changed[id]
	if !ok {
		ch = make(chan struct{})
		m.changed[id] = ch
	}
	return ch
}

// announce wakes those who watch the job in this process; "" wakes all.
func (m *Manager) announce(id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for watched, ch := range m.changed {
		if id == "" || watched == id {
			close(ch)
			delete(m.changed, watched)
		}
	}
}

// sweep drops ended jobs after their time.
func (m *Manager) sweep(ctx context.Context) {
	if err := m.Forget(ctx, m.opt.Now().Add(-m.opt.Keep)); err != nil && ctx.Err() == nil {
		m.opt.Log.Warn("old jobs were not dropped", "error", err)
	}
}

// Forget drops the jobs that ended before the moment.
func (m *Manager) Forget(ctx context.Context, before time.Time) error {
	_, err := m.store.exec(ctx, `DELETE FROM jobs WHERE finished_at < ?`, before.UnixMilli())
	_, older := m.store.exec(ctx, `DELETE FROM deliveries WHERE status <> 'pending' AND created_at < ?`, before.Add(-keepDeliveries).UnixMilli())
	return errors.Join(err, older)
}
