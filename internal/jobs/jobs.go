// Package jobs runs calls that their callers do not wait for: accepted,
// queued, run, kept for collection, and announced to the tenant's webhooks.
// River does the queueing, on SQLite for one gateway or on PostgreSQL for
// several; what callers see of a job stands in a table beside it, written in
// the same transactions.
package jobs

import (
	"context"
	"crypto/rand"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/riverqueue/river"

	"github.com/omni-run/omni/api"
)

//go:embed migrations/sqlite/*.sql migrations/postgres/*.sql
var migrations embed.FS

// Spec is one call to run later, as the gateway accepted it.
type Spec struct {
	Tenant string `json:"tenant"`
	Tier   string `json:"tier"`
	// Weight is the tenant's own share in the hold queue; 0 for its tier's.
	Weight      int           `json:"weight,omitempty"`
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
// Runner returns. settle, unless nil, is called once this run is written down
// as the one that counts, and never for a run that another takes the place of.
type Runner func(ctx context.Context, spec Spec, progress func(fraction float64)) (result []byte, settle func(), err error)

// Options configure a Manager.
type Options struct {
	// Path of the SQLite file, which belongs to this process alone.
	Path string
	// Postgres is the URL of a database that several gateways share; it takes
	// the place of Path.
	Postgres string
	// Concurrent is how many jobs run at a time; at least 1.
	Concurrent int
	// Timeout of one job.
	Timeout time.Duration
	// Keep is how long an ended job can be collected.
	Keep time.Duration
	// TenantPending is how many unfinished jobs a tenant may have.
	TenantPending int
	// Lease is how long a gateway that shares the database may be silent until
	// others take over what it ran; default 15 s.
	Lease time.Duration
	// Webhooks says how tenants are told of their jobs.
	Webhooks Webhooks
	Log      *slog.Logger
	Now      func() time.Time
}

// Manager accepts and runs jobs. Open it, then Start it with a Runner.
type Manager struct {
	opt      Options
	store    store
	words    dialect
	run      Runner
	messages *messenger

	mu      sync.Mutex
	running map[string]*running
	changed map[string]chan struct{} // closed when the job changes

	// look asks for a look at what runs here, in the database.
	look       chan struct{}
	background sync.WaitGroup
	stop       context.CancelFunc
	stopping   sync.Once
	stopped    error // what stopping came to
}

// running is a run of a job in this process.
type running struct {
	run    string // its name in the database
	cancel context.CancelCauseFunc
}

// Open opens the database, takes up what a former process left, and returns a
// Manager that accepts jobs but does not run them yet.
func Open(ctx context.Context, o Options) (*Manager, error) {
	if o.Lease == 0 {
		o.Lease = 15 * time.Second
	}
	m := &Manager{opt: o, running: map[string]*running{}, changed: map[string]chan struct{}{}, look: make(chan struct{}, 1)}
	var err error
	if m.messages, err = newMessenger(o.Webhooks); err != nil {
		return nil, err
	}
	workers := river.NewWorkers()
	if err := errors.Join(river.AddWorkerSafely(workers, &callWorker{manager: m}), river.AddWorkerSafely(workers, &deliveryWorker{manager: m})); err != nil {
		return nil, err
	}
	config := &river.Config{
		Workers: workers, Logger: slog.New(levelAtLeast{o.Log.Handler(), slog.LevelWarn}), MaxAttempts: 1,
		JobTimeout: -1, // the job's own timeout is set in work
		Queues: map[string]river.QueueConfig{
			river.QueueDefault: {MaxWorkers: o.Concurrent}, deliveryQueue: {MaxWorkers: deliveriesAtOnce},
		},
		FetchCooldown: 10 * time.Millisecond,
		// Whoever adds a job has the queues told, so this is for what was not heard.
		// In SQLite each look costs a millisecond in which no call is served.
		FetchPollInterval: time.Second,
	}
	if o.Postgres != "" {
		m.store, err = openPostgres(ctx, o.Postgres, config)
	} else {
		m.store, err = openSQLite(ctx, o.Path, config)
	}
	if err != nil {
		return nil, fmt.Errorf("opening the job store: %w", err)
	}
	m.words = m.store.words()
	if !m.store.shared() {
		if err := m.takeOver(ctx); err != nil {
			return nil, errors.Join(fmt.Errorf("taking up jobs of a former process: %w", err), m.store.close())
		}
	}
	return m, nil
}

// Start begins to run jobs in the background, until Close.
func (m *Manager) Start(ctx context.Context, run Runner) error {
	m.run = run
	ctx, m.stop = context.WithCancel(context.WithoutCancel(ctx))
	if err := m.store.start(ctx); err != nil {
		m.stop()
		return fmt.Errorf("starting the job queue: %w", err)
	}
	m.background.Go(func() { every(ctx, 5*time.Minute, m.sweep) })
	m.background.Go(func() { every(ctx, 2*time.Second, m.catchUp) })
	if m.store.shared() {
		m.background.Go(func() { m.keepLeases(ctx) })
		m.background.Go(func() { _ = m.store.listen(ctx, m.heard) }) // ends with ctx only
	}
	return nil
}

// Stop begins no more jobs, lets those that run go on until ctx ends, and then
// cancels them. A cancelled idempotent job runs again, at another gateway or at
// the next start. Jobs are still accepted and shown afterwards, until Close.
func (m *Manager) Stop(ctx context.Context) error {
	m.stopping.Do(func() {
		if m.stop == nil {
			return
		}
		if m.stopped = m.store.stop(ctx); m.stopped != nil {
			hard, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			m.stopped = m.store.stopAndCancel(hard)
			cancel()
		}
		m.stop()
		m.background.Wait()
	})
	return m.stopped
}

// Close stops as Stop does, and closes the database.
func (m *Manager) Close(ctx context.Context) error {
	err := m.Stop(ctx)
	m.messages.close()
	return errors.Join(err, m.store.close())
}

// Submit accepts a job. It is on disk when Submit returns.
func (m *Manager) Submit(ctx context.Context, spec Spec) (api.Job, error) {
	body := spec.Body
	spec.Body = nil
	raw, err := json.Marshal(spec)
	if err != nil {
		return api.Job{}, err
	}
	now := m.opt.Now()
	id := "job_" + strings.ToLower(rand.Text())
	err = m.whileBusy(ctx, func(ctx context.Context, tx transaction) error {
		if m.words.lockTenant != "" {
			if _, err := tx.exec(ctx, m.words.lockTenant, spec.Tenant); err != nil {
				return err
			}
		}
		var pending int
		if err := tx.queryRow(ctx, `SELECT count(*) FROM jobs WHERE tenant = ? AND finished_at IS NULL`, spec.Tenant).Scan(&pending); err != nil {
			return err
		}
		if pending >= m.opt.TenantPending {
			e := api.NewError(http.StatusTooManyRequests, "too_many_jobs", "%d jobs are unfinished already; wait for one to end, or cancel one", pending)
			e.RetryAfter = 5 * time.Second
			return e
		}
		if _, err := tx.exec(ctx, `INSERT INTO jobs (id, tenant, status, spec, body, endpoint, request_id, idempotent, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			id, spec.Tenant, api.JobPending, raw, body, spec.Endpoint, spec.RequestID, spec.Idempotent, now.UnixMilli()); err != nil {
			return err
		}
		return m.enqueue(ctx, tx, id)
	})
	if err != nil {
		return api.Job{}, fmt.Errorf("accepting a job: %w", m.fault(err))
	}
	return api.Job{JobID: id, Status: api.JobPending, Endpoint: spec.Endpoint, RequestID: spec.RequestID, CreatedAt: now.UTC()}, nil
}

// enqueue gives a pending job its place in River's queue.
func (m *Manager) enqueue(ctx context.Context, tx transaction, id string) error {
	place, err := m.store.insert(ctx, tx, callArgs{JobID: id}, nil)
	if err != nil {
		return err
	}
	_, err = tx.exec(ctx, `UPDATE jobs SET queue_id = ? WHERE id = ?`, place, id)
	return err
}

// writeWithin is how long a write on a caller's behalf goes on trying while
// the database is locked or away.
const writeWithin = 5 * time.Second

// whileBusy runs f in a transaction, again and again while the database is
// locked or away, for as long as a caller can be let wait.
func (m *Manager) whileBusy(ctx context.Context, f func(ctx context.Context, tx transaction) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, writeWithin, errStillBusy)
	defer cancel()
	for {
		err := m.store.tx(ctx, func(tx transaction) error { return f(ctx, tx) })
		var refused *api.Error
		switch {
		case err == nil:
			return nil
		case errors.As(err, &refused), errors.Is(err, errNoRows):
			return err
		case errors.Is(context.Cause(ctx), errStillBusy):
			return errors.Join(errStillBusy, err)
		case ctx.Err() != nil, !m.store.busy(err):
			return err
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}

var errStillBusy = errors.New("jobs: the store stayed locked or away")

// fault says to a caller why nothing was done.
func (m *Manager) fault(err error) error {
	var refused *api.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &refused):
		return err
	case m.store.full(err):
		return api.NewError(http.StatusInsufficientStorage, "storage_full", "the platform has no room left for jobs; nothing was accepted").Because(err)
	case errors.Is(err, errStillBusy), m.store.busy(err) && !errors.Is(err, context.Canceled):
		e := api.NewError(http.StatusServiceUnavailable, "storage_busy", "the job store is locked or away; nothing was accepted, try again").Because(err)
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
