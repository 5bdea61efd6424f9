package jobs

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/omni-run/omni/api"
)

const columns = `id, status, progress, result, error, json_extract(spec, '$.endpoint'), json_extract(spec, '$.request_id'), created_at, started_at, finished_at`

// Get returns a tenant's job; another tenant's is as unknown as none.
func (m *Manager) Get(ctx context.Context, tenant, id string) (api.Job, error) {
	j, err := scan(m.db.Read.QueryRowContext(ctx, `SELECT `+columns+` FROM jobs WHERE id = ? AND tenant = ?`, id, tenant))
	if errors.Is(err, sql.ErrNoRows) {
		return api.Job{}, unknown()
	}
	if err != nil {
		return api.Job{}, fmt.Errorf("reading job %s: %w", id, fault(err))
	}
	return j, nil
}

func unknown() error {
	return api.NotFound("unknown_job", "there is no such job, or it ended too long ago")
}

// List returns a tenant's newest jobs, without their results.
func (m *Manager) List(ctx context.Context, tenant string, limit int) ([]api.Job, error) {
	rows, err := m.db.Read.QueryContext(ctx, `SELECT `+columns+` FROM jobs WHERE tenant = ? ORDER BY created_at DESC, id LIMIT ?`, tenant, limit)
	if err != nil {
		return nil, fmt.Errorf("listing jobs: %w", fault(err))
	}
	defer rows.Close()
	out := []api.Job{}
	for rows.Next() {
		j, err := scan(rows)
		if err != nil {
			return nil, fmt.Errorf("listing jobs: %w", fault(err))
		}
		j.Result = nil
		out = append(out, j)
	}
	return out, fault(rows.Err())
}

func scan(row interface{ Scan(dest ...any) error }) (api.Job, error) {
	var (
		j                 api.Job
		failure           []byte
		created           int64
		started, finished sql.NullInt64
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

func moment(ms sql.NullInt64) *time.Time {
	if !ms.Valid {
		return nil
	}
	t := time.UnixMilli(ms.Int64).UTC()
	return &t
}

// Cancel ends a job that has not ended: at once when it waits, as soon as its
// call has been given up when it runs. Cancelling an ended job changes nothing.
func (m *Manager) Cancel(ctx context.Context, tenant, id string) (api.Job, error) {
	j, err := m.Get(ctx, tenant, id)
	if err != nil || j.Ended() {
		return j, err
	}
	failure, err := json.Marshal(cancelled(j.RequestID))
	if err != nil {
		return api.Job{}, err
	}
	res, err := m.db.Write.ExecContext(ctx, `UPDATE jobs SET status = ?, error = ?, finished_at = ? WHERE id = ? AND status = ?`,
		api.JobCancelled, failure, m.opt.Now().UnixMilli(), id, api.JobPending)
	if err != nil {
		return api.Job{}, fmt.Errorf("cancelling job %s: %w", id, fault(err))
	}
	if n, err := res.RowsAffected(); err == nil && n == 0 {
		m.mu.Lock()
		if cancel, runs := m.running[id]; runs {
			delete(m.running, id) // tells work that the owner wanted it
			cancel()
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
		select {
		case <-changed:
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

func (m *Manager) announce(id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if ch, ok := m.changed[id]; ok {
		close(ch)
		delete(m.changed, id)
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
	_, err := m.db.Write.ExecContext(ctx, `DELETE FROM jobs WHERE finished_at < ?`, before.UnixMilli())
	return err
}
