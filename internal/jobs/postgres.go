package jobs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/omni-run/omni/internal/postgres"
)

// channel is where gateways tell each other of jobs.
const channel = "omni_jobs"

// riverLock is the number of the server's lock behind which River's schema is
// made.
const riverLock = 0x6f6d6e69_6a6f6273

// pg is a PostgreSQL database that several gateways use.
type pg struct {
	db *postgres.DB
	queue
}

func openPostgres(ctx context.Context, url string, config *river.Config) (_ store, err error) {
	// One connection River listens on, one a job that ends, and a few for
	// callers who ask.
	db, err := postgres.Open(ctx, postgres.Options{URL: url, Name: "omni-gateway jobs", MaxConns: 8})
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			db.Close()
		}
	}()
	sub, err := fs.Sub(migrations, "migrations/postgres")
	if err != nil {
		return nil, err
	}
	if err := db.Migrate(ctx, sub, "omni_jobs_migrations"); err != nil {
		return nil, err
	}
	driver := riverpgxv5.New(db.Pool)
	if err := migrateRiver(ctx, db, driver, config); err != nil {
		return nil, fmt.Errorf("migrating the queue: %w", err)
	}
	c, err := river.NewClient(driver, config)
	if err != nil {
		return nil, err
	}
	return &pg{db: db, queue: client[pgx.Tx]{c}}, nil
}

// migrateRiver makes River's schema, one gateway at a time.
func migrateRiver(ctx context.Context, db *postgres.DB, driver *riverpgxv5.Driver, config *river.Config) (err error) {
	conn, err := db.Connect(ctx)
	if err != nil {
		return err
	}
	defer func() {
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		err = errors.Join(err, conn.Close(end)) // frees the lock
	}()
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1)", int64(riverLock)); err != nil {
		return err
	}
	migrator, err := rivermigrate.New(driver, &rivermigrate.Config{Logger: config.Logger})
	if err != nil {
		return err
	}
	_, err = migrator.Migrate(ctx, rivermigrate.DirectionUp, nil)
	return err
}

// numbered writes a statement's parameters as PostgreSQL wants them. No
// statement of this package has a question mark in a string.
func numbered(query string) string {
	var b strings.Builder
	n := 0
	for part := range strings.SplitSeq(query, "?") {
		if n > 0 {
			b.WriteString("$" + strconv.Itoa(n))
		}
		b.WriteString(part)
		n++
	}
	return b.String()
}

func (s *pg) exec(ctx context.Context, query string, args ...any) (int64, error) {
	tag, err := s.db.Exec(ctx, numbered(query), args...)
	return tag.RowsAffected(), err
}

func (s *pg) queryRow(ctx context.Context, query string, args ...any) row {
	return pgRow{s.db.QueryRow(ctx, numbered(query), args...)}
}

func (s *pg) query(ctx context.Context, query string, args ...any) (rows, error) {
	r, err := s.db.Query(ctx, numbered(query), args...)
	return pgRows{r}, err
}

func (s *pg) tx(ctx context.Context, f func(tx transaction) error) error {
	return s.db.Tx(ctx, pgx.TxOptions{}, func(tx pgx.Tx) error { return f(pgTx{tx}) })
}

func (s *pg) words() dialect {
	return dialect{
		now: `(extract(epoch FROM clock_timestamp()) * 1000)::bigint`,
		// Between being fetched and being begun there are milliseconds, unless
		// the gateway died there.
		queued: `(r.state IN ('available', 'scheduled', 'retryable', 'pending') OR (r.state = 'running' AND r.attempted_at > now() - interval '15 seconds'))`,
		soon: `UPDATE river_job SET scheduled_at = now()
			WHERE kind = 'gateway_call' AND state = 'available' AND scheduled_at > now() + interval '1 second'`,
		lockTenant: `SELECT pg_advisory_xact_lock(hashtextextended(?, 1))`,
		notify:     `SELECT pg_notify('` + channel + `', ?)`,
		skipLocked: ` FOR UPDATE SKIP LOCKED`,
	}
}

func (s *pg) shared() bool { return true }

// listen follows the channel over a connection of its own, and connects again
// when that breaks.
func (s *pg) listen(ctx context.Context, f func(id string)) error {
	for wait := 100 * time.Millisecond; ctx.Err() == nil; wait = min(2*wait, 5*time.Second) {
		if s.follow(ctx, func(id string) { wait = 100 * time.Millisecond; f(id) }) == nil || ctx.Err() != nil {
			break
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
	return ctx.Err()
}

func (s *pg) follow(ctx context.Context, f func(id string)) error {
	conn, err := s.db.Connect(ctx)
	if err != nil {
		return err
	}
	defer func() {
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = conn.Close(end) // it may be broken already
	}()
	if _, err := conn.Exec(ctx, "LISTEN "+channel); err != nil {
		return err
	}
	f("")
	for {
		n, err := conn.WaitForNotification(ctx)
		if err != nil {
			return err
		}
		f(n.Payload)
	}
}

func (s *pg) full(err error) bool { return postgres.Full(err) }

// busy also takes a server that is away for a while for one.
func (s *pg) busy(err error) bool { return postgres.Away(err) }

func (s *pg) close() error {
	s.db.Close()
	return nil
}

type pgTx struct{ tx pgx.Tx }

func (t pgTx) exec(ctx context.Context, query string, args ...any) (int64, error) {
	tag, err := t.tx.Exec(ctx, numbered(query), args...)
	return tag.RowsAffected(), err
}

func (t pgTx) queryRow(ctx context.Context, query string, args ...any) row {
	return pgRow{t.tx.QueryRow(ctx, numbered(query), args...)}
}

func (t pgTx) query(ctx context.Context, query string, args ...any) (rows, error) {
	r, err := t.tx.Query(ctx, numbered(query), args...)
	return pgRows{r}, err
}

func (t pgTx) river() any { return t.tx }

type pgRow struct{ r pgx.Row }

func (r pgRow) Scan(dest ...any) error {
	err := r.r.Scan(dest...)
	if errors.Is(err, pgx.ErrNoRows) {
		return errNoRows
	}
	return err
}

type pgRows struct{ pgx.Rows }

func (r pgRows) close() { r.Close() }
