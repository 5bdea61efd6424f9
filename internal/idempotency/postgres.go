package idempotency

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/postgres"
)

// patience bounds each question to the server, so that a call does not hang on
// one that is away.
const patience = 5 * time.Second

// Shared keeps answers in a PostgreSQL database that several gateways use: a
// call repeated at another gateway gets the same answer, and of calls with one
// key that come to several at once one runs. The server's clock decides.
type Shared struct {
	db *postgres.DB
	// holder tells this gateway's claims from others'.
	holder string
	// now replaces the server's clock in tests; nil else.
	now func() time.Time

	mu       sync.Mutex
	swept    time.Time
	sweeping sync.WaitGroup
}

// OpenShared makes the store's table if the database lacks it.
func OpenShared(ctx context.Context, url string) (_ *Shared, err error) {
	db, err := postgres.Open(ctx, postgres.Options{URL: url, Name: "omni-gateway idempotency", MaxConns: 8})
	if err != nil {
		return nil, err
	}
	sub, err := fs.Sub(migrations, "migrations/postgres")
	if err == nil {
		err = db.Migrate(ctx, sub, "omni_replays_migrations")
	}
	if err != nil {
		db.Close()
		return nil, err
	}
	return &Shared{db: db, holder: rand.Text()}, nil
}

// Close ends the connections.
func (s *Shared) Close() error {
	s.sweeping.Wait()
	s.db.Close()
	return nil
}

// clock is the present in milliseconds for the statements below: nil takes the
// server's.
func (s *Shared) clock() *int64 {
	if s.now == nil {
		return nil
	}
	ms := s.now().UnixMilli()
	return &ms
}

const serverNow = `COALESCE($1, (extract(epoch FROM clock_timestamp()) * 1000)::bigint)`

// Begin is Store.Begin. The claim of a gateway that died holds until its lease
// ends, since nobody can know whether the call ran.
func (s *Shared) Begin(ctx context.Context, tenant, key string, fingerprint []byte, lease time.Duration) (*Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for range 3 {
		claimed, err := s.claim(ctx, tenant, key, fingerprint, lease)
		if err != nil {
			return nil, fmt.Errorf("claiming an idempotency key: %w", sharedFault(err))
		}
		if claimed {
			s.sweep(ctx)
			return nil, nil //nolint:nilnil // documented: the caller shall run the call
		}
		answer, err := s.known(ctx, tenant, key, fingerprint)
		if errors.Is(err, pgx.ErrNoRows) {
			continue // it was given free in between
		}
		if err != nil {
			return nil, fmt.Errorf("claiming an idempotency key: %w", sharedFault(err))
		}
		return answer, nil
	}
	return nil, inProgress() // others claim and free it as fast as we ask
}

// claim takes the key if nobody has it, or who had it has had it for too long.
func (s *Shared) claim(ctx context.Context, tenant, key string, fingerprint []byte, lease time.Duration) (bool, error) {
	tag, err := s.db.Exec(ctx, `
		INSERT INTO omni_replays AS r (tenant, key, fingerprint, holder, expires_at) VALUES ($2, $3, $4, $5, `+serverNow+` + $6)
		ON CONFLICT (tenant, key) DO UPDATE
			SET fingerprint = EXCLUDED.fingerprint, holder = EXCLUDED.holder, status = 0, header = NULL, body = NULL, expires_at = EXCLUDED.expires_at
			WHERE r.expires_at <= `+serverNow, s.clock(), tenant, key, fingerprint, s.holder, lease.Milliseconds())
	return tag.RowsAffected() == 1, err
}

// known is the answer that another call with the key got, or why there is none.
func (s *Shared) known(ctx context.Context, tenant, key string, fingerprint []byte) (*Answer, error) {
	var stored, header []byte
	a := &Answer{}
	err := s.db.QueryRow(ctx, `SELECT fingerprint, status, header, body FROM omni_replays WHERE tenant = $1 AND key = $2`, tenant, key).
		Scan(&stored, &a.Status, &header, &a.Body)
	switch {
	case err != nil:
		return nil, err
	case !bytes.Equal(stored, fingerprint):
		return nil, reused()
	case a.Status == 0:
		return nil, inProgress()
	}
	return a, json.Unmarshal(header, &a.Header)
}

// Finish is Store.Finish. Where the lease had ended and another took the key,
// what that one stores stands.
func (s *Shared) Finish(ctx context.Context, tenant, key string, a Answer) error {
	header, err := json.Marshal(a.Header)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_, err = s.db.Exec(ctx, `
		UPDATE omni_replays SET status = $2, header = $3, body = $4, expires_at = `+serverNow+` + $5
		WHERE tenant = $6 AND key = $7 AND holder = $8 AND status = 0`,
		s.clock(), a.Status, header, a.Body, Keep.Milliseconds(), tenant, key, s.holder)
	if err != nil {
		return fmt.Errorf("storing the answer to an idempotent call: %w", sharedUnkept(err))
	}
	return nil
}

// Abandon is Store.Abandon.
func (s *Shared) Abandon(ctx context.Context, tenant, key string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if _, err := s.db.Exec(ctx, `DELETE FROM omni_replays WHERE tenant = $1 AND key = $2 AND holder = $3 AND status = 0`, tenant, key, s.holder); err != nil {
		return fmt.Errorf("giving an idempotency key free: %w", sharedFault(err))
	}
	return nil
}

// sweep drops expired answers beside the call, at most once a minute; gateways
// that do so at the same time pass over each other's rows.
func (s *Shared) sweep(ctx context.Context) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Sub(s.swept) < time.Minute {
		return
	}
	s.swept = now
	ctx = context.WithoutCancel(ctx)
	over := s.clock()
	s.sweeping.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		// What is left over is dropped next time; a failure here harms nobody.
		_, _ = s.db.Exec(ctx, `DELETE FROM omni_replays WHERE (tenant, key) IN
			(SELECT tenant, key FROM omni_replays WHERE expires_at <= `+serverNow+` LIMIT 5000 FOR UPDATE SKIP LOCKED)`, over)
	})
}

func sharedUnkept(err error) error {
	switch {
	case postgres.Full(err):
		return unkeptFull(err)
	case postgres.Away(err):
		return api.NewError(http.StatusServiceUnavailable, "storage_busy", "the call was run, but its answer could not be kept for repetition: the store cannot be reached").Because(err)
	}
	return err
}

func sharedFault(err error) error {
	var known *api.Error
	switch {
	case errors.As(err, &known):
		return known
	case postgres.Full(err):
		return full(err)
	case postgres.Away(err):
		e := api.NewError(http.StatusServiceUnavailable, "storage_busy", "the store of idempotency keys cannot be reached; the call was not run, try again").Because(err)
		e.RetryAfter = time.Second
		return e
	}
	return err
}
