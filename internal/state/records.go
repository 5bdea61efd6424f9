package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// Record is one value under an id, unique within tenant and collection.
type Record struct {
	ID    string
	Value []byte
}

// Put stores the records, replacing those with the same id, all or none.
func (s *Store) Put(ctx context.Context, tenant, collection string, records ...Record) error {
	err := s.db.Tx(ctx, func(tx *sql.Tx) error {
		stmt, err := tx.PrepareContext(ctx, `INSERT INTO records (tenant, collection, id, value, updated_at) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (tenant, collection, id) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at`)
		if err != nil {
			return err
		}
		defer stmt.Close()
		now := s.now().UnixMilli()
		for _, r := range records {
			if _, err := stmt.ExecContext(ctx, tenant, collection, r.ID, r.Value, now); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("storing %d records in %s: %w", len(records), collection, fault(err))
	}
	return nil
}

// Get returns one value, or ErrNotFound.
func (s *Store) Get(ctx context.Context, tenant, collection, id string) ([]byte, error) {
	var value []byte
	err := s.db.Read.QueryRowContext(ctx, `SELECT value FROM records WHERE tenant = ? AND collection = ? AND id = ?`,
		tenant, collection, id).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("reading a record of %s: %w", collection, fault(err))
	}
	return value, nil
}

// Delete removes the ids that exist and returns how many did.
func (s *Store) Delete(ctx context.Context, tenant, collection string, ids ...string) (int, error) {
	removed := 0
	err := s.db.Tx(ctx, func(tx *sql.Tx) error {
		for _, id := range ids {
			res, err := tx.ExecContext(ctx, `DELETE FROM records WHERE tenant = ? AND collection = ? AND id = ?`, tenant, collection, id)
			if err != nil {
				return err
			}
			n, err := res.RowsAffected()
			if err != nil {
				return err
			}
			removed += int(n)
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("deleting from %s: %w", collection, fault(err))
	}
	return removed, nil
}

// Each calls f for every record of a collection in the order of ids, until f
// returns an error, which it returns.
func (s *Store) Each(ctx context.Context, tenant, collection string, f func(Record) error) error {
	rows, err := s.db.Read.QueryContext(ctx, `SELECT id, value FROM records WHERE tenant = ? AND collection = ? ORDER BY id`, tenant, collection)
	if err != nil {
		return fmt.Errorf("reading %s: %w", collection, fault(err))
	}
	defer rows.Close()
	for rows.Next() {
		var r Record
		if err := rows.Scan(&r.ID, &r.Value); err != nil {
			return fmt.Errorf("reading %s: %w", collection, fault(err))
		}
		if err := f(r); err != nil {
			return err
		}
	}
	return fault(rows.Err())
}

// Count returns how many records and how many bytes of values a collection
// holds.
func (s *Store) Count(ctx context.Context, tenant, collection string) (records int, bytes int64, err error) {
	err = s.db.Read.QueryRowContext(ctx, `SELECT count(*), coalesce(sum(length(value)), 0) FROM records WHERE tenant = ? AND collection = ?`,
		tenant, collection).Scan(&records, &bytes)
	if err != nil {
		return 0, 0, fmt.Errorf("counting %s: %w", collection, fault(err))
	}
	return records, bytes, nil
}
