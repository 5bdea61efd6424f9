package usage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"
)

// chunk is how much of a segment is folded in one transaction.
const chunk = 1 << 20

// Fold brings the sums up to everything recorded before the call, and deletes
// the segments that are done with.
func (l *Ledger) Fold(ctx context.Context) error {
	l.folding.Lock()
	defer l.folding.Unlock()
	l.mu.Lock()
	active, size := l.out.seq, l.out.size
	l.mu.Unlock()
	err := l.foldTo(ctx, active, size)
	if err != nil {
		l.mu.Lock()
		l.stats.FoldErrors++
		l.mu.Unlock()
	}
	return err
}

// foldTo folds every segment before active as a whole, and size bytes of
// active itself.
func (l *Ledger) foldTo(ctx context.Context, active uint64, size int64) error {
	names, err := segments(l.opts.Dir)
	if err != nil {
		return err
	}
	for _, seq := range names {
		switch {
		case seq < active:
			if err := l.foldSegment(ctx, seq, -1); err != nil {
				return err
			}
			if err := l.dropSegment(ctx, seq); err != nil {
				return err
			}
		case seq == active:
			if err := l.foldSegment(ctx, seq, size); err != nil {
				return err
			}
		}
	}
	return nil
}

// foldSegment folds a segment up to the byte end, or the end of the file if
// end is negative.
func (l *Ledger) foldSegment(ctx context.Context, seq uint64, end int64) error {
	f, err := os.Open(segmentPath(l.opts.Dir, seq))
	if err != nil {
		return fmt.Errorf("opening a usage segment: %w", err)
	}
	defer func() { _ = f.Close() }()
	if end < 0 {
		info, err := f.Stat()
		if err != nil {
			return fmt.Errorf("looking at a usage segment: %w", err)
		}
		if end, err = written(f, info.Size()); err != nil {
			return err
		}
	}
	from, err := l.folded(ctx, seq)
	if err != nil {
		return err
	}
	for from < end {
		if from, err = l.foldChunk(ctx, f, seq, from, end); err != nil {
			return fmt.Errorf("folding usage segment %d: %w", seq, err)
		}
	}
	return nil
}

func (l *Ledger) folded(ctx context.Context, seq uint64) (offset int64, err error) {
	err = l.db.Read.QueryRowContext(ctx, "SELECT folded FROM segments WHERE name = ?", segmentName(seq)).Scan(&offset)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("reading how far usage is folded: %w", err)
	}
	return offset, nil
}

// foldChunk adds the frames of one chunk to the sums and moves the mark, in
// one transaction. It returns the new mark.
func (l *Ledger) foldChunk(ctx context.Context, f io.ReaderAt, seq uint64, from, end int64) (int64, error) {
	data := make([]byte, min(chunk, end-from))
	if _, err := f.ReadAt(data, from); err != nil {
		return from, err
	}
	sums, units := make(map[sumKey]*sum), make(map[monthKey]int64)
	count := 0
	done, skipped := scan(data, from+int64(len(data)) == end, func(e Entry) {
		key := sumKey{e.Tenant, dayOf(e.At), e.Route, e.Status / 100}
		s := sums[key]
		if s == nil {
			s = &sum{}
			sums[key] = s
		}
		s.add(&e)
		units[monthKey{e.Tenant, monthStart(e.At)}] += e.Units
		count++
	})
	to := from + int64(done)
	err := l.db.Tx(ctx, func(tx *sql.Tx) error {
		for key, s := range sums {
			if err := addSum(ctx, tx, key, s); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, "INSERT INTO segments (name, folded) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET folded = excluded.folded",
			segmentName(seq), to)
		return err
	})
	if err != nil {
		return from, err
	}
	if seq < l.inherited {
		for key, n := range units {
			l.months.add(key.tenant, key.month, n)
		}
	}
	l.noteFolded(seq, count, skipped)
	return to, nil
}

type monthKey struct {
	tenant string
	month  time.Time
}

func monthStart(t time.Time) time.Time {
	t = t.UTC()
	return time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)
}

func (l *Ledger) noteFolded(seq uint64, count, skipped int) {
	l.mu.Lock()
	l.stats.Folded += uint64(count)
	l.stats.SkippedBytes += uint64(skipped)
	l.mu.Unlock()
	if skipped > 0 {
		l.opts.Log.Warn("a usage segment held a torn record, as a killed process may leave; it was skipped",
			slog.Uint64("segment", seq), slog.Int("bytes", skipped))
	}
}

// dropSegment deletes a folded segment and then its mark; in the other order a
// death in between would fold it twice. The checkpoint before makes the sums
// outlive a power cut, which the deleted file no longer could make good.
func (l *Ledger) dropSegment(ctx context.Context, seq uint64) error {
	var busy, frames, moved int
	if err := l.db.Write.QueryRowContext(ctx, "PRAGMA wal_checkpoint(FULL)").Scan(&busy, &frames, &moved); err != nil {
		return fmt.Errorf("syncing the usage sums: %w", err)
	}
	if busy != 0 {
		// A reader was in the way; the next fold deletes the segment.
		return nil
	}
	if err := os.Remove(segmentPath(l.opts.Dir, seq)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("deleting a folded usage segment: %w", err)
	}
	if _, err := l.db.Write.ExecContext(ctx, "DELETE FROM segments WHERE name = ?", segmentName(seq)); err != nil {
		return fmt.Errorf("forgetting a folded usage segment: %w", err)
	}
	return nil
}

// forgetDeleted drops the marks of segments that are gone, so that a new
// segment of the same name starts at its beginning.
func (l *Ledger) forgetDeleted(ctx context.Context) error {
	rows, err := l.db.Read.QueryContext(ctx, "SELECT name FROM segments")
	if err != nil {
		return err
	}
	var gone []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return errors.Join(err, rows.Close()) //nolint:sqlclosecheck // closed on each way out, its error kept
		}
		if _, err := os.Stat(filepath.Join(l.opts.Dir, name)); errors.Is(err, fs.ErrNotExist) {
			gone = append(gone, name)
		}
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return err
	}
	for _, name := range gone {
		if _, err := l.db.Write.ExecContext(ctx, "DELETE FROM segments WHERE name = ?", name); err != nil {
			return err
		}
	}
	return nil
}

// prune deletes sums past their retention, once a day.
func (l *Ledger) prune(ctx context.Context) error {
	l.folding.Lock()
	defer l.folding.Unlock()
	now := l.opts.Now()
	if now.Sub(l.pruned) < 24*time.Hour {
		return nil
	}
	if _, err := l.db.Write.ExecContext(ctx, "DELETE FROM usage WHERE day < ?", dayOf(now.Add(-l.opts.Retention))); err != nil {
		return err
	}
	l.pruned = now
	return nil
}
