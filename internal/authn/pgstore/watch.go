package pgstore

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/omni-run/omni/internal/postgres"
)

const (
	// quietFor is how long the connection may be silent before it is asked
	// whether it is still there, and answerWithin what it gets to answer.
	quietFor     = 10 * time.Second
	answerWithin = 5 * time.Second
	// restBetween keeps a long row of changes from being read one by one.
	restBetween = 100 * time.Millisecond
	// Pauses between attempts to listen again, doubled from one to the next.
	firstPause, lastPause = 100 * time.Millisecond, 5 * time.Second
)

// watch listens for announcements of changes.
type watch struct {
	db  *postgres.DB
	log *slog.Logger
	// changes holds a value after an announcement, and after announcements may
	// have been missed, which uncertain tells the store.
	changes   chan struct{}
	uncertain *atomic.Bool

	cancel context.CancelFunc
	done   chan struct{}
}

// startWatch listens in the background until stop.
func startWatch(ctx context.Context, db *postgres.DB, uncertain *atomic.Bool, log *slog.Logger) *watch {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	w := &watch{db: db, log: log, uncertain: uncertain, changes: make(chan struct{}, 1), cancel: cancel, done: make(chan struct{})}
	go w.run(ctx)
	return w
}

func (w *watch) stop() {
	w.cancel()
	<-w.done
}

func (w *watch) signal() {
	select {
	case w.changes <- struct{}{}:
	default: // one is waiting already
	}
}

// run listens, and listens again when the connection is lost.
func (w *watch) run(ctx context.Context) {
	defer close(w.done)
	pause, deaf := firstPause, false
	for ctx.Err() == nil {
		heard, err := w.listen(ctx)
		if ctx.Err() != nil {
			return
		}
		// The poll looks at once, and finds out whether the server is away.
		w.uncertain.Store(true)
		w.signal()
		if heard {
			pause, deaf = firstPause, false
		}
		if !deaf {
			deaf = true
			w.log.Warn("announcements of key changes are not heard; polling finds the changes meanwhile", slog.Any("error", err))
		}
		rest(ctx, pause/2+rand.N(pause)) // a thousand gateways do not come back at once
		pause = min(2*pause, lastPause)
	}
}

// listen returns when its connection is lost. heard says that it stood.
func (w *watch) listen(ctx context.Context) (heard bool, err error) {
	conn, err := w.db.Connect(ctx)
	if err != nil {
		return false, err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = conn.Close(ctx) // it is lost, or of no more use
	}()
	if err := within(ctx, answerWithin, func(ctx context.Context) error {
		_, err := conn.Exec(ctx, "LISTEN omni_keys")
		return err
	}); err != nil {
		return false, err
	}
	w.log.Info("listening for key changes")
	// Whatever was announced before this moment was not heard.
	w.uncertain.Store(true)
	w.signal()
	for {
		announced, err := await(ctx, conn)
		if err != nil {
			return true, err
		}
		if announced {
			w.signal()
			rest(ctx, restBetween)
		}
	}
}

// await waits for an announcement, or until a silent connection has proved
// that it is still there.
func await(ctx context.Context, conn *pgx.Conn) (announced bool, err error) {
	silent := within(ctx, quietFor, func(ctx context.Context) error {
		_, err := conn.WaitForNotification(ctx)
		return err
	})
	if silent == nil {
		return true, nil
	}
	if ctx.Err() != nil || conn.IsClosed() {
		return false, silent
	}
	return false, within(ctx, answerWithin, conn.Ping)
}

func within(ctx context.Context, limit time.Duration, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return f(ctx)
}

func rest(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
