package pgstore

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/omni-run/omni/internal/authn"
)

const auditColumns = "at, actor, act, target, tenant, outcome, request_id, address, detail"

// change runs f in one transaction, and writes down there in whose name it is
// done and to whom: f returns the tenant.
func (s *Store) change(ctx context.Context, target string, f func(tx pgx.Tx) (tenant string, err error)) error {
	if err := s.prepare(ctx); err != nil {
		return err
	}
	act := authn.ActOf(ctx)
	err := s.db.Tx(ctx, pgx.TxOptions{}, func(tx pgx.Tx) error {
		// Writers take turns from the first statement on, so that what one has
		// read is still so when it writes.
		if _, err := tx.Exec(ctx, "SELECT 1 FROM omni_keys_version FOR UPDATE"); err != nil {
			return err
		}
		tenant, err := f(tx)
		if err != nil || act == nil {
			return err
		}
		act.On(target, tenant)
		return appendEntry(ctx, tx, act.Entry())
	})
	if err != nil {
		return worded(err)
	}
	act.Wrote()
	return nil
}

// PutTenant implements authn.Store.
func (s *Store) PutTenant(ctx context.Context, t authn.Tenant) error {
	return s.change(ctx, t.ID, func(tx pgx.Tx) (string, error) {
		if _, err := tenantByID(ctx, tx, t.ID); !errors.Is(err, authn.ErrNotFound) {
			return "", taken(err)
		}
		return t.ID, writeTenant(ctx, tx, t)
	})
}

// UpdateTenant implements authn.Store.
func (s *Store) UpdateTenant(ctx context.Context, id string, change func(*authn.Tenant) error) (authn.Tenant, error) {
	var out authn.Tenant
	err := s.change(ctx, id, func(tx pgx.Tx) (string, error) {
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
	return s.change(ctx, k.ID, func(tx pgx.Tx) (string, error) { return k.Tenant, insertKey(ctx, tx, k) })
}

// UpdateKey implements authn.Store.
func (s *Store) UpdateKey(ctx context.Context, id string, change func(*authn.Key) (*authn.Key, error)) (authn.Key, error) {
	var out authn.Key
	err := s.change(ctx, id, func(tx pgx.Tx) (string, error) {
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

func insertKey(ctx context.Context, tx pgx.Tx, k authn.Key) error {
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

// Append implements authn.Trail.
func (s *Store) Append(ctx context.Context, e authn.Entry) error {
	if err := s.prepare(ctx); err != nil {
		return err
	}
	return worded(s.db.Tx(ctx, pgx.TxOptions{}, func(tx pgx.Tx) error { return appendEntry(ctx, tx, e) }))
}

func appendEntry(ctx context.Context, tx pgx.Tx, e authn.Entry) error {
	detail := e.Detail
	if detail == nil {
		detail = map[string]string{}
	}
	_, err := tx.Exec(ctx, "INSERT INTO omni_audit ("+auditColumns+") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
		e.At, e.Actor, e.Act, e.Target, e.Tenant, e.Outcome, e.RequestID, e.Address, detail)
	if err != nil {
		return fmt.Errorf("writing the audit log: %w", err)
	}
	return nil
}

// Entries implements authn.Trail.
func (s *Store) Entries(ctx context.Context, since time.Time, before int64, limit int) ([]authn.Entry, error) {
	if err := s.prepare(ctx); err != nil {
		return nil, err
	}
	if before == 0 {
		before = math.MaxInt64
	}
	rows, err := s.db.Query(ctx, "SELECT seq, "+auditColumns+" FROM omni_audit WHERE at >= $1 AND seq < $2 ORDER BY seq DESC LIMIT $3", since, before, limit)
	if err != nil {
		return nil, fmt.Errorf("reading the audit log: %w", worded(err))
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (authn.Entry, error) {
		var e authn.Entry
		err := row.Scan(&e.Seq, &e.At, &e.Actor, &e.Act, &e.Target, &e.Tenant, &e.Outcome, &e.RequestID, &e.Address, &e.Detail)
		e.At = e.At.UTC()
		return e, err
	})
	if err != nil {
		return nil, fmt.Errorf("reading the audit log: %w", worded(err))
	}
	return out, nil
}
