package pool

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"sync"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/jsonscan"
	"github.com/omni-run/omni/internal/pool/upstream"
)

// buffer reads an answer whole if it is small enough and not a stream. When it
// is not whole, content is what was read of it. held is content's memory, if
// that is to be freed.
func (p *Pool) buffer(answer *upstream.Response) (content []byte, held *answerBuffer, whole bool, err error) {
	limit := p.opts.BufferBytes
	switch {
	case answer.Length == 0:
		return nil, nil, true, nil
	case limit <= 0 || answer.Length > limit:
		return nil, nil, false, nil
	case answer.Length > 0:
		held = newAnswerBuffer(int(answer.Length))
		_, err = io.ReadFull(answer.Body, held.bytes)
		return held.bytes, held, true, err
	case !isJSON(contentType(answer.Header)):
		return nil, nil, false, nil // of unknown length: perhaps a stream of events
	}
	content, err = io.ReadAll(io.LimitReader(answer.Body, limit+1))
	return content, nil, err == nil && int64(len(content)) <= limit, err
}

// answerBuffer is memory for an answer.
type answerBuffer struct{ bytes []byte }

// largestKept bounds the memory that is kept for later answers.
const largestKept = 64 << 10

var answerBuffers = sync.Pool{New: func() any { return new(answerBuffer) }}

func newAnswerBuffer(n int) *answerBuffer {
	b := answerBuffers.Get().(*answerBuffer)
	if cap(b.bytes) < n {
		b.bytes = make([]byte, n, max(n, 2<<10))
	}
	b.bytes = b.bytes[:n]
	return b
}

// free gives the memory back. Nobody may look at it any more.
func (b *answerBuffer) free() {
	if b != nil && cap(b.bytes) <= largestKept {
		answerBuffers.Put(b)
	}
}

// contentType is the first Content-Type, whose name the client has brought into
// canonical form.
func contentType(header http.Header) string {
	if v := header["Content-Type"]; len(v) > 0 {
		return v[0]
	}
	return ""
}

func isJSON(value string) bool {
	if value == "application/json" {
		return true
	}
	kind, _, err := mime.ParseMediaType(value)
	return err == nil && kind == "application/json"
}

// judge looks at an answer before anybody else does. A worker that says it is
// still loading, draining or full has not run the call. One that answers
// something other than the contract's JSON, or fails without its envelope, may
// say anything, even a stack trace: none of it goes on, nor into a log, since
// it may repeat the call's body.
func (p *Pool) judge(slot *lease, req *Request, answer *upstream.Response, content []byte, whole bool) *attemptFailure {
	status := answer.Status
	if status < http.StatusInternalServerError {
		if !garbled(answer, content, whole) {
			return nil
		}
		return p.nonsense(slot, req, classGarbage, fmt.Errorf("status %d with %d bytes of %.60q that are not JSON", status, len(content), answer.Header.Get("Content-Type")))
	}
	var envelope api.ErrorBody
	if !whole || json.Unmarshal(content, &envelope) != nil || envelope.Error == "" {
		return p.nonsense(slot, req, classStatus, fmt.Errorf("status %d without an error envelope: %d bytes of %.60q", status, len(content), answer.Header.Get("Content-Type")))
	}
	if status != http.StatusServiceUnavailable {
		return nil
	}
	switch envelope.Error {
	case "still_loading", api.WorkerDraining:
		return p.refusedBy(slot, req, classRefused, envelope.Error)
	case "worker_busy":
		return p.refusedBy(slot, req, classBusy, envelope.Error)
	}
	return nil
}

// garbled reports whether an answer is not what its head says, or is the page
// of something that stands between. Answers too long to be read here, and
// kinds other than JSON, are their readers' to judge.
func garbled(answer *upstream.Response, content []byte, whole bool) bool {
	kind := contentType(answer.Header)
	switch {
	case strings.HasPrefix(kind, "text/html"):
		return true
	case !whole || answer.Status == http.StatusNoContent || answer.Status == http.StatusNotModified:
		return false
	case isJSON(kind) || (kind == "" && len(content) > 0):
		// What nests deeper than encoding/json goes is nobody's answer. json.Valid
		// has the last word: text that is no UTF-8 is the worker's to answer for.
		return !jsonscan.Sound(content, 10_000) && !json.Valid(content)
	default:
		return false
	}
}

// nonsense is the failure of a worker that answered, but not in the contract's
// words.
func (p *Pool) nonsense(slot *lease, req *Request, class string, cause error) *attemptFailure {
	slot.release(class)
	return &attemptFailure{err: errWorkerFailed().Because(cause), class: class, again: req.Idempotent, ran: true}
}

// refusedBy takes in that a worker would not begin the call.
func (p *Pool) refusedBy(slot *lease, req *Request, class, code string) *attemptFailure {
	p.mu.Lock()
	p.suspectLocked(slot.worker, req.Service, class)
	estimate := p.estimateLocked(req.Service)
	p.mu.Unlock()
	slot.release(class)
	return &attemptFailure{
		err:   errRefused(req.Service, estimate).Because(errors.New("worker refused: " + code)),
		class: class, again: true,
	}
}

// streamed is an answer that is handed on as it comes. Its slot is given back
// at its end.
type streamed struct {
	prefix []byte
	body   io.ReadCloser
	slot   *lease // nil once given back
}

// Read implements io.Reader. An error other than io.EOF is an *api.Error or
// the context's own.
func (s *streamed) Read(b []byte) (int, error) {
	if len(s.prefix) > 0 {
		n := copy(b, s.prefix)
		s.prefix = s.prefix[n:]
		return n, nil
	}
	n, err := s.body.Read(b)
	if err == nil {
		return n, nil
	}
	if errors.Is(err, io.EOF) {
		s.end("")
		return n, io.EOF
	}
	class := classify(err)
	switch {
	case errors.Is(err, context.Canceled):
		s.end(classNone)
		return n, err
	case class == classTimeout:
		err = errDeadline("while the worker ran it").Because(err)
	default:
		err = errWorkerFailed().Because(err)
	}
	s.end(class)
	return n, err
}

// Close implements io.Closer.
func (s *streamed) Close() error {
	err := s.body.Close()
	s.end(classNone)
	return err
}

func (s *streamed) end(class string) {
	if slot := s.slot; slot != nil {
		s.slot = nil
		slot.release(class)
	}
}
