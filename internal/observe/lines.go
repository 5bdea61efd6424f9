package observe

import (
	"io"
	"sync"
	"time"
)

const (
	// linesApart is how far apart writes are when there is much to write. A
	// line that comes after a longer silence is written at once.
	linesApart = 10 * time.Millisecond
	// linesBytes is how much is gathered at most.
	linesBytes = 32 << 10
)

// Lines gathers log lines while they come thick and fast, so that hundreds
// share one system call. A line waits for at most 10 ms; after a silence it
// does not wait at all. Close writes what is left. Safe for concurrent use.
type Lines struct {
	mu     sync.Mutex
	w      io.Writer
	buf    []byte
	last   time.Time // of the last write
	timer  *time.Timer
	armed  bool
	closed bool
	err    error // of a write nobody was there to see
}

// NewLines gathers lines for w.
func NewLines(w io.Writer) *Lines {
	l := &Lines{w: w, buf: make([]byte, 0, linesBytes)}
	l.timer = time.AfterFunc(time.Hour, l.due)
	l.timer.Stop()
	return l
}

// Write implements io.Writer; p must be whole lines. An error may be that of
// an earlier line.
func (l *Lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.buf)+len(p) > linesBytes {
		l.flushLocked()
	}
	l.buf = append(l.buf, p...)
	if !l.armed {
		// The clock is read for the first line of a batch only.
		if wait := linesApart - time.Since(l.last); wait > 0 && !l.closed {
			l.armed = true
			l.timer.Reset(wait)
		} else {
			l.flushLocked()
		}
	}
	err := l.err
	l.err = nil
	return len(p), err
}

func (l *Lines) due() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.armed = false
	l.flushLocked()
}

func (l *Lines) flushLocked() {
	if len(l.buf) == 0 {
		return
	}
	if _, err := l.w.Write(l.buf); err != nil {
		l.err = err
	}
	l.buf = l.buf[:0]
	l.last = time.Now()
}

// Close writes what has been gathered. Lines that still come are written at
// once.
func (l *Lines) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.timer.Stop()
	l.armed = false
	l.flushLocked()
	err := l.err
	l.err = nil
	return err
}
