package sqlitestore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/omni-run/omni/internal/authn"
)

var _ authn.Trail = (*Store)(nil)

const auditColumns = "at, actor, act, target, tenant, outcome, request_id, address, detail"

// change runs f in one write transaction, and writes down there in whose name
// it is done and to whom: f returns the tenant.
func (s *Store) change(ctx context.Context, target string, f func(tx *sql.Tx) (tenant string, err error)) error {
	act := authn.ActOf(ctx)
	err := s.db.Tx(ctx, func(tx *sql.Tx) error {
		tenant, err := f(tx)
		if err != nil || act == nil {
			return err
		}
		act.On(target, tenant)
		return appendEntry(ctx, tx, act.Entry())
	})
	if err == nil {
		act.Wrote()
	}
	return err
}

// Append implements authn.Trail.
func (s *Store) Append(ctx context.Context, e authn.Entry) error {
	return s.db.Tx(ctx, func(tx *sql.Tx) error { return appendEntry(ctx, tx, e) })
}

func appendEntry(ctx context.Context, tx *sql.Tx, e authn.Entry) error {
	detail, err := json.Marshal(e.Detail)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO audit ("+auditColumns+") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
		e.At.UnixMilli(), e.Actor, e.Act, e.Target, e.Tenant, e.Outcome, e.RequestID, e.Address, string(detail))
	if err != nil {
		return fmt.Errorf("writing the audit log: %w", err)
	}
	return nil
}

// Entries implements authn.Trail.
func (s *Store) Entries(ctx context.Context, since time.Time, before int64, limit int) (out []authn.Entry, err error) {
	if before == 0 {
		before = math.MaxInt64
	}
	rows, err := s.db.Read.QueryContext(ctx, "SELECT seq, "+auditColumns+" FROM audit WHERE at >= ? AND seq < ? ORDER BY seq DESC LIMIT ?", since.UnixMilli(), before, limit)
	if err != nil {
		return nil, fmt.Errorf("reading the audit log: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var e authn.Entry
		var at int64
		var detail string
		if err := rows.Scan(&e.Seq, &at, &e.Actor, &e.Act, &e.Target, &e.Tenant, &e.Outcome, &e.RequestID, &e.Address, &detail); err != nil {
			return nil, fmt.Errorf("reading the audit log: %w", err)
		}
		if err := json.Unmarshal([]byte(detail), &e.Detail); err != nil {
			return nil, fmt.Errorf("audit entry %d: %w", e.Seq, err)
		}
		e.At = fromMillis(at)
		out = append(out, e)
	}
	return out, rows.Err()
}
