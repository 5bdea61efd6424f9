package jobs

import (
	"context"
	"errors"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
)

// store is a database that holds jobs and, beside them, River's queue. Its
// statements are written once, for SQLite; PostgreSQL reads them with numbered
// parameters.
type store interface {
	querier
	// tx runs f in one write transaction, committed when f returns nil.
	tx(ctx context.Context, f func(tx transaction) error) error
	queue
	// words are the few expressions in which the two differ.
	words() dialect
	// shared says that other gateways use the database too.
	shared() bool
	// listen calls f with what other gateways say of jobs, until ctx ends;
	// with "" when it may have missed something.
	listen(ctx context.Context, f func(id string)) error
	full(err error) bool
	busy(err error) bool
	close() error
}

type querier interface {
	exec(ctx context.Context, query string, args ...any) (rows int64, err error)
	queryRow(ctx context.Context, query string, args ...any) row
	query(ctx context.Context, query string, args ...any) (rows, error)
}

type transaction interface {
	querier
	// river is the transaction as River's client wants it.
	river() any
}

type row interface{ Scan(dest ...any) error }

type rows interface {
	row
	Next() bool
	Err() error
	close()
}

// errNoRows is what every store answers to a queryRow that finds nothing.
var errNoRows = errors.New("jobs: no such row")

// dialect are expressions in SQL.
type dialect struct {
	// now is the time in milliseconds by the database's own clock.
	now string
	// queued tells whether the river_job r will still be run by somebody.
	queued string
	// soon lets River's jobs run that stand there for a later time.
	soon string
	// lockTenant, if not empty, keeps other gateways from accepting a job of
	// the tenant until the transaction ends.
	lockTenant string
	// notify, if not empty, tells other gateways of a job, once it commits.
	notify string
	// skipLocked ends a SELECT of rows that one gateway shall take.
	skipLocked string
}

// queue is River's client, of whichever type.
type queue interface {
	start(ctx context.Context) error
	stop(ctx context.Context) error
	stopAndCancel(ctx context.Context) error
	insert(ctx context.Context, tx transaction, args river.JobArgs, o *river.InsertOpts) (id int64, err error)
}

// client is a River client over transactions of type T.
type client[T any] struct{ *river.Client[T] }

func (c client[T]) start(ctx context.Context) error         { return c.Start(ctx) }
func (c client[T]) stop(ctx context.Context) error          { return c.Stop(ctx) }
func (c client[T]) stopAndCancel(ctx context.Context) error { return c.StopAndCancel(ctx) }

func (c client[T]) insert(ctx context.Context, tx transaction, args river.JobArgs, o *river.InsertOpts) (int64, error) {
	var inserted *rivertype.JobInsertResult
	inserted, err := c.InsertTx(ctx, tx.river().(T), args, o) //nolint:forcetypeassert // each store makes its own transactions
	if err != nil {
		return 0, err
	}
	return inserted.Job.ID, nil
}
