package jobs

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/riverqueue/river"

	"github.com/omni-run/omni/api"
)

// callArgs is what River queues: the job's id. All else stands in our table.
type callArgs struct {
	JobID string `json:"job_id"`
}

// Kind implements river.JobArgs.
func (callArgs) Kind() string { return "gateway_call" }

type callWorker struct {
	river.WorkerDefaults[callArgs]
	manager *Manager
}

// Work implements river.Worker. It returns an error only when the job's end
// could not be written, so that River shows it.
func (w *callWorker) Work(ctx context.Context, j *river.Job[callArgs]) error {
	return w.manager.work(ctx, j.Args.JobID)
}

func (m *Manager) work(ctx context.Context, id string) error {
	var (
		spec Spec
		ok   bool
	)
	err := m.persist(ctx, id, func(ctx context.Context) (err error) {
		spec, ok, err = m.begin(ctx, id)
		return err
	})
	if err != nil || !ok {
		return err
	}
	timeout := m.opt.Timeout
	if spec.Timeout > 0 {
		timeout = min(timeout, spec.Timeout)
	}
	run, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	m.mu.Lock()
	m.running[id] = cancel
	m.mu.Unlock()
	result, runErr := m.guarded(run, id, spec)
	m.mu.Lock()
	_, wanted := m.running[id] // Cancel takes the entry away
	delete(m.running, id)
	m.mu.Unlock()

	switch {
	case runErr == nil:
		return m.finish(ctx, id, api.JobSucceeded, result, nil)
	case !wanted:
		return m.finish(ctx, id, api.JobCancelled, nil, cancelled(spec.RequestID))
	case ctx.Err() != nil && spec.Idempotent:
		return m.persist(ctx, id, func(ctx context.Context) error { return m.requeue(ctx, id) })
	default:
		body := m.failure(run, id, spec, runErr)
		return m.finish(ctx, id, api.JobFailed, nil, &body)
	}
}

// persist writes, again and again until it succeeds or the process stops, and
// then once more: a file that is locked or a disk that is full for a while
// must not lose a job's turn or its result.
func (m *Manager) persist(ctx context.Context, id string, write func(context.Context) error) error {
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		last := ctx.Err() != nil
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		err := write(bounded)
		cancel()
		if err == nil {
			return nil
		}
		if last {
			m.opt.Log.Error("what became of a job could not be written", "job_id", id, "error", err)
			return err
		}
		m.opt.Log.Warn("what becomes of a job cannot be written; trying again", "job_id", id, "after", wait.String(), "error", err)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
}

// guarded runs the job; a panic in it is that job's failure, not the gateway's.
func (m *Manager) guarded(ctx context.Context, id string, spec Spec) (result []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic in job %s: %v", id, p)
		}
	}()
	return m.run(ctx, spec, func(fraction float64) { m.setProgress(ctx, id, fraction) })
}

func (m *Manager) failure(run context.Context, id string, spec Spec, err error) api.ErrorBody {
	var known *api.Error
	switch {
	case errors.As(err, &known):
	case errors.Is(run.Err(), context.DeadlineExceeded):
		known = api.NewError(http.StatusGatewayTimeout, "deadline_exceeded", "the job did not end within its time")
	case run.Err() != nil:
		known = api.NewError(http.StatusServiceUnavailable, "interrupted", "the gateway stopped while the job ran; whether it took effect is not known")
	default:
		known = api.NewError(http.StatusInternalServerError, "internal", "something broke on our side; the request id finds it in the log")
	}
	m.opt.Log.Warn("job failed", "job_id", id, "tenant", spec.Tenant, "endpoint", spec.Endpoint, "request_id", spec.RequestID, "error", err)
	return known.Body(spec.RequestID)
}

func cancelled(requestID string) *api.ErrorBody {
	b := api.NewError(http.StatusConflict, "cancelled", "the job was cancelled by its owner").Body(requestID)
	return &b
}

// begin marks the job as running. false means that it was cancelled, or ended,
// before its turn.
func (m *Manager) begin(ctx context.Context, id string) (spec Spec, ok bool, err error) {
	err = m.db.Tx(ctx, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `UPDATE jobs SET status = ?, started_at = ? WHERE id = ? AND status = ?`,
			api.JobRunning, m.opt.Now().UnixMilli(), id, api.JobPending)
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		if err != nil || n == 0 {
			return err
		}
		var raw []byte
		if err := tx.QueryRowContext(ctx, `SELECT spec FROM jobs WHERE id = ?`, id).Scan(&raw); err != nil {
			return err
		}
		ok = true
		return json.Unmarshal(raw, &spec)
	})
	if err != nil {
		return Spec{}, false, fmt.Errorf("beginning job %s: %w", id, err)
	}
	m.announce(id)
	return spec, ok, nil
}

func (m *Manager) finish(ctx context.Context, id, status string, result []byte, failure *api.ErrorBody) error {
	var raw []byte
	if failure != nil {
		var err error
		if raw, err = json.Marshal(failure); err != nil {
			return err
		}
	}
	defer m.announce(id)
	return m.persist(ctx, id, func(ctx context.Context) error {
		_, err := m.db.Write.ExecContext(ctx, `UPDATE jobs SET status = ?, progress = CASE WHEN ? = 'succeeded' THEN 1 ELSE progress END,
			result = ?, error = ?, finished_at = ?, spec = json_remove(spec, '$.body') WHERE id = ?`, status, status, result, raw, m.opt.Now().UnixMilli(), id)
		if err != nil {
			return fmt.Errorf("ending job %s: %w", id, err)
		}
		return nil
	})
}

// requeue puts an interrupted job back for the next process to run.
func (m *Manager) requeue(ctx context.Context, id string) error {
	_, err := m.db.Write.ExecContext(ctx, `UPDATE jobs SET status = ?, started_at = NULL, progress = 0 WHERE id = ?`, api.JobPending, id)
	if err != nil {
		return fmt.Errorf("putting job %s back: %w", id, err)
	}
	return nil
}

func (m *Manager) setProgress(ctx context.Context, id string, fraction float64) {
	if _, err := m.db.Write.ExecContext(ctx, `UPDATE jobs SET progress = ? WHERE id = ? AND status = ? AND progress < ?`,
		min(max(fraction, 0), 1), id, api.JobRunning, fraction); err != nil {
		m.opt.Log.Debug("progress was not written", "job_id", id, "error", err)
		return
	}
	m.announce(id)
}

// recover settles what a process that died left running: idempotent jobs are
// queued again, others end as failed, and no job is without a place in River's
// queue.
func (m *Manager) recover(ctx context.Context) error {
	failure, err := json.Marshal(api.NewError(http.StatusServiceUnavailable, "interrupted",
		"the gateway stopped while the job ran; whether it took effect is not known").Body("recovered"))
	if err != nil {
		return err
	}
	return m.db.Tx(ctx, func(tx *sql.Tx) error {
		for _, q := range []struct {
			query string
			args  []any
		}{
			{`UPDATE jobs SET status = 'pending', started_at = NULL, progress = 0 WHERE status = 'running' AND json_extract(spec, '$.idempotent')`, nil},
			{`UPDATE jobs SET status = 'failed', error = json_set(?, '$.request_id', json_extract(spec, '$.request_id')), finished_at = ? WHERE status = 'running'`, []any{string(failure), m.opt.Now().UnixMilli()}},
			{`UPDATE river_job SET state = 'available', attempt = 0, finalized_at = NULL, scheduled_at = CURRENT_TIMESTAMP
				WHERE state <> 'available' AND json_extract(args, '$.job_id') IN (SELECT id FROM jobs WHERE status = 'pending')`, nil},
		} {
			if _, err := tx.ExecContext(ctx, q.query, q.args...); err != nil {
				return err
			}
		}
		return nil
	})
}

// catchUp lets jobs run at once that River would run later. Ours are never
// meant for later: the clock has stepped back since they were accepted.
func (m *Manager) catchUp(ctx context.Context) {
	_, err := m.db.Write.ExecContext(ctx, `UPDATE river_job SET scheduled_at = CURRENT_TIMESTAMP
		WHERE state = 'available' AND julianday(scheduled_at) > julianday('now', '+1 second')`)
	if err != nil && ctx.Err() == nil {
		m.opt.Log.Debug("waiting jobs were not looked at", "error", err)
	}
}

// every calls f at once and then at intervals until ctx ends.
func every(ctx context.Context, interval time.Duration, f func(context.Context)) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		f(ctx)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
