package upstream

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/omni-run/omni/internal/httpfield"
)

// crowd is how many calls without an answer make one let others go first before
// it is sent: the requests that those compute meanwhile then leave one right
// behind the other, and the worker is awake for them. See package http1, which
// does the same with answers.
const crowd = 4

// maxInformational limits the 1xx answers before the real one.
const maxInformational = 8

// plain speaks HTTP/1.1 over TCP.
type plain struct {
	host    string // as in the Host field
	address string // to dial
	options Options
	idle    idleSet
	calls   atomic.Int32 // that have no answer yet
}

var _ Client = (*plain)(nil)

func newPlain(base *url.URL, options Options) *plain {
	address := base.Host
	if base.Port() == "" {
		address = net.JoinHostPort(base.Hostname(), "80")
	}
	return &plain{host: base.Host, address: address, options: options}
}

func (p *plain) Tidy()  { p.idle.tidy(time.Now(), &p.options) }
func (p *plain) Close() { p.idle.close() }

// Do implements Client. A dead kept-alive connection is replaced by a fresh
// one, once, if nothing of the request went out or, for an idempotent request,
// nothing of the answer came in.
func (p *plain) Do(ctx context.Context, req *Request) (*Response, error) {
	if err := req.check(); err != nil {
		return nil, &Error{Stage: StageRequest, Err: err}
	}
	deadline := req.Deadline
	if d, ok := ctx.Deadline(); ok && (deadline.IsZero() || d.Before(deadline)) {
		deadline = d
	}
	if err := ctx.Err(); err != nil {
		return nil, &Error{Stage: StageDial, Err: err}
	}
	p.calls.Add(1)
	defer p.calls.Add(-1)
	for c := p.idle.take(time.Now(), &p.options); c != nil; c = p.idle.take(time.Now(), &p.options) {
		resp, err := p.exchange(ctx, c, req, deadline)
		if err == nil {
			return resp, nil
		}
		if errors.Is(err, errStale) {
			continue // nothing was tried on it
		}
		safe := !err.Sent || req.Idempotent && err.Stage != StageBody && connectionLost(err)
		if !safe || ctx.Err() != nil {
			return nil, err
		}
		break
	}
	c, err := dial(ctx, p.address, &p.options, deadline)
	if err != nil {
		return nil, &Error{Stage: StageDial, Err: cause(ctx, err)}
	}
	resp, failure := p.exchange(ctx, c, req, deadline)
	if failure != nil {
		return nil, failure
	}
	return resp, nil
}

// exchange sends req on c and reads the head of the answer. On failure c is
// closed.
func (p *plain) exchange(ctx context.Context, c *conn, req *Request, deadline time.Time) (*Response, *Error) {
	c.begin(deadline)
	c.abortAfter(ctx)
	head := appendHead(c.head[:0], p.host, req)
	if p.calls.Load() >= crowd {
		runtime.Gosched()
	}
	writeErr := c.send(head, req.Body, p.options.HeaderTimeout <= 0)
	if writeErr != nil && (c.written == 0 || errors.Is(writeErr, os.ErrDeadlineExceeded)) {
		return nil, c.fail(ctx, StageWrite, writeErr)
	}
	// After a broken write the worker's reason may still be there to read, as
	// when it refused a large body.
	if p.options.HeaderTimeout > 0 {
		c.limit(p.options.HeaderTimeout)
	}
	h, kind, length, keep, err := c.readAnswer(req.Method, p.options.MaxHeaderBytes)
	if err != nil {
		if writeErr != nil {
			return nil, c.fail(ctx, StageWrite, writeErr)
		}
		return nil, c.fail(ctx, StageHead, err)
	}
	if p.options.HeaderTimeout > 0 {
		c.limit(0)
	}
	c.perRead = p.options.BodyTimeout
	c.keepFor = p.options.IdleTimeout
	if t := keepAliveTimeout(h.header); t > 0 {
		c.keepFor = min(c.keepFor, t-t/5)
	}
	if h.hops {
		stripHops(h.header)
	}
	a := &answer{body: body{client: p, conn: c, ctx: ctx, keep: keep && writeErr == nil, kind: kind, left: length}}
	b := &a.body
	if kind == bodyChunked {
		b.chunks = chunked{br: c.br}
	}
	if kind == bodyNone || kind == bodyLength && length == 0 {
		b.finish(true)
		b.err = io.EOF
	}
	a.Response = Response{Status: h.status, Header: h.header, Length: length, Body: b}
	return &a.Response, nil
}

// answer keeps a response and its body in one piece of memory.
type answer struct {
	Response
	body body
}

// fail closes c and says at which stage and why.
func (c *conn) fail(ctx context.Context, stage string, err error) *Error {
	c.stopWatch()
	_ = c.Close()
	return &Error{Stage: stage, Sent: c.written > 0, Err: cause(ctx, err)}
}

// watched is what the gateway's own contexts are besides: they call a function
// when they end with less ado than package context.
type watched interface {
	Watch(f *func())
	Forget(f *func()) bool
}

// abortAfter has c aborted when ctx ends, until stopWatch is called.
func (c *conn) abortAfter(ctx context.Context) {
	if own, ok := ctx.(watched); ok {
		own.Watch(&c.aborting)
		c.watch = own
	} else if ctx.Done() != nil {
		c.stop = context.AfterFunc(ctx, c.aborting)
	}
}

// stopWatch reports whether it kept c from being aborted.
func (c *conn) stopWatch() (quiet bool) {
	quiet = true
	switch {
	case c.watch != nil:
		quiet = c.watch.Forget(&c.aborting)
	case c.stop != nil:
		quiet = c.stop()
	}
	c.watch, c.stop = nil, nil
	return quiet
}

// readAnswer reads heads until one is final.
func (c *conn) readAnswer(method string, limit int) (h head, kind int, length int64, keep bool, err error) {
	for range maxInformational {
		if c.head, err = readHead(c.br, c.head[:0], limit); err != nil {
			if len(c.head) > 0 {
				err = unexpected(err)
			}
			return h, 0, 0, false, err
		}
		if h, err = parseHead(string(c.head)); err != nil {
			return h, 0, 0, false, err
		}
		if h.status == http.StatusSwitchingProtocols {
			return h, 0, 0, false, malformed("protocol switch nobody asked for")
		}
		if h.status >= 200 {
			kind, length, keep, err = h.framing(method)
			return h, kind, length, keep, err
		}
	}
	return h, 0, 0, false, malformed("more than %d informational answers", maxInformational)
}

// readBody reads from the right source for the kind of body.
func readBody(br *bufio.Reader, kind int, chunks *chunked, left *int64, p []byte) (int, error) {
	switch kind {
	case bodyChunked:
		return chunks.Read(p)
	case bodyLength:
		if *left == 0 {
			return 0, io.EOF
		}
		if int64(len(p)) > *left {
			p = p[:*left]
		}
		n, err := br.Read(p)
		*left -= int64(n)
		if err != nil {
			return n, unexpected(err)
		}
		if *left == 0 {
			return n, io.EOF
		}
		return n, nil
	case bodyUntilClose:
		return br.Read(p)
	}
	return 0, io.EOF
}

// cause prefers the context's reason: when the caller has gone, the connection
// error is only how it showed.
func cause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// connectionLost reports whether err is how a connection that the other side
// closed looks before any byte of an answer.
func connectionLost(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// check refuses what would break the framing of the request.
func (r *Request) check() error {
	if !httpfield.ValidToken(r.Method) {
		return errors.New("method is not a token")
	}
	if r.Path == "" || r.Path[0] != '/' || !visible(r.Path) || !visible(r.RawQuery) {
		return errors.New("path or query holds a byte that must be escaped")
	}
	for _, list := range [...][]Field{r.Fields, r.Extra} {
		for i := range list {
			if f := &list[i]; !httpfield.ValidToken(f.Name) || !httpfield.ValidValue(f.Value) {
				return errors.New("a header field is malformed")
			}
		}
	}
	for name, values := range r.Header {
		if !httpfield.ValidToken(name) {
			return errors.New("header field name is not a token")
		}
		for _, v := range values {
			if !httpfield.ValidValue(v) {
				return errors.New("header field " + name + " holds a control character")
			}
		}
	}
	return nil
}

// visible reports whether s is free of blanks, controls and '#'. Bytes above
// ASCII pass: some clients send raw UTF-8 and Go's server accepts it.
func visible(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c == 0x7f || c == '#' {
			return false
		}
	}
	return true
}

// appendHead renders the head of the request.
func appendHead(b []byte, host string, r *Request) []byte {
	b = append(b, r.Method...)
	b = append(b, ' ')
	b = append(b, r.Path...)
	if r.RawQuery != "" {
		b = append(b, '?')
		b = append(b, r.RawQuery...)
	}
	b = append(b, " HTTP/1.1\r\nHost: "...)
	b = append(b, host...)
	b = append(b, "\r\n"...)
	for _, list := range [...][]Field{r.Fields, r.Extra} {
		for i := range list {
			b = append(b, list[i].Name...)
			b = append(b, ": "...)
			b = append(b, list[i].Value...)
			b = append(b, "\r\n"...)
		}
	}
	for name, values := range r.Header {
		if ownField(name) || (len(r.Extra) > 0 && r.extra(name)) {
			continue
		}
		for _, v := range values {
			b = append(b, name...)
			b = append(b, ": "...)
			b = append(b, v...)
			b = append(b, "\r\n"...)
		}
	}
	if len(r.Body) > 0 || r.Method != http.MethodGet && r.Method != http.MethodHead {
		b = append(b, "Content-Length: "...)
		b = strconv.AppendInt(b, int64(len(r.Body)), 10)
		b = append(b, "\r\n"...)
	}
	return append(b, "\r\n"...)
}

// extra reports whether Extra holds a field of that name.
func (r *Request) extra(name string) bool {
	for i := range r.Extra {
		if r.Extra[i].Name == name {
			return true
		}
	}
	return false
}

// ownField reports whether the client writes this field itself, or never.
func ownField(name string) bool {
	switch name {
	case "Content-Type", "X-Tenant-Id", "X-Tenant-Tier", "X-Request-Id", "Traceparent", "Accept":
		return false // nearly all there are
	}
	switch key := http.CanonicalHeaderKey(name); key {
	case "Host", "Content-Length", "Expect":
		return true
	default:
		return HopByHop(key)
	}
}

// release keeps c for the next call.
func (p *plain) release(c *conn) {
	c.idleAt, c.reused = time.Now(), true
	p.idle.put(c, p.options.MaxIdle)
}
