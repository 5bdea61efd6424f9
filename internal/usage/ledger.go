package usage

import (
	"context"
	"embed"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/omni-run/omni/internal/lockfile"
	"github.com/omni-run/omni/internal/sqlitedb"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Options says how a ledger works.
type Options struct {
	// Dir is the ledger's own folder. One process at a time may hold it.
	// Required.
	Dir string
	// FoldEvery is how often frames are folded into the sums. Default 2 s.
	FoldEvery time.Duration
	// SegmentBytes is the size at which a new segment file is begun. Default
	// 8 MiB, some 130,000 calls.
	SegmentBytes int64
	// MaxPending bounds, in bytes, what is kept in memory while the disk takes
	// nothing. Default 4 MiB, some 65,000 calls; what exceeds it is lost and
	// counted.
	MaxPending int
	// Retention is how long sums are kept. Default 800 days.
	Retention time.Duration
	// Log is required. Now is the clock; default time.Now.
	Log *slog.Logger
	Now func() time.Time

	// open replaces openSegment in tests.
	open func(path string) (file, error)
}

func (o Options) withDefaults() Options {
	if o.FoldEvery == 0 {
		o.FoldEvery = 2 * time.Second
	}
	if o.SegmentBytes == 0 {
		o.SegmentBytes = 8 << 20
	}
	if o.MaxPending == 0 {
		o.MaxPending = 4 << 20
	}
	if o.Retention == 0 {
		o.Retention = 800 * 24 * time.Hour
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.open == nil {
		o.open = openSegment
	}
	return o
}

func (o *Options) validate() error {
	switch {
	case o.Dir == "":
		return errors.New("usage: Dir is required")
	case o.Log == nil:
		return errors.New("usage: Log is required")
	case o.FoldEvery < 0 || o.SegmentBytes < frameHeader || o.MaxPending < 0:
		return fmt.Errorf("usage: FoldEvery = %v, SegmentBytes = %d, MaxPending = %d must be positive", o.FoldEvery, o.SegmentBytes, o.MaxPending)
	case o.Retention < 62*24*time.Hour:
		return fmt.Errorf("usage: Retention = %v, must be at least 62 days, so that the present month is whole", o.Retention)
	}
	return nil
}

// Ledger records usage and reports it. It is safe for concurrent use.
type Ledger struct {
	opts   Options
	db     *sqlitedb.DB
	unlock func()
	months months

	// mu guards what follows.
	mu      sync.Mutex
	out     appender
	scratch []byte
	// pending are frames that the disk has not taken yet.
	pending []byte
	retryAt time.Time
	stats   Stats
	closed  bool

	// folding serialises folds. inherited is the first segment of this
	// process: the units of earlier ones enter months as they are folded.
	folding   sync.Mutex
	inherited uint64
	pruned    time.Time

	cancel context.CancelFunc
	done   chan struct{}
}

// Stats is what the metrics page shows of a ledger.
type Stats struct {
	// Recorded were written to a segment; Lost were not, for want of room.
	Recorded, Lost uint64
	// Pending are in memory because the disk takes nothing.
	Pending int
	// Folded are in the sums; SkippedBytes belonged to torn or damaged frames.
	Folded, SkippedBytes uint64
	// WriteErrors and FoldErrors count failures; Err is the newest one that
	// still lasts.
	WriteErrors, FoldErrors uint64
	Err                     error
}

// What Record can answer besides nil.
var (
	// ErrPending: the entry is kept in memory and will be written when the
	// disk takes it.
	ErrPending = errors.New("usage: not on disk yet")
	// ErrLost: the entry is nowhere.
	ErrLost = errors.New("usage: the entry is lost")
	// ErrClosed: the ledger is closed.
	ErrClosed = errors.New("usage: the ledger is closed")
)

// Open opens or creates the ledger in o.Dir and takes up where the last
// process left off, however it ended.
func Open(ctx context.Context, o Options) (*Ledger, error) {
	o = o.withDefaults()
	if err := o.validate(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("opening the usage ledger: %w", err)
	}
	unlock, err := lockfile.Lock(filepath.Join(o.Dir, "lock"))
	if err != nil {
		return nil, fmt.Errorf("locking the usage ledger (one process at a time may hold it): %w", err)
	}
	l := &Ledger{opts: o, unlock: unlock, done: make(chan struct{}), months: months{used: make(map[string]monthUnits)}}
	if err := l.load(ctx); err != nil {
		unlock()
		return nil, fmt.Errorf("opening the usage ledger: %w", err)
	}
	background, cancel := context.WithCancel(context.WithoutCancel(ctx))
	l.cancel = cancel
	go l.run(background)
	return l, nil
}

func (l *Ledger) load(ctx context.Context) error {
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	if l.db, err = sqlitedb.Open(ctx, filepath.Join(l.opts.Dir, "usage.db"), sub); err != nil {
		return err
	}
	err = errors.Join(l.forgetDeleted(ctx), l.loadMonths(ctx))
	names, listErr := segments(l.opts.Dir)
	if err = errors.Join(err, listErr); err != nil {
		return errors.Join(err, l.db.Close())
	}
	if len(names) > 0 {
		l.inherited = names[len(names)-1] + 1
	}
	l.out = appender{dir: l.opts.Dir, open: l.opts.open, max: l.opts.SegmentBytes, seq: l.inherited}
	return nil
}

// Record writes e down. When it returns nil, e survives the death of the
// process and will be counted exactly once. On ErrPending e is kept in memory
// until the disk takes it; on ErrLost it is gone. Neither is a reason to fail
// the caller's request. It writes some 60 bytes, on Linux without a system call.
func (l *Ledger) Record(e Entry) error {
	if e.At.IsZero() {
		e.At = l.opts.Now()
	}
	if err := e.validate(); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return ErrClosed
	}
	l.scratch = appendFrame(l.scratch[:0], &e)
	err := l.flushPendingLocked(false)
	if err == nil {
		_, err = l.writeLocked(l.scratch)
	}
	if err != nil {
		if len(l.pending)+len(l.scratch) > l.opts.MaxPending {
			l.stats.Lost++
			return fmt.Errorf("%w: %w", ErrLost, err)
		}
		l.pending = append(l.pending, l.scratch...)
		err = fmt.Errorf("%w: %w", ErrPending, err)
	}
	l.months.add(e.Tenant, e.At, e.Units)
	return err
}

// retryAfter is how long a disk that failed is left alone.
const retryAfter = 250 * time.Millisecond

// flushPendingLocked writes what is waiting, if it is time to try again.
func (l *Ledger) flushPendingLocked(now bool) error {
	if len(l.pending) == 0 {
		return nil
	}
	if !now && l.opts.Now().Before(l.retryAt) {
		return l.stats.Err
	}
	committed, err := l.writeLocked(l.pending)
	l.pending = l.pending[committed:]
	if len(l.pending) > 0 {
		return err
	}
	l.opts.Log.Info("usage is written to disk again")
	l.pending = nil
	return nil
}

// writeLocked writes whole frames and returns how many bytes of them are down
// for good. If that is all of them, an error was only logged.
func (l *Ledger) writeLocked(frames []byte) (committed int, err error) {
	committed, err = l.out.append(frames)
	l.stats.Recorded += uint64(countFrames(frames[:committed]))
	switch {
	case committed < len(frames):
		l.stats.WriteErrors++
		if l.stats.Err == nil {
			l.opts.Log.Error("usage cannot be written to disk; it is kept in memory", slog.Any("error", err))
		}
		l.stats.Err = err
		l.retryAt = l.opts.Now().Add(retryAfter)
		return committed, err
	case err != nil:
		l.opts.Log.Warn("a finished usage segment was not closed cleanly", slog.Any("error", err))
	}
	l.stats.Err = nil
	return committed, nil
}

// countFrames counts the frames in data, which is nothing but frames, by their
// lengths alone.
func countFrames(data []byte) (n int) {
	for len(data) > 0 {
		data = data[frameHeader+int(binary.LittleEndian.Uint32(data)):]
		n++
	}
	return n
}

// MonthUnits returns the units tenant has used in the present month (UTC).
func (l *Ledger) MonthUnits(tenant string) int64 { return l.months.get(tenant, l.opts.Now()) }

// Stats returns the counters as they stand.
func (l *Ledger) Stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.stats
	s.Pending = countFrames(l.pending)
	return s
}

// Close writes what is pending, folds what is written, and releases the
// folder. It returns an error if entries were lost.
func (l *Ledger) Close() error {
	l.cancel()
	<-l.done
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closed = true
	err := l.flushPendingLocked(true)
	if err != nil {
		lost := countFrames(l.pending)
		l.stats.Lost += uint64(lost)
		err = fmt.Errorf("%w: %d entries at shutdown: %w", ErrLost, lost, err)
	}
	err = errors.Join(err, l.out.next())
	l.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	// What cannot be folded now stays in its segment for the next process.
	if foldErr := l.Fold(ctx); foldErr != nil {
		l.opts.Log.Warn("usage is left unfolded at shutdown", slog.Any("error", foldErr))
	}
	err = errors.Join(err, l.db.Close())
	l.unlock()
	return err
}

func (l *Ledger) run(ctx context.Context) {
	defer close(l.done)
	// At once: what the last process left counts towards the month.
	l.tick(ctx)
	tick := time.NewTicker(l.opts.FoldEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			l.tick(ctx)
		}
	}
}

func (l *Ledger) tick(ctx context.Context) {
	l.mu.Lock()
	// A failure is counted and logged where it happens.
	_ = l.flushPendingLocked(true)
	l.mu.Unlock()
	if err := l.Fold(ctx); err != nil && ctx.Err() == nil {
		l.opts.Log.Error("usage cannot be folded; it stays in its segments", slog.Any("error", err))
	}
	if err := l.prune(ctx); err != nil && ctx.Err() == nil {
		l.opts.Log.Error("old usage cannot be deleted", slog.Any("error", err))
	}
}
