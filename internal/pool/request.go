package pool

import (
	"io"
	"net/http"
	"time"

	"github.com/omni-run/omni/internal/pool/upstream"
)

// Request is one call to be run by some worker.
type Request struct {
	// Service decides which workers may take it; see Lane.
	Service string
	Method  string
	// Path is the worker's path, escaped as on the wire: "/internal/…".
	Path     string
	RawQuery string
	// Header is the caller's, as the edge completed it. Credentials and
	// hop-by-hop fields in it are not forwarded. It is not changed.
	Header http.Header
	// Fields go to the worker as they are. They are the edge's own, never a
	// caller's, and share no name with Header.
	Fields []upstream.Field
	Body   []byte
	// Tenant shares the queue with others in proportion to Weight (default 1).
	// It is sent to the worker as X-Tenant-ID.
	Tenant string
	Weight float64
	// Idempotent allows the call to be sent again after it may have run.
	Idempotent bool
	// Hedge, unless zero, is when an idempotent call that has no answer yet is
	// sent to a second worker as well.
	Hedge time.Duration
	// HedgePercentile, unless zero, sends it when so many of a hundred recent
	// calls of the service would have been answered, Hedge at the earliest.
	HedgePercentile float64
	// Fallback, unless empty, is the Lane that takes the call when no worker for
	// Service can take it at once: it does not wait for a canary.
	Fallback string
	// Mirror, unless empty, is the Lane that gets a copy of the call, whose
	// answer is dropped.
	Mirror string
	// Timeout limits the workers' time, all attempts and the reading of the
	// answer together; zero takes the pool's.
	Timeout time.Duration
	// MaxWait limits the time in the queue; zero takes the pool's, negative
	// means not to wait.
	MaxWait time.Duration
}

// Response is a worker's answer.
type Response struct {
	Status int
	// Header lacks hop-by-hop fields and the worker's Server.
	Header http.Header
	// Body must be closed: for a long answer the worker's slot is held until
	// then.
	Body io.ReadCloser
	// Queue is the time waited for a worker, Worker the time the last one
	// took to answer.
	Queue, Worker time.Duration
	// Cold is true when the call waited for a worker to become ready.
	Cold       bool
	WorkerName string
	Attempts   int
}
