// Package jobs runs calls that their callers do not wait for: accepted,
// queued, run, and kept for collection. River does the queueing, on SQLite;
// what callers see of a job stands in a table beside it, written in the same
// transactions.
package jobs

import (
	"context"
	"crypto/rand"
	"database/sql"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/sqlitedb"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Spec is one call to run later, as the gateway accepted it.
type Spec struct {
	Tenant      string        `json:"tenant"`
	Tier        string        `json:"tier"`
	RequestID   string        `json:"request_id"`
	Traceparent string        `json:"traceparent"`
	Method      string        `json:"method"`
	Endpoint    string        `json:"endpoint"` // the route's pattern
	Path        string        `json:"path"`
	RawQuery    string        `json:"raw_query,omitempty"`
	Body        []byte        `json:"body,omitempty"`
	Timeout     time.Duration `json:"timeout"`
	// Idempotent calls are run again when the gateway died while they ran;
	// others end as failed, since nobody knows how far they came.
	Idempotent bool `json:"idempotent"`
}

// Runner runs one call to its end and returns the body of its answer. An
// *api.Error becomes the job's error. progress may be called at any time until
// Runner returns.
type Runner func(ctx context.Context, spec Spec, progress func(fraction float64)) (result []byte, err error)

// Options configure a Manager.
type Options struct {
	// Path of the SQLite file, which belongs to this process alone.
	Path string
	// Concurrent is how many jobs run at a time; at least 1.
	Concurrent int
	// Timeout of one job.
	Timeout time.Duration
	// Keep is how long an ended job can be collected.
	Keep time.Duration
	// TenantPending is how many unfinished jobs a tenant may have.
	TenantPending int
	Log           *slog.Logger
	Now           func() time.Time
}

// Manager accepts and runs jobs. Open it, then Start it with a Runner.
type Manager struct {
	opt    Options
	db     *sqlitedb.DB
	client *river.Client[*sql.Tx]
	run    Runner

	mu      sync.Mutex
	running map[string]context.CancelFunc
	changed map[string]chan struct{} // closed when the job changes

	background sync.WaitGroup
	stop       context.CancelFunc
	stopping   sync.Once
	stopped    error // what stopping came to
}

// lockWait is how long one write waits for another process's lock on the file.
// All writers of this one share a connection, River's included, so a wait of
// one is a wait of all; each of them tries again.
const lockWait = 250 * time.Millisecond

// submitWithin is how long Submit goes on trying while the file is locked.
const submitWithin = 5 * time.Second

// Open opens the file, takes up what a former process left, and returns a
// Manager that accepts jobs but does not run them yet.
func Open(ctx context.Context, o Options) (*Manager, error) {
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	db, err := sqlitedb.OpenWaiting(ctx, o.Path, sub, lockWait)
	if err != nil {
		return nil, err
	}
	m := &Manager{opt: o, db: db, running: map[string]context.CancelFunc{}, changed: map[string]chan struct{}{}}
	if err := m.prepare(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("preparing the job queue: %w", err), db.Close())
	}
	return m, nil
}

func (m *Manager) prepare(ctx context.Context) error {
	driver := riversqlite.New(m.db.Write)
	quiet := slog.New(levelAtLeast{m.opt.Log.Handler(), slog.LevelWarn})
	migrator, err := rivermigrate.New(driver, &rivermigrate.Config{Logger: quiet})
	if err != nil {
		return err
	}
	// All of River's schema in one transaction: a fresh file is made on each
	// cold start where disks do not last, and each commit costs time there.
	err = m.db.Tx(ctx, func(tx *sql.Tx) error {
		//lint:ignore SA1019 the warning is about PostgreSQL; SQLite's migrations go together, one commit instead of many
		_, err := migrator.MigrateTx(ctx, tx, rivermigrate.DirectionUp, nil)
		return err
	})
	if err != nil {
		return err
	}
	if err := m.recover(ctx); err != nil {
		return err
	}
	workers := river.NewWorkers()
	if err := river.AddWorkerSafely(workers, &callWorker{manager: m}); err != nil {
		return err
	}
	m.client, err = river.NewClient(driver, &river.Config{
		Workers: workers, Logger: quiet, MaxAttempts: 1, JobTimeout: -1, // the job's own timeout is set in work
		Queues:            map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: m.opt.Concurrent}},
		FetchCooldown:     10 * time.Millisecond,
		FetchPollInterval: 250 * time.Millisecond,
	})
	return err
}

// Start begins to run jobs in the background, until Close.
func (m *Manager) Start(ctx context.Context, run Runner) error {
	m.run = run
	ctx, m.stop = context.WithCancel(context.WithoutCancel(ctx))
	if err := m.client.Start(ctx); err != nil {
		m.stop()
		return fmt.Errorf("starting the job queue: %w", err)
	}
	m.background.Go(func() { every(ctx, 5*time.Minute, m.sweep) })
	m.background.Go(func() { every(ctx, 2*time.Second, m.catchUp) })
	return nil
}

// Stop begins no more jobs, lets those that run go on until ctx ends, and then
// cancels them. A cancelled idempotent job runs again at the next start. Jobs
// are still accepted and shown afterwards, until Close.
func (m *Manager) Stop(ctx context.Context) error {
	m.stopping.Do(func() {
		if m.stop == nil {
			return
		}
		if m.stopped = m.client.Stop(ctx); m.stopped != nil {
			hard, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			m.stopped = m.client.StopAndCancel(hard)
			cancel()
		}
		m.stop()
		m.background.Wait()
	})
	return m.stopped
}

// Close stops as Stop does, and closes the file.
func (m *Manager) Close(ctx context.Context) error {
	return errors.Join(m.Stop(ctx), m.db.Close())
}

// Submit accepts a job. It is on disk when Submit returns.
func (m *Manager) Submit(ctx context.Context, spec Spec) (api.Job, error) {
	raw, err := json.Marshal(spec)
	if err != nil {
		return api.Job{}, err
	}
	now := m.opt.Now()
	id := "job_" + strings.ToLower(rand.Text())
	err = m.whileBusy(ctx, func(ctx context.Context, tx *sql.Tx) error {
		var pending int
		if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM jobs WHERE tenant = ? AND finished_at IS NULL`, spec.Tenant).Scan(&pending); err != nil {
			return err
		}
		if pending >= m.opt.TenantPending {
			e := api.NewError(http.StatusTooManyRequests, "too_many_jobs", "%d jobs are unfinished already; wait for one to end, or cancel one", pending)
			e.RetryAfter = 5 * time.Second
			return e
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO jobs (id, tenant, status, spec, created_at) VALUES (?, ?, ?, ?, ?)`,
			id, spec.Tenant, api.JobPending, raw, now.UnixMilli()); err != nil {
			return err
		}
		_, err := m.client.InsertTx(ctx, tx, callArgs{JobID: id}, nil)
		return err
	})
	if err != nil {
		return api.Job{}, fmt.Errorf("accepting a job: %w", fault(err))
	}
	return api.Job{JobID: id, Status: api.JobPending, Endpoint: spec.Endpoint, RequestID: spec.RequestID, CreatedAt: now.UTC()}, nil
}

// whileBusy runs f in a transaction, again and again while the file is locked,
// for as long as a caller can be let wait.
func (m *Manager) whileBusy(ctx context.Context, f func(ctx context.Context, tx *sql.Tx) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, submitWithin, errStillLocked)
	defer cancel()
	for {
		err := m.db.Tx(ctx, func(tx *sql.Tx) error { return f(ctx, tx) })
		switch {
		case err == nil:
			return nil
		case errors.Is(context.Cause(ctx), errStillLocked):
			return errors.Join(errStillLocked, err)
		case !sqlitedb.IsBusy(err):
			return err
		}
	}
}

var errStillLocked = errors.New("jobs: the store stayed locked")

func fault(err error) error {
	switch {
	case sqlitedb.IsFull(err):
		return api.NewError(http.StatusInsufficientStorage, "storage_full", "the platform has no room left for jobs; nothing was accepted").Because(err)
	case sqlitedb.IsBusy(err), errors.Is(err, errStillLocked):
		e := api.NewError(http.StatusServiceUnavailable, "storage_busy", "the job store is locked; nothing was accepted, try again").Because(err)
		e.RetryAfter = time.Second
		return e
	default:
		return err
	}
}

// levelAtLeast drops log lines below a level: River tells more than an
// operator of Omni wants to read.
type levelAtLeast struct {
	slog.Handler
	level slog.Level
}

// Enabled implements slog.Handler.
func (h levelAtLeast) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= h.level && h.Handler.Enabled(ctx, l)
}
