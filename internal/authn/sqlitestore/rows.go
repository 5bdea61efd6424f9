package sqlitestore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/omni-run/omni/internal/authn"
)

const (
	tenantColumns = "id, name, tier, created_at, disabled_at, requests_per_minute, burst, concurrent, max_body, monthly_units, weight"
	keyColumns    = "id, tenant, tier, name, scopes, sha256, created_at, expires_at, revoked_at, rotated_from, rotated_to, allow"
)

// scanner is a *sql.Row or *sql.Rows.
type scanner interface{ Scan(dest ...any) error }

func scanTenant(row scanner) (authn.Tenant, error) {
	var t authn.Tenant
	var created int64
	var disabled sql.NullInt64
	l := &t.Limits
	if err := row.Scan(&t.ID, &t.Name, &t.Tier, &created, &disabled,
		&l.RequestsPerMinute, &l.Burst, &l.Concurrent, &l.MaxBody, &l.MonthlyUnits, &l.Weight); err != nil {
		return t, notFound(err)
	}
	t.CreatedAt, t.DisabledAt = fromMillis(created), fromNull(disabled)
	return t, nil
}

func scanKey(row scanner) (authn.Key, error) {
	var k authn.Key
	var scopes, allow string
	var hash []byte
	var created int64
	var expires, revoked sql.NullInt64
	err := row.Scan(&k.ID, &k.Tenant, &k.Tier, &k.Name, &scopes, &hash, &created, &expires, &revoked, &k.RotatedFrom, &k.RotatedTo, &allow)
	if err != nil {
		return k, notFound(err)
	}
	if len(hash) != len(k.Hash) {
		return k, fmt.Errorf("%w: key %s: the hash has %d bytes", authn.ErrContent, k.ID, len(hash))
	}
	copy(k.Hash[:], hash)
	k.Scopes = strings.Fields(scopes)
	if k.Allow, err = authn.ParseNetworks(strings.Fields(allow)); err != nil {
		return k, fmt.Errorf("%w: key %s: %w", authn.ErrContent, k.ID, err)
	}
	k.CreatedAt, k.ExpiresAt, k.RevokedAt = fromMillis(created), fromNull(expires), fromNull(revoked)
	return k, nil
}

func notFound(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return authn.ErrNotFound
	}
	return err
}

func tenantByID(ctx context.Context, tx *sql.Tx, id string) (authn.Tenant, error) {
	return scanTenant(tx.QueryRowContext(ctx, "SELECT "+tenantColumns+" FROM tenants WHERE id = ?", id))
}

func keyByID(ctx context.Context, tx *sql.Tx, id string) (authn.Key, error) {
	return scanKey(tx.QueryRowContext(ctx, "SELECT "+keyColumns+" FROM keys WHERE id = ?", id))
}

func readTenants(ctx context.Context, tx *sql.Tx) ([]authn.Tenant, error) {
	return readAll(ctx, tx, "SELECT "+tenantColumns+" FROM tenants ORDER BY id", scanTenant)
}

func readKeys(ctx context.Context, tx *sql.Tx) ([]authn.Key, error) {
	return readAll(ctx, tx, "SELECT "+keyColumns+" FROM keys ORDER BY id", scanKey)
}

func readAll[T any](ctx context.Context, tx *sql.Tx, query string, scan func(scanner) (T, error)) (out []T, err error) {
	rows, err := tx.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		one, err := scan(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, rows.Err()
}

func writeTenant(ctx context.Context, tx *sql.Tx, t authn.Tenant) error {
	if err := t.Validate(); err != nil {
		return &authn.InvalidError{Err: err}
	}
	l := &t.Limits
	_, err := tx.ExecContext(ctx, `INSERT INTO tenants (`+tenantColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET name = excluded.name, tier = excluded.tier, disabled_at = excluded.disabled_at,
			requests_per_minute = excluded.requests_per_minute, burst = excluded.burst, concurrent = excluded.concurrent,
			max_body = excluded.max_body, monthly_units = excluded.monthly_units, weight = excluded.weight`,
		t.ID, t.Name, t.Tier, t.CreatedAt.UnixMilli(), toNull(t.DisabledAt),
		l.RequestsPerMinute, l.Burst, l.Concurrent, l.MaxBody, l.MonthlyUnits, l.Weight)
	return err
}

func writeKey(ctx context.Context, tx *sql.Tx, k authn.Key) error {
	if err := k.Validate(); err != nil {
		return &authn.InvalidError{Err: err}
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO keys (`+keyColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET name = excluded.name, scopes = excluded.scopes, expires_at = excluded.expires_at,
			revoked_at = excluded.revoked_at, rotated_from = excluded.rotated_from, rotated_to = excluded.rotated_to, allow = excluded.allow`,
		k.ID, k.Tenant, k.Tier, k.Name, strings.Join(k.Scopes, " "), k.Hash[:], k.CreatedAt.UnixMilli(),
		toNull(k.ExpiresAt), toNull(k.RevokedAt), k.RotatedFrom, k.RotatedTo, strings.Join(authn.NetworkTexts(k.Allow), " "))
	return err
}

func fromMillis(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

func fromNull(ms sql.NullInt64) *time.Time {
	if !ms.Valid {
		return nil
	}
	t := fromMillis(ms.Int64)
	return &t
}

func toNull(t *time.Time) sql.NullInt64 {
	if t == nil {
		return sql.NullInt64{}
	}
	return sql.NullInt64{Int64: t.UnixMilli(), Valid: true}
}
