// Package pgstore keeps tenants and hashed keys in PostgreSQL, for gateways on
// several machines. Triggers in the database give each change a version and
// announce it, so that a gateway learns of it within milliseconds; should the
// announcement be lost, the next poll finds the version.
package pgstore

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/omni-run/omni/internal/authn"
	"github.com/omni-run/omni/internal/postgres"
)

//go:embed migrations/*.sql
var migrations embed.FS

// migrationsTable remembers which migrations have run.
const migrationsTable = "omni_keys_migrations"

// rereadEvery is how often everything is read though the version is the same:
// somebody may have changed rows with the triggers switched off.
const rereadEvery = time.Minute

// checkPatience bounds the question for the version. A server that takes
// longer is away: callers wait for the answer at most this long.
const checkPatience = time.Second

// Options says how a store is opened.
type Options struct {
	// URL of the database. Required.
	URL string
	// Watch listens for announcements of changes on a connection of its own.
	// Log is required with it.
	Watch bool
	Log   *slog.Logger
	// Now is the clock; default time.Now.
	Now func() time.Time
}

// Store is a database of tenants and keys, safe for concurrent use.
type Store struct {
	db    *postgres.DB
	now   func() time.Time
	watch *watch // nil without Options.Watch

	// preparing guards prepared: the tables have the newest form.
	preparing sync.Mutex
	prepared  bool
	// readAt is when everything was last read for somebody who polls, in unix
	// nanoseconds; 0 for never.
	readAt atomic.Int64
	// uncertain says that the next poll is to read everything, whatever the
	// version.
	uncertain atomic.Bool
}

var (
	_ authn.Store   = (*Store)(nil)
	_ authn.Trail   = (*Store)(nil)
	_ authn.Watcher = (*Store)(nil)
)

// Open makes the store. It connects to nothing, so that it succeeds while the
// database is away; the first use migrates the tables.
func Open(ctx context.Context, o Options) (*Store, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	// Polling, an administrator's act and the reading of the audit log are all
	// there is to do at a time.
	db, err := postgres.Open(ctx, postgres.Options{URL: o.URL, Name: "omni-keys", MaxConns: 3, ConnectTimeout: 3 * time.Second})
	if err != nil {
		return nil, fmt.Errorf("opening the key database: %w", err)
	}
	s := &Store{db: db, now: o.Now}
	if o.Watch {
		s.watch = startWatch(ctx, db, &s.uncertain, o.Log)
	}
	return s, nil
}

// Close ends the connections.
func (s *Store) Close() error {
	if s.watch != nil {
		s.watch.stop()
	}
	s.db.Close()
	return nil
}

// Changes implements authn.Watcher.
func (s *Store) Changes() <-chan struct{} {
	if s.watch == nil {
		return nil
	}
	return s.watch.changes
}

// prepare migrates the tables, once.
func (s *Store) prepare(ctx context.Context) error {
	s.preparing.Lock()
	defer s.preparing.Unlock()
	if s.prepared {
		return nil
	}
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	if err := s.db.Migrate(ctx, files, migrationsTable); err != nil {
		return worded(err)
	}
	s.prepared = true
	return nil
}

// Poll implements authn.Store. An unchanged database costs one round trip.
func (s *Store) Poll(ctx context.Context, known string) (*authn.Snapshot, error) {
	if err := s.prepare(ctx); err != nil {
		return nil, err
	}
	if known != "" {
		version, err := s.version(ctx)
		if err != nil {
			return nil, fmt.Errorf("asking the key database for changes: %w", worded(err))
		}
		if version == known && !s.mustReadAll() {
			return nil, nil
		}
	}
	begun := s.now()
	snap, err := s.load(ctx)
	if err != nil {
		s.uncertain.Store(true)
		return nil, fmt.Errorf("reading the key database: %w", worded(err))
	}
	if known != "" || s.readAt.Load() == 0 {
		s.readAt.Store(begun.UnixNano())
	}
	return snap, nil
}

// mustReadAll reports whether the version alone is not to be trusted: after a
// time without announcements some may have been missed.
func (s *Store) mustReadAll() bool {
	if s.uncertain.Swap(false) {
		return true
	}
	age := s.now().Sub(time.Unix(0, s.readAt.Load()))
	return age > rereadEvery || age < 0
}

func (s *Store) version(ctx context.Context) (version string, err error) {
	ctx, cancel := context.WithTimeout(ctx, checkPatience)
	defer cancel()
	err = s.db.QueryRow(ctx, "SELECT version::text FROM omni_keys_version").Scan(&version)
	return version, err
}

// load reads the version and the rows of one moment.
func (s *Store) load(ctx context.Context) (*authn.Snapshot, error) {
	snap := &authn.Snapshot{}
	err := s.db.Tx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) (err error) {
		if err := tx.QueryRow(ctx, "SELECT version::text FROM omni_keys_version").Scan(&snap.Version); err != nil {
			return err
		}
		if snap.Tenants, err = readAll(ctx, tx, "SELECT "+tenantColumns+" FROM omni_tenants ORDER BY id", scanTenant); err != nil {
			return err
		}
		snap.Keys, err = readAll(ctx, tx, "SELECT "+keyColumns+" FROM omni_keys ORDER BY id", scanKey)
		return err
	})
	return snap, err
}

// worded adds what the error means to those who know only authn.
func worded(err error) error {
	var refused *pgconn.PgError
	var known *authn.InvalidError
	switch {
	case err == nil, errors.As(err, &known), errors.Is(err, authn.ErrNotFound), errors.Is(err, authn.ErrExists), errors.Is(err, authn.ErrContent):
		return err
	case errors.As(err, &refused) && (refused.Code == "25006" || refused.Code == "42501"):
		return fmt.Errorf("%w: %w", authn.ErrReadOnly, err) // a standby, or rights to read only
	case errors.Is(err, pgx.ErrNoRows):
		return fmt.Errorf("%w: the version row is gone", authn.ErrContent)
	case postgres.Away(err):
		return fmt.Errorf("%w: %w", authn.ErrAway, err)
	}
	return err
}
