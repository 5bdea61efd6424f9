package jobs

import (
	"context"
	"crypto/rand"
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
		run  = rand.Text()
	)
	err := m.persist(ctx, id, func(ctx context.Context) (err error) {
		spec, ok, err = m.begin(ctx, id, run)
		return err
	})
	if err != nil || !ok {
		return err
	}
	timeout := m.opt.Timeout
	if spec.Timeout > 0 {
		timeout = min(timeout, spec.Timeout)
	}
	bounded, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	call, give := context.WithCancelCause(bounded)
	defer give(nil)
	m.mu.Lock()
	m.running[id] = &running{run: run, cancel: give}
	m.mu.Unlock()
	m.heedCancel(ctx, id, give)
	result, settle, runErr := m.guarded(call, id, run, spec)
	m.mu.Lock()
	delete(m.running, id)
	m.mu.Unlock()

	how := ending{from: api.JobRunning, run: run}
	cause := context.Cause(call)
	switch {
	case runErr == nil:
		how.status, how.result = api.JobSucceeded, result
	case errors.Is(cause, errLost):
		m.opt.Log.Warn("a job was taken over by another gateway; what this one did of it does not count", "job_id", id, "request_id", spec.RequestID)
		return nil
	case errors.Is(cause, errCancelled):
		how.status, how.failure = api.JobCancelled, cancelled(spec.RequestID)
	case ctx.Err() != nil && spec.Idempotent:
		return m.persist(ctx, id, func(ctx context.Context) error { return m.requeue(ctx, id, run) })
	default:
		body := m.failure(call, id, spec, runErr)
		how.status, how.failure = api.JobFailed, &body
	}
	return m.finish(ctx, id, how, settle)
}

// heedCancel ends a run whose job was cancelled after it began and before
// anybody could find it among those that run here.
func (m *Manager) heedCancel(ctx context.Context, id string, give context.CancelCauseFunc) {
	var unwanted bool
	err := m.store.queryRow(ctx, `SELECT cancel FROM jobs WHERE id = ?`, id).Scan(&unwanted)
	switch {
	case err != nil:
		m.opt.Log.Warn("whether a job is still wanted is not known", "job_id", id, "error", err)
	case unwanted:
		give(errCancelled)
	}
}

var (
	// errCancelled ends a run whose job's owner wants no more of it.
	errCancelled = errors.New("jobs: cancelled by its owner")
	// errLost ends a run in whose place another gateway's stands.
	errLost = errors.New("jobs: taken over by another gateway")
)

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
func (m *Manager) guarded(ctx context.Context, id, run string, spec Spec) (result []byte, settle func(), err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic in job %s: %v", id, p)
		}
	}()
	return m.run(ctx, spec, func(fraction float64) { m.setProgress(ctx, id, run, fraction) })
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

// begin marks the job as run by this run. false means that it was cancelled,
// ended, or begun by another, before its turn. A run that could not learn
// whether it began may ask again.
func (m *Manager) begin(ctx context.Context, id, run string) (spec Spec, ok bool, err error) {
	err = m.store.tx(ctx, func(tx transaction) error {
		n, err := tx.exec(ctx, `UPDATE jobs SET status = ?, started_at = ?, run = ?, lease_until = `+m.words.now+` + ?
			WHERE id = ? AND (status = ? OR run = ?)`,
			api.JobRunning, m.opt.Now().UnixMilli(), run, m.opt.Lease.Milliseconds(), id, api.JobPending, run)
		if err != nil || n == 0 {
			return err
		}
		var raw, body []byte
		if err := tx.queryRow(ctx, `SELECT spec, body FROM jobs WHERE id = ?`, id).Scan(&raw, &body); err != nil {
			return err
		}
		if err := json.Unmarshal(raw, &spec); err != nil {
			return err
		}
		if body != nil {
			spec.Body = body
		}
		ok = true
		return m.notify(ctx, tx, id)
	})
	if err != nil {
		return Spec{}, false, fmt.Errorf("beginning job %s: %w", id, err)
	}
	m.announce(id)
	return spec, ok, nil
}

// ending is how a job ends.
type ending struct {
	// from is the status it must have; run, if not empty, its valid run.
	from, run string
	status    string
	result    []byte
	failure   *api.ErrorBody
}

// end writes a job's end, unless it stands otherwise than e.from and e.run
// say, and queues the messages about it, all in one transaction.
func (m *Manager) end(ctx context.Context, tx transaction, id string, e ending) (ended bool, err error) {
	var failure []byte
	if e.failure != nil {
		if failure, err = json.Marshal(e.failure); err != nil {
			return false, err
		}
	}
	n, err := tx.exec(ctx, `UPDATE jobs SET status = ?, progress = CASE WHEN ? = 'succeeded' THEN 1 ELSE progress END,
		result = ?, error = ?, finished_at = ?, body = NULL WHERE id = ? AND status = ? AND (run = ? OR ? = '')`,
		e.status, e.status, e.result, failure, m.opt.Now().UnixMilli(), id, e.from, e.run, e.run)
	if err != nil || n == 0 {
		return false, err
	}
	if err := m.announceEnd(ctx, tx, id); err != nil {
		return false, err
	}
	return true, m.notify(ctx, tx, id)
}

// finish ends this process's run of a job and settles it, unless another run
// has taken its place.
func (m *Manager) finish(ctx context.Context, id string, e ending, settle func()) error {
	defer m.announce(id)
	ended := false
	err := m.persist(ctx, id, func(ctx context.Context) error {
		return m.store.tx(ctx, func(tx transaction) (err error) {
			if ended, err = m.end(ctx, tx, id, e); err != nil {
				return fmt.Errorf("ending job %s: %w", id, err)
			}
			return nil
		})
	})
	if err == nil && ended && settle != nil {
		settle()
	}
	return err
}

// requeue puts an interrupted job back, for another process or the next.
func (m *Manager) requeue(ctx context.Context, id, run string) error {
	err := m.store.tx(ctx, func(tx transaction) error {
		n, err := tx.exec(ctx, `UPDATE jobs SET status = ?, started_at = NULL, progress = 0, run = '' WHERE id = ? AND status = ? AND run = ?`,
			api.JobPending, id, api.JobRunning, run)
		if err != nil || n == 0 {
			return err
		}
		if err := m.enqueue(ctx, tx, id); err != nil {
			return err
		}
		return m.notify(ctx, tx, id)
	})
	if err != nil {
		return fmt.Errorf("putting job %s back: %w", id, err)
	}
	return nil
}

func (m *Manager) setProgress(ctx context.Context, id, run string, fraction float64) {
	fraction = min(max(fraction, 0), 1)
	err := m.store.tx(ctx, func(tx transaction) error {
		n, err := tx.exec(ctx, `UPDATE jobs SET progress = ? WHERE id = ? AND status = ? AND run = ? AND progress < ?`, fraction, id, api.JobRunning, run, fraction)
		if err != nil || n == 0 {
			return err
		}
		return m.notify(ctx, tx, id)
	})
	if err != nil {
		m.opt.Log.Debug("progress was not written", "job_id", id, "error", err)
		return
	}
	m.announce(id)
}

// catchUp lets jobs run at once that River would run later. Ours are never
// meant for later: the clock has stepped back since they were accepted.
func (m *Manager) catchUp(ctx context.Context) {
	_, err := m.store.exec(ctx, m.words.soon)
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
