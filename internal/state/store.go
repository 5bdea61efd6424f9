// Package state keeps what tenants gave the workers: records, events, and
// versions of trained models. Every call names the tenant, and no call can
// reach another tenant's rows.
package state

import (
	"context"
	"embed"
	"errors"
	"io/fs"
	"time"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/sqlitedb"
)

// ErrNotFound says that no such row exists for this tenant.
var ErrNotFound = errors.New("state: not found")

//go:embed migrations/*.sql
var migrations embed.FS

// Store keeps tenant data in one SQLite file. It is safe for concurrent use.
// What a call has acknowledged survives the death of the process.
type Store struct {
	db  *sqlitedb.DB
	now func() time.Time
}

// Open opens or creates the store at path. now is the clock used for
// timestamps.
func Open(ctx context.Context, path string, now func() time.Time) (*Store, error) {
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	db, err := sqlitedb.Open(ctx, path, sub)
	if err != nil {
		return nil, err
	}
	return &Store{db: db, now: now}, nil
}

// Close releases the file.
func (s *Store) Close() error { return s.db.Close() }

// fault turns the failures a caller can do something about into api errors.
func fault(err error) error {
	switch {
	case err == nil:
		return nil
	case sqlitedb.IsFull(err):
		return api.NewError(507, "storage_full", "the platform has no room left to store this; nothing was stored").Because(err)
	case sqlitedb.IsBusy(err):
		e := api.NewError(503, "storage_busy", "the tenant store is locked; nothing was stored, try again").Because(err)
		e.RetryAfter = time.Second
		return e
	default:
		return err
	}
}
