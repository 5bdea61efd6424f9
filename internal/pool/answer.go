package pool

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/pool/upstream"
)

// buffer reads an answer whole if it is small enough and not a stream. When it
// is not whole, content is what was read of it.
func (p *Pool) buffer(answer *upstream.Response) (content []byte, whole bool, err error) {
	limit := p.opts.BufferBytes
	switch {
	case answer.Length == 0:
		return nil, true, nil
	case limit <= 0 || answer.Length > limit:
		return nil, false, nil
	case answer.Length > 0:
		content = make([]byte, answer.Length)
		_, err = io.ReadFull(answer.Body, content)
		return content, true, err
	case !isJSON(answer.Header):
		return nil, false, nil // of unknown length: perhaps a stream of events
	}
	content, err = io.ReadAll(io.LimitReader(answer.Body, limit+1))
	return content, err == nil && int64(len(content)) <= limit, err
}

func isJSON(header http.Header) bool {
	kind, _, err := mime.ParseMediaType(header.Get("Content-Type"))
	return err == nil && kind == "application/json"
}

// judge looks at a 5xx answer. A worker that says it is still loading, draining
// or full has not run the call. One that fails without the contract's
// envelope may say anything, even a stack trace: none of it goes on.
func (p *Pool) judge(slot *lease, req *Request, status int, content []byte, whole bool) *attemptFailure {
	if status < http.StatusInternalServerError {
		return nil
	}
	var envelope api.ErrorBody
	if !whole || json.Unmarshal(content, &envelope) != nil || envelope.Error == "" {
		slot.release(classStatus)
		cause := fmt.Errorf("status %d without an error envelope: %.200q", status, content)
		return &attemptFailure{
			err: errWorkerFailed().Because(cause), class: classStatus, again: req.Idempotent, ran: true,
		}
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
