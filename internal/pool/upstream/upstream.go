// Package upstream is the HTTP client by which the gateway speaks to its
// workers. For plain http:// it is a small synchronous HTTP/1.1 client: a call
// is one write and the reads of its answer on a pooled connection, in the
// caller's goroutine, where http.Transport hands every call over to two
// others. For anything else it falls back to http.Transport.
//
// It parses strictly: an answer that could be read in two ways is refused. It
// never sends a request twice unless the first copy provably did not run or
// the caller declared the request idempotent.
package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// Client sends requests to one worker. Safe for concurrent use.
type Client interface {
	// Do sends the request and returns once the head of the answer is read.
	// An error is an *Error. The answer's body must be closed.
	Do(ctx context.Context, req *Request) (*Response, error)
	// Tidy closes connections that were idle for too long.
	Tidy()
	// Close closes the idle connections; those in use are closed when their
	// answer is done.
	Close()
}

// Request is one request to a worker.
type Request struct {
	Method string
	// Path is the escaped path, as it goes over the wire.
	Path     string
	RawQuery string
	// Header is sent as it is; Host, Content-Length, Connection and
	// Transfer-Encoding are the client's own and ignored here.
	Header http.Header
	// Fields go out too. They and Header share no name.
	Fields []Field
	// Extra fields go out as well, and outweigh those of the same name in Header.
	// Names must be in canonical form.
	Extra []Field
	Body  []byte
	// Idempotent allows a second attempt when a kept-alive connection turns
	// out to be dead before a byte of the answer came.
	Idempotent bool
	// Deadline, unless zero, ends the call, its body included.
	Deadline time.Time
}

// Field is a header field with one value.
type Field struct{ Name, Value string }

// Response is a worker's answer.
type Response struct {
	Status int
	// Header lacks the hop-by-hop fields.
	Header http.Header
	// Length of the body, or -1 when it is not known beforehand.
	Length int64
	// Body reads the answer. It is for one goroutine at a time.
	Body io.ReadCloser
}

// Options of a client. A zero field takes its default.
type Options struct {
	// Dial opens connections; default net.Dialer, which resolves the name
	// anew for each.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// DialTimeout limits one dial; default 5 s.
	DialTimeout time.Duration
	// HeaderTimeout limits the wait for the head of an answer; default none
	// beyond the request's deadline.
	HeaderTimeout time.Duration
	// BodyTimeout limits each wait for more of a body; default none beyond
	// the request's deadline.
	BodyTimeout time.Duration
	// MaxIdle connections are kept; default 64.
	MaxIdle int
	// IdleTimeout is how long an idle connection is kept; default 25 s, less
	// than most servers keep theirs.
	IdleTimeout time.Duration
	// MaxAge is how long a connection is used at all, so that a changed DNS
	// answer is taken up in time; default 5 min.
	MaxAge time.Duration
	// MaxHeaderBytes limits the head of an answer; default 64 KiB.
	MaxHeaderBytes int
	// TLS is used for https:// workers: private roots, a client certificate.
	TLS *tls.Config
}

func (o Options) withDefaults() Options {
	if o.Dial == nil {
		o.Dial = (&net.Dialer{}).DialContext
	}
	setDefault(&o.DialTimeout, 5*time.Second)
	setDefault(&o.MaxIdle, 64)
	setDefault(&o.IdleTimeout, 25*time.Second)
	setDefault(&o.MaxAge, 5*time.Minute)
	setDefault(&o.MaxHeaderBytes, 64<<10)
	return o
}

func setDefault[T int | time.Duration](field *T, value T) {
	if *field <= 0 {
		*field = value
	}
}

// New makes the client for the worker at base, such as http://10.0.0.7:8080.
func New(base *url.URL, options Options) (Client, error) {
	if base.Host == "" || base.User != nil || base.RawQuery != "" || base.Fragment != "" ||
		(base.Path != "" && base.Path != "/") {
		return nil, fmt.Errorf("worker address %q: want scheme://host:port and nothing more", base.Redacted())
	}
	options = options.withDefaults()
	switch base.Scheme {
	case "http":
		return newPlain(base, options), nil
	case "https":
		return newTransport(base, options), nil
	}
	return nil, fmt.Errorf("worker address %q: scheme must be http or https", base.Redacted())
}

// Stages of a call, as named in Error.
const (
	StageRequest = "request" // the request cannot be sent as it is
	StageDial    = "dial"
	StageWrite   = "write"
	StageHead    = "head" // waiting for or reading the head of the answer
	StageBody    = "body"
)

// ErrMalformed is wrapped by every error about an answer that breaks HTTP.
var ErrMalformed = errors.New("malformed answer")

// Error says at which stage a call failed.
type Error struct {
	Stage string
	// Sent reports whether any byte of the request may have reached the
	// worker. While it is false, the request cannot have run.
	Sent bool
	Err  error
}

// Error implements error.
func (e *Error) Error() string { return "upstream " + e.Stage + ": " + e.Err.Error() }

// Unwrap returns the underlying error.
func (e *Error) Unwrap() error { return e.Err }

// Timeout reports whether a time limit was the cause.
func (e *Error) Timeout() bool {
	var t interface{ Timeout() bool }
	return errors.As(e.Err, &t) && t.Timeout()
}
