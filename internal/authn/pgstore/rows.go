package pgstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/omni-run/omni/internal/authn"
)

const (
	tenantColumns = "id, name, tier, created_at, disabled_at, requests_per_minute, burst, concurrent, max_body, monthly_units, weight"
	keyColumns    = "id, tenant, tier, name, scopes, allow, sha256, created_at, expires_at, revoked_at, rotated_from, rotated_to"
)

func scanTenant(row pgx.Row) (authn.Tenant, error) {
	var t authn.Tenant
	l := &t.Limits
	err := row.Scan(&t.ID, &t.Name, &t.Tier, &t.CreatedAt, &t.DisabledAt,
		&l.RequestsPerMinute, &l.Burst, &l.Concurrent, &l.MaxBody, &l.MonthlyUnits, &l.Weight)
	t.CreatedAt = t.CreatedAt.UTC()
	inUTC(t.DisabledAt)
	return t, err
}

func scanKey(row pgx.Row) (authn.Key, error) {
	var k authn.Key
	var allow []string
	var hash []byte
	err := row.Scan(&k.ID, &k.Tenant, &k.Tier, &k.Name, &k.Scopes, &allow, &hash, &k.CreatedAt, &k.ExpiresAt, &k.RevokedAt, &k.RotatedFrom, &k.RotatedTo)
	if err != nil {
		return k, err
	}
	if len(hash) != len(k.Hash) {
		return k, fmt.Errorf("%w: key %s: the hash has %d bytes", authn.ErrContent, k.ID, len(hash))
	}
	copy(k.Hash[:], hash)
	if k.Allow, err = authn.ParseNetworks(allow); err != nil {
		return k, fmt.Errorf("%w: key %s: %w", authn.ErrContent, k.ID, err)
	}
	k.CreatedAt = k.CreatedAt.UTC()
	inUTC(k.ExpiresAt)
	inUTC(k.RevokedAt)
	return k, nil
}

func inUTC(t *time.Time) {
	if t != nil {
		*t = t.UTC()
	}
}

func notFound(err error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return authn.ErrNotFound
	}
	return err
}

func tenantByID(ctx context.Context, tx pgx.Tx, id string) (authn.Tenant, error) {
	t, err := scanTenant(tx.QueryRow(ctx, "SELECT "+tenantColumns+" FROM omni_tenants WHERE id = $1", id))
	return t, notFound(err)
}

func keyByID(ctx context.Context, tx pgx.Tx, id string) (authn.Key, error) {
	k, err := scanKey(tx.QueryRow(ctx, "SELECT "+keyColumns+" FROM omni_keys WHERE id = $1", id))
	return k, notFound(err)
}

func readAll[T any](ctx context.Context, tx pgx.Tx, query string, scan func(pgx.Row) (T, error)) ([]T, error) {
	rows, err := tx.Query(ctx, query)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (T, error) { return scan(row) })
}

func writeTenant(ctx context.Context, tx pgx.Tx, t authn.Tenant) error {
	if err := t.Validate(); err != nil {
		return &authn.InvalidError{Err: err}
	}
	l := &t.Limits
	_, err := tx.Exec(ctx, `INSERT INTO omni_tenants (`+tenantColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
		ON CONFLICT (id) DO UPDATE SET name = excluded.name, tier = excluded.tier, disabled_at = excluded.disabled_at,
			requests_per_minute = excluded.requests_per_minute, burst = excluded.burst, concurrent = excluded.concurrent,
			max_body = excluded.max_body, monthly_units = excluded.monthly_units, weight = excluded.weight`,
		t.ID, t.Name, t.Tier, t.CreatedAt, t.DisabledAt,
		l.RequestsPerMinute, l.Burst, l.Concurrent, l.MaxBody, l.MonthlyUnits, l.Weight)
	return err
}

func writeKey(ctx context.Context, tx pgx.Tx, k authn.Key) error {
	if err := k.Validate(); err != nil {
		return &authn.InvalidError{Err: err}
	}
	allow := authn.NetworkTexts(k.Allow)
	if allow == nil {
		allow = []string{}
	}
	_, err := tx.Exec(ctx, `INSERT INTO omni_keys (`+keyColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
		ON CONFLICT (id) DO UPDATE SET name = excluded.name, scopes = excluded.scopes, allow = excluded.allow, expires_at = excluded.expires_at,
			revoked_at = excluded.revoked_at, rotated_from = excluded.rotated_from, rotated_to = excluded.rotated_to`,
		k.ID, k.Tenant, k.Tier, k.Name, k.Scopes, allow, k.Hash[:], k.CreatedAt, k.ExpiresAt, k.RevokedAt, k.RotatedFrom, k.RotatedTo)
	return err
}
