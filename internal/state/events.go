package state

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"time"
)

// Event is one entry of a tenant's append-only stream.
type Event struct {
	// Seq orders the events of a stream; the store assigns it.
	Seq int64
	// ID makes appending idempotent; empty lets the store choose one.
	ID    string
	Value []byte
	// At is when the event was stored, to the millisecond.
	At time.Time
}

// Append adds the events whose id the stream does not hold yet, all or none,
// and returns how many it added.
func (s *Store) Append(ctx context.Context, tenant, stream string, events ...Event) (added int, err error) {
	err = s.db.Tx(ctx, func(tx *sql.Tx) error {
		stmt, err := tx.PrepareContext(ctx, `INSERT INTO events (tenant, stream, event_id, value, at) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (tenant, stream, event_id) DO NOTHING`)
		if err != nil {
			return err
		}
		defer stmt.Close()
		now := s.now().UnixMilli()
		for _, e := range events {
			if e.ID == "" {
				e.ID = rand.Text()
			}
			res, err := stmt.ExecContext(ctx, tenant, stream, e.ID, e.Value, now)
			if err != nil {
				return err
			}
			n, err := res.RowsAffected()
			if err != nil {
				return err
			}
			added += int(n)
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("appending %d events to %s: %w", len(events), stream, fault(err))
	}
	return added, nil
}

// EachEvent calls f for the events after seq in the order they were stored,
// until f returns an error, which it returns.
func (s *Store) EachEvent(ctx context.Context, tenant, stream string, after int64, f func(Event) error) error {
	rows, err := s.db.Read.QueryContext(ctx, `SELECT seq, event_id, value, at FROM events
		WHERE tenant = ? AND stream = ? AND seq > ? ORDER BY seq`, tenant, stream, after)
	if err != nil {
		return fmt.Errorf("reading %s: %w", stream, fault(err))
	}
	return scanEvents(rows, f)
}

// Newest returns the last n events of a stream, newest first.
func (s *Store) Newest(ctx context.Context, tenant, stream string, n int) ([]Event, error) {
	rows, err := s.db.Read.QueryContext(ctx, `SELECT seq, event_id, value, at FROM events
		WHERE tenant = ? AND stream = ? ORDER BY seq DESC LIMIT ?`, tenant, stream, n)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", stream, fault(err))
	}
	out := []Event{}
	err = scanEvents(rows, func(e Event) error {
		out = append(out, e)
		return nil
	})
	return out, err
}

func scanEvents(rows *sql.Rows, f func(Event) error) error {
	defer rows.Close()
	for rows.Next() {
		var e Event
		var at int64
		if err := rows.Scan(&e.Seq, &e.ID, &e.Value, &at); err != nil {
			return fault(err)
		}
		e.At = time.UnixMilli(at).UTC()
		if err := f(e); err != nil {
			return err
		}
	}
	return fault(rows.Err())
}

// CountEvents returns how many events a stream holds.
func (s *Store) CountEvents(ctx context.Context, tenant, stream string) (n int, err error) {
	err = s.db.Read.QueryRowContext(ctx, `SELECT count(*) FROM events WHERE tenant = ? AND stream = ?`, tenant, stream).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("counting %s: %w", stream, fault(err))
	}
	return n, nil
}

// Trim drops the oldest events of a stream until at most keep remain.
func (s *Store) Trim(ctx context.Context, tenant, stream string, keep int) error {
	_, err := s.db.Write.ExecContext(ctx, `DELETE FROM events WHERE tenant = ? AND stream = ? AND seq <= (
		SELECT seq FROM events WHERE tenant = ? AND stream = ? ORDER BY seq DESC LIMIT 1 OFFSET ?)`,
		tenant, stream, tenant, stream, keep)
	if err != nil {
		return fmt.Errorf("trimming %s: %w", stream, fault(err))
	}
	return nil
}
