package http1

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"sync"

	"github.com/omni-run/omni/internal/httpfield"
)

const (
	// outBytes is the size of the buffer an answer is built in. Small answers
	// leave it in one write, head and body together.
	outBytes = 4 << 10
	// mostBuffered is how much of an answer waits for its end or a Flush.
	mostBuffered = 32 << 10
)

// errBroken says that the connection has failed before.
var errBroken = errors.New("http1: the connection is broken")

var outPool = sync.Pool{New: func() any { b := make([]byte, 0, outBytes); return &b }}

// response writes the answer to one request. It belongs to its connection and
// is used for one request after the other.
type response struct {
	c      *conn
	call   *call
	req    *head
	header http.Header

	pooled *[]byte
	out    []byte // what has not gone out yet
	// later is the beginning of a body whose length is not known yet: until the
	// head is complete.
	later []byte

	status   int
	complete bool  // the head's last line is in out, or went out
	typed    bool  // the head has a Content-Type
	dated    bool  // and a Date
	declared int64 // Content-Length, or -1
	written  int64 // of the body
	chunked  bool
	closes   bool // the connection ends with this answer
	cut      bool // the body is not what was declared: the connection breaks off
}

var (
	_ http.ResponseWriter = (*response)(nil)
	_ http.Flusher        = (*response)(nil)
)

func (w *response) begin(call *call, h *head) {
	clear(w.header)
	if w.pooled == nil {
		w.pooled = outPool.Get().(*[]byte)
	}
	*w = response{c: w.c, call: call, req: h, header: w.header, pooled: w.pooled, out: (*w.pooled)[:0], later: w.later[:0], declared: -1, closes: !h.keep}
}

func (w *response) dropBuffer() {
	if w.pooled == nil {
		return
	}
	if cap(w.out) <= mostBuffered {
		*w.pooled = w.out[:0]
	}
	outPool.Put(w.pooled)
	w.pooled, w.out, w.later = nil, nil, nil
}

// LimitsBody says, to whoever asks for it by interface, that this server gives
// a request's body its time by itself.
func (w *response) LimitsBody() {}

// Peer is the request's RemoteAddr, read once for all of a connection's
// requests; not valid where that is no IP address.
func (w *response) Peer() netip.AddrPort { return w.c.peer }

// Header implements http.ResponseWriter.
func (w *response) Header() http.Header { return w.header }

// bodyless reports whether the answer can have no body at all.
func (w *response) bodyless() bool {
	return w.status == http.StatusNoContent || w.status == http.StatusNotModified
}

// WriteHeader implements http.ResponseWriter. Informational answers are not
// sent.
func (w *response) WriteHeader(status int) {
	if w.status != 0 || (status >= 100 && status < 200) {
		return
	}
	if status < 100 || status > 999 {
		panic(fmt.Sprintf("http1: invalid status %d", status))
	}
	w.status = status
	w.out = append(w.out, "HTTP/1.1 "...)
	w.out = strconv.AppendInt(w.out, int64(status), 10)
	w.out = append(w.out, ' ')
	w.out = append(w.out, http.StatusText(status)...)
	w.out = append(w.out, "\r\n"...)
	w.fields()
	if !w.dated {
		w.out = w.c.s.appendDate(w.out)
	}
	if w.bodyless() || (w.declared >= 0 && (w.typed || w.declared == 0)) {
		w.finishHead(nil)
	}
}

// fields writes the header, but for what says how the answer ends.
func (w *response) fields() {
	for name, values := range w.header {
		switch name {
		case "Content-Length":
			if n, err := strconv.ParseInt(first(values), 10, 64); err == nil && n >= 0 && !w.bodyless() {
				w.declared = n
			}
			continue
		case "Connection":
			w.closes = w.closes || hasToken(values, "close")
			continue
		case "Transfer-Encoding", "Trailer", "Keep-Alive", "Upgrade":
			continue // this server's to say
		case "Content-Type":
			w.typed = len(values) > 0
		case "Date":
			w.dated = len(values) > 0
		}
		if !httpfield.ValidToken(name) {
			continue
		}
		for _, v := range values {
			w.out = append(w.out, name...)
			w.out = append(w.out, ": "...)
			w.out = appendValue(w.out, v)
			w.out = append(w.out, "\r\n"...)
		}
	}
}

func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

// appendValue writes a field's value; a control character becomes a blank.
func appendValue(out []byte, v string) []byte {
	start := len(out)
	out = append(out, v...)
	if !httpfield.ValidValue(v) {
		for i := start; i < len(out); i++ {
			if out[i] < ' ' && out[i] != '\t' || out[i] == 0x7f {
				out[i] = ' '
			}
		}
	}
	return out
}

// finishHead writes the head's last lines. body is the body's beginning, for
// what net/http would guess from it.
func (w *response) finishHead(body []byte) {
	w.complete = true
	if !w.typed && len(body) > 0 {
		w.out = append(w.out, "Content-Type: "...)
		w.out = append(w.out, http.DetectContentType(body)...)
		w.out = append(w.out, "\r\n"...)
	}
	switch {
	case w.bodyless():
	case w.declared >= 0:
		w.out = append(w.out, "Content-Length: "...)
		w.out = strconv.AppendInt(w.out, w.declared, 10)
		w.out = append(w.out, "\r\n"...)
	case w.req.method == http.MethodHead: // a length is not known without the body
	case w.req.minor == 1:
		w.chunked = true
		w.out = append(w.out, "Transfer-Encoding: chunked\r\n"...)
	default:
		w.closes = true // the body ends where the connection does
	}
	w.closes = w.closes || w.c.s.closing.Load() || w.call.body.hopeless()
	switch {
	case w.closes:
		w.out = append(w.out, "Connection: close\r\n"...)
	case w.req.minor == 0:
		w.out = append(w.out, "Connection: keep-alive\r\n"...)
	}
	w.out = append(w.out, "\r\n"...)
}

// Write implements http.ResponseWriter.
func (w *response) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	switch {
	case w.c.broken:
		return 0, errBroken
	case len(p) == 0:
		return 0, nil
	case w.bodyless():
		return 0, http.ErrBodyNotAllowed
	case w.declared >= 0 && w.written+int64(len(p)) > w.declared:
		return 0, http.ErrContentLength
	}
	w.written += int64(len(p))
	if w.req.method == http.MethodHead {
		return len(p), nil
	}
	if !w.complete {
		if w.declared < 0 && len(w.later)+len(p) <= mostBuffered {
			w.later = append(w.later, p...)
			return len(p), nil
		}
		w.finishEarly(p)
	}
	if err := w.body(p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// finishEarly completes the head although the body's end is not in sight. next
// is what comes behind what there is of it.
func (w *response) finishEarly(next []byte) {
	begins := w.later
	if len(begins) == 0 {
		begins = next
	}
	w.finishHead(begins)
	if len(w.later) > 0 {
		w.append(w.later)
		w.later = w.later[:0]
	}
}

// append puts a piece of the body behind what waits to go out.
func (w *response) append(p []byte) {
	if w.chunked {
		w.out = strconv.AppendInt(w.out, int64(len(p)), 16)
		w.out = append(w.out, "\r\n"...)
	}
	w.out = append(w.out, p...)
	if w.chunked {
		w.out = append(w.out, "\r\n"...)
	}
}

// body writes a piece of the body behind the complete head.
func (w *response) body(p []byte) error {
	if len(w.out)+len(p) <= mostBuffered {
		w.append(p)
		return nil
	}
	if w.chunked {
		w.append(p)
		return w.send()
	}
	if err := w.send(); err != nil {
		return err
	}
	return w.write(p)
}

// write sends p. When the caller takes nothing any more, the request's context
// ends.
func (w *response) write(p []byte) error {
	err := w.c.write(p)
	if err != nil {
		w.call.ctx.cancel()
	}
	return err
}

// send writes what waits.
func (w *response) send() error {
	if w.c.broken {
		return errBroken
	}
	if len(w.out) == 0 {
		return nil
	}
	err := w.write(w.out)
	w.out = w.out[:0]
	return err
}

// FlushError sends what has been written so far.
func (w *response) FlushError() error {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if !w.complete {
		w.finishEarly(nil)
	}
	return w.send()
}

// Flush implements http.Flusher.
func (w *response) Flush() { _ = w.FlushError() } // the next Write tells

// finish completes the answer once the handler has returned.
func (w *response) finish() {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if !w.complete {
		if w.declared < 0 && w.req.method != http.MethodHead {
			w.declared = int64(len(w.later))
		}
		w.finishEarly(nil)
	}
	if w.chunked {
		w.out = append(w.out, "0\r\n\r\n"...)
	}
	w.cut = w.declared >= 0 && w.written != w.declared && w.req.method != http.MethodHead && !w.bodyless()
	_ = w.send() // whether it went well, the connection knows
}
