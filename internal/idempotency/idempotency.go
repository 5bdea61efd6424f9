// Package idempotency remembers the answers to calls that bore an
// Idempotency-Key, so that repeating the call repeats the answer and not the
// work.
package idempotency

import (
	"bytes"
	"context"
	"database/sql"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"sync"
	"time"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/sqlitedb"
)

//go:embed migrations/*/*.sql
var migrations embed.FS

// Keep is how long an answer can be repeated.
const Keep = 24 * time.Hour

// Answer is what was answered the first time.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Store keeps answers in one SQLite file.
type Store struct {
	db  *sqlitedb.DB
	now func() time.Time

	mu    sync.Mutex
	swept time.Time
}

// Open opens or creates the store. The file belongs to one process at a time,
// so that claims found in it are those of calls that died with a former
// process: they are void at once, and whoever repeats such a call runs it.
func Open(ctx context.Context, path string, now func() time.Time) (*Store, error) {
	sub, err := fs.Sub(migrations, "migrations/sqlite")
	if err != nil {
		return nil, err
	}
	db, err := sqlitedb.Open(ctx, path, sub)
	if err != nil {
		return nil, err
	}
	if _, err := db.Write.ExecContext(ctx, `DELETE FROM calls WHERE status = 0`); err != nil {
		return nil, errors.Join(fmt.Errorf("voiding the claims of a former process: %w", err), db.Close())
	}
	return &Store{db: db, now: now}, nil
}

// Close releases the file.
func (s *Store) Close() error { return s.db.Close() }

// Begin claims a key for a call whose content has the fingerprint. It returns
// the stored answer if the same call was answered before; an *api.Error 409 if
// the key belongs to another call, or if the first call still runs; and nil,
// nil when the caller shall run the call now, and then Finish or Abandon it.
// lease is how long the claim holds if neither is ever called.
func (s *Store) Begin(ctx context.Context, tenant, key string, fingerprint []byte, lease time.Duration) (*Answer, error) {
	var answer *Answer
	now := s.now()
	err := s.db.Tx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM calls WHERE tenant = ? AND key = ? AND expires_at <= ?`, tenant, key, now.UnixMilli()); err != nil {
			return err
		}
		var (
			stored, header, body []byte
			status               int
		)
		err := tx.QueryRowContext(ctx, `SELECT fingerprint, status, header, body FROM calls WHERE tenant = ? AND key = ?`, tenant, key).
			Scan(&stored, &status, &header, &body)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			_, err = tx.ExecContext(ctx, `INSERT INTO calls (tenant, key, fingerprint, expires_at) VALUES (?, ?, ?, ?)`,
				tenant, key, fingerprint, now.Add(lease).UnixMilli())
			return err
		case err != nil:
			return err
		case !bytes.Equal(stored, fingerprint):
			return reused()
		case status == 0:
			return inProgress()
		}
		answer = &Answer{Status: status, Body: body}
		return json.Unmarshal(header, &answer.Header)
	})
	if err != nil {
		return nil, fmt.Errorf("claiming an idempotency key: %w", fault(err))
	}
	s.sweep(ctx, now)
	return answer, nil
}

// Finish stores the answer to a call that Begin let through.
func (s *Store) Finish(ctx context.Context, tenant, key string, a Answer) error {
	header, err := json.Marshal(a.Header)
	if err != nil {
		return err
	}
	_, err = s.db.Write.ExecContext(ctx, `UPDATE calls SET status = ?, header = ?, body = ?, expires_at = ? WHERE tenant = ? AND key = ?`,
		a.Status, header, a.Body, s.now().Add(Keep).UnixMilli(), tenant, key)
	if err != nil {
		return fmt.Errorf("storing the answer to an idempotent call: %w", unkept(err))
	}
	return nil
}

// Abandon gives the key free again: the call had no answer worth repeating.
func (s *Store) Abandon(ctx context.Context, tenant, key string) error {
	_, err := s.db.Write.ExecContext(ctx, `DELETE FROM calls WHERE tenant = ? AND key = ? AND status = 0`, tenant, key)
	if err != nil {
		return fmt.Errorf("giving an idempotency key free: %w", fault(err))
	}
	return nil
}

// sweep drops expired answers, a bounded number, at most once a minute.
func (s *Store) sweep(ctx context.Context, now time.Time) {
	s.mu.Lock()
	due := now.Sub(s.swept) >= time.Minute || now.Before(s.swept)
	if due {
		s.swept = now
	}
	s.mu.Unlock()
	if !due {
		return
	}
	// What is left over is dropped next time; a failure here harms nobody.
	_, _ = s.db.Write.ExecContext(ctx, `DELETE FROM calls WHERE (tenant, key) IN (SELECT tenant, key FROM calls WHERE expires_at <= ? LIMIT 1000)`, now.UnixMilli())
}

func reused() error {
	return api.Conflict("idempotency_key_reused", "this %s was used for another call; take a new one", api.HeaderIdempotencyKey)
}

func inProgress() error {
	e := api.Conflict("idempotency_in_progress", "the first call with this %s still runs; ask again", api.HeaderIdempotencyKey)
	e.RetryAfter = time.Second
	return e
}

func unkeptFull(err error) error {
	return api.NewError(http.StatusInsufficientStorage, "storage_full", "the call was run, but the platform has no room left to keep its answer for repetition").Because(err)
}

func full(err error) error {
	return api.NewError(http.StatusInsufficientStorage, "storage_full", "the platform has no room left to remember this call; it was not run").Because(err)
}

// unkept says to a caller that the call ran and that its repetition will run
// it again.
func unkept(err error) error {
	switch {
	case sqlitedb.IsFull(err):
		return unkeptFull(err)
	case sqlitedb.IsBusy(err):
		return api.NewError(http.StatusServiceUnavailable, "storage_busy", "the call was run, but its answer could not be kept for repetition: the store is locked").Because(err)
	default:
		return err
	}
}

// fault says to a caller that the call was not run.
func fault(err error) error {
	var known *api.Error
	switch {
	case errors.As(err, &known):
		return known
	case sqlitedb.IsFull(err):
		return full(err)
	case sqlitedb.IsBusy(err):
		e := api.NewError(http.StatusServiceUnavailable, "storage_busy", "the store of idempotency keys is locked; the call was not run, try again").Because(err)
		e.RetryAfter = time.Second
		return e
	default:
		return err
	}
}
