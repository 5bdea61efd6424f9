// Package sqlitestore keeps tenants and hashed keys in a SQLite file of their
// own. Several processes may share the file; each sees the others' changes at
// its next poll.
package sqlitestore

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"sync"

	"github.com/omni-run/omni/internal/authn"
	"github.com/omni-run/omni/internal/sqlitedb"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Store is a SQLite file of tenants and keys, safe for concurrent use.
type Store struct {
	db   *sqlitedb.DB
	path string
	file fs.FileInfo

	// mu guards watch: PRAGMA data_version counts, for one connection, the
	// commits of all others, so the same connection must always be asked.
	mu    sync.Mutex
	watch *sql.Conn
	// generation tells the counts of successive watch connections apart.
	generation uint64
}

var _ authn.Store = (*Store)(nil)

// Open opens or creates the file at path, with mode 0600.
func Open(ctx context.Context, path string) (*Store, error) {
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the key database: %w", err)
	}
	info, err := f.Stat()
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("opening the key database: %w", err)
	}
	db, err := sqlitedb.Open(ctx, path, sub)
	if err != nil {
		return nil, fmt.Errorf("opening the key database: %w", err)
	}
	return &Store{db: db, path: path, file: info}, nil
}

// Close releases the file.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return errors.Join(s.dropWatchLocked(), s.db.Close())
}

func (s *Store) dropWatchLocked() error {
	if s.watch == nil {
		return nil
	}
	err := s.watch.Close()
	s.watch = nil
	return err
}

// Poll implements authn.Store. An unchanged file costs one pragma.
func (s *Store) Poll(ctx context.Context, known string) (*authn.Snapshot, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.sameFile(); err != nil {
		return nil, err
	}
	// The version is read before the content: a commit in between shows as a
	// new version next time, so at worst the content is loaded once too often.
	version, err := s.versionLocked(ctx)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("asking the key database for changes: %w", err), s.dropWatchLocked())
	}
	if version == known {
		return nil, nil
	}
	snap, err := s.load(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the key database: %w", err)
	}
	snap.Version = version
	return snap, nil
}

// sameFile guards against a database replaced or removed under our feet: our
// connections would go on reading the old one without an error.
func (s *Store) sameFile() error {
	info, err := os.Stat(s.path)
	if err != nil {
		return fmt.Errorf("looking at the key database: %w", err)
	}
	if !os.SameFile(info, s.file) {
		return errors.New("the key database was replaced by another file; restart to read it")
	}
	return nil
}

func (s *Store) versionLocked(ctx context.Context) (string, error) {
	if s.watch == nil {
		conn, err := s.db.Read.Conn(ctx)
		if err != nil {
			return "", err
		}
		s.watch = conn
		s.generation++
	}
	var n int64
	if err := s.watch.QueryRowContext(ctx, "PRAGMA data_version").Scan(&n); err != nil {
		return "", err
	}
	return strconv.FormatUint(s.generation, 10) + "." + strconv.FormatInt(n, 10), nil
}

// load reads both tables in one transaction.
func (s *Store) load(ctx context.Context) (*authn.Snapshot, error) {
	tx, err := s.db.Read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, err
	}
	// Nothing was written: there is nothing a failed rollback could lose.
	defer func() { _ = tx.Rollback() }()
	tenants, err := readTenants(ctx, tx)
	if err != nil {
		return nil, err
	}
	keys, err := readKeys(ctx, tx)
	if err != nil {
		return nil, err
	}
	return &authn.Snapshot{Tenants: tenants, Keys: keys}, nil
}

// PutTenant implements authn.Store.
func (s *Store) PutTenant(ctx context.Context, t authn.Tenant) error {
	return s.change(ctx, t.ID, func(tx *sql.Tx) (string, error) {
		if _, err := tenantByID(ctx, tx, t.ID); !errors.Is(err, authn.ErrNotFound) {
			return "", taken(err)
		}
		return t.ID, writeTenant(ctx, tx, t)
	})
}

// UpdateTenant implements authn.Store.
func (s *Store) UpdateTenant(ctx context.Context, id string, change func(*authn.Tenant) error) (authn.Tenant, error) {
	var out authn.Tenant
	err := s.change(ctx, id, func(tx *sql.Tx) (string, error) {
		t, err := tenantByID(ctx, tx, id)
		if err != nil {
			return "", err
		}
		if err := change(&t); err != nil {
			return "", err
		}
		out = t
		return t.ID, writeTenant(ctx, tx, t)
	})
	return out, err
}

// PutKey implements authn.Store.
func (s *Store) PutKey(ctx context.Context, k authn.Key) error {
	return s.change(ctx, k.ID, func(tx *sql.Tx) (string, error) { return k.Tenant, insertKey(ctx, tx, k) })
}

// UpdateKey implements authn.Store.
func (s *Store) UpdateKey(ctx context.Context, id string, change func(*authn.Key) (*authn.Key, error)) (authn.Key, error) {
	var out authn.Key
	err := s.change(ctx, id, func(tx *sql.Tx) (string, error) {
		k, err := keyByID(ctx, tx, id)
		if err != nil {
			return "", err
		}
		add, err := change(&k)
		if err != nil {
			return "", err
		}
		out = k
		if err := writeKey(ctx, tx, k); err != nil || add == nil {
			return k.Tenant, err
		}
		return k.Tenant, insertKey(ctx, tx, *add)
	})
	return out, err
}

func insertKey(ctx context.Context, tx *sql.Tx, k authn.Key) error {
	if _, err := tenantByID(ctx, tx, k.Tenant); err != nil {
		return err
	}
	if _, err := keyByID(ctx, tx, k.ID); !errors.Is(err, authn.ErrNotFound) {
		return taken(err)
	}
	return writeKey(ctx, tx, k)
}

// taken turns a successful look-up for a row that must not be there into
// ErrExists, and leaves a failed one as it is.
func taken(err error) error {
	if err == nil {
		return authn.ErrExists
	}
	return err
}
