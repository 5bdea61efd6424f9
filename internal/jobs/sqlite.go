package jobs

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/omni-run/omni/internal/sqlitedb"
)

// lockWait is how long one write waits for another process's lock on the file.
// All writers of this one share a connection, River's included, so a wait of
// one is a wait of all; each of them tries again.
const lockWait = 250 * time.Millisecond

// sqlite is a file that belongs to this process alone.
type sqlite struct {
	db *sqlitedb.DB
	queue
}

func openSQLite(ctx context.Context, path string, config *river.Config) (_ store, err error) {
	sub, err := fs.Sub(migrations, "migrations/sqlite")
	if err != nil {
		return nil, err
	}
	db, err := sqlitedb.OpenWaiting(ctx, path, sub, lockWait)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, db.Close())
		}
	}()
	driver := riversqlite.New(db.Write)
	migrator, err := rivermigrate.New(driver, &rivermigrate.Config{Logger: config.Logger})
	if err != nil {
		return nil, err
	}
	// All of River's schema in one transaction: a fresh file is made on each
	// cold start where disks do not last, and each commit costs time there.
	err = db.Tx(ctx, func(tx *sql.Tx) error {
		//lint:ignore SA1019 the warning is about PostgreSQL; SQLite's migrations go together, one commit instead of many
		_, err := migrator.MigrateTx(ctx, tx, rivermigrate.DirectionUp, nil)
		return err
	})
	if err != nil {
		return nil, err
	}
	c, err := river.NewClient(driver, config)
	if err != nil {
		return nil, err
	}
	return &sqlite{db: db, queue: client[*sql.Tx]{c}}, nil
}

func (s *sqlite) exec(ctx context.Context, query string, args ...any) (int64, error) {
	return affected(s.db.Write.ExecContext(ctx, query, args...))
}

func (s *sqlite) queryRow(ctx context.Context, query string, args ...any) row {
	return plainRow{s.db.Read.QueryRowContext(ctx, query, args...)}
}

func (s *sqlite) query(ctx context.Context, query string, args ...any) (rows, error) {
	r, err := s.db.Read.QueryContext(ctx, query, args...) //nolint:rowserrcheck // the caller's, through rows.Err
	return plainRows{r}, err
}

func (s *sqlite) tx(ctx context.Context, f func(tx transaction) error) error {
	return s.db.Tx(ctx, func(tx *sql.Tx) error { return f(plainTx{tx}) })
}

func (s *sqlite) words() dialect {
	return dialect{
		now: `CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)`,
		// What a former process was about to run, nobody runs.
		queued: `r.state IN ('available', 'scheduled', 'retryable', 'pending')`,
		soon: `UPDATE river_job SET scheduled_at = CURRENT_TIMESTAMP
			WHERE kind = 'gateway_call' AND state = 'available' AND julianday(scheduled_at) > julianday('now', '+1 second')`,
	}
}

func (s *sqlite) shared() bool                                  { return false }
func (s *sqlite) listen(context.Context, func(id string)) error { return nil }
func (s *sqlite) full(err error) bool                           { return sqlitedb.IsFull(err) }
func (s *sqlite) busy(err error) bool                           { return sqlitedb.IsBusy(err) }
func (s *sqlite) close() error                                  { return s.db.Close() }

type plainTx struct{ tx *sql.Tx }

func (t plainTx) exec(ctx context.Context, query string, args ...any) (int64, error) {
	return affected(t.tx.ExecContext(ctx, query, args...))
}

func (t plainTx) queryRow(ctx context.Context, query string, args ...any) row {
	return plainRow{t.tx.QueryRowContext(ctx, query, args...)}
}

func (t plainTx) query(ctx context.Context, query string, args ...any) (rows, error) {
	r, err := t.tx.QueryContext(ctx, query, args...) //nolint:rowserrcheck // the caller's, through rows.Err
	return plainRows{r}, err
}

func (t plainTx) river() any { return t.tx }

func affected(res sql.Result, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

type plainRow struct{ r *sql.Row }

func (r plainRow) Scan(dest ...any) error {
	err := r.r.Scan(dest...)
	if errors.Is(err, sql.ErrNoRows) {
		return errNoRows
	}
	return err
}

type plainRows struct{ *sql.Rows }

func (r plainRows) close() { _ = r.Close() } // Err has told what was wrong
