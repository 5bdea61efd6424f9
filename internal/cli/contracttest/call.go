package contracttest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"time"

	"github.com/omni-run/omni/api"
)

// maxAnswer bounds what is read of an answer.
const maxAnswer = 64 << 20

// answer is what a worker said.
type answer struct {
	status int
	header http.Header
	body   []byte
	id     string // of the request
	reused bool   // the connection had served before
}

// send makes one call as the gateway would.
func (w *worker) send(ctx context.Context, method, path, body string, edit func(http.Header)) (*answer, error) {
	ctx, cancel := context.WithTimeout(ctx, w.Patience)
	defer cancel()
	a := &answer{id: newID()}
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) { a.reused = i.Reused }})
	var content io.Reader
	if body != "" {
		content = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimRight(w.base.String(), "/")+path, content)
	if err != nil {
		return nil, fmt.Errorf("making the request: %w", err)
	}
	h := req.Header
	if body != "" {
		h.Set("Content-Type", "application/json")
	}
	h.Set(api.HeaderTenantID, "contract-test")
	h.Set(api.HeaderTenantTier, "enterprise")
	h.Set(api.HeaderRequestID, a.id)
	h.Set(api.HeaderTraceparent, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	h.Set(api.HeaderDeadline, fmt.Sprint(w.Patience.Milliseconds()))
	if w.Token != "" {
		h.Set(api.HeaderWorkerToken, w.Token)
	}
	if edit != nil {
		edit(h)
	}
	res, err := w.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	defer func() { _ = res.Body.Close() }() // read to its end below
	a.status, a.header = res.StatusCode, res.Header
	if a.body, err = io.ReadAll(io.LimitReader(res.Body, maxAnswer)); err != nil {
		return nil, fmt.Errorf("%s %s: the answer ends early: %w", method, path, err)
	}
	return a, nil
}

func (w *worker) call(ctx context.Context) (*answer, error) {
	return w.send(ctx, w.Method, w.Path, w.Body, nil)
}

// object decodes the answer as one JSON object.
func (a *answer) object() (map[string]any, error) {
	if ct := a.header.Get("Content-Type"); !strings.HasPrefix(ct, "application/json") {
		return nil, fmt.Errorf("status %d bears Content-Type %q, not application/json", a.status, ct)
	}
	var o map[string]any
	dec := json.NewDecoder(bytes.NewReader(a.body))
	if err := dec.Decode(&o); err != nil || o == nil {
		return nil, fmt.Errorf("the body of status %d is no JSON object: %.80q", a.status, a.body)
	}
	if dec.More() {
		return nil, fmt.Errorf("the body of status %d holds more than one JSON value", a.status)
	}
	return o, nil
}

// envelope checks that the answer is an error of the contract's shape.
func (a *answer) envelope(statuses ...int) error {
	fits := false
	for _, s := range statuses {
		fits = fits || a.status == s
	}
	if !fits {
		return fmt.Errorf("the status is %d", a.status)
	}
	o, err := a.object()
	if err != nil {
		return err
	}
	code, _ := o["error"].(string)
	message, _ := o["message"].(string)
	switch {
	case o["status"] != "error":
		return fmt.Errorf(`the body of status %d has no "status":"error"`, a.status)
	case !snakeCase(code):
		return fmt.Errorf("the body's error is %.80q, not a snake_case code", code)
	case message == "":
		return fmt.Errorf("the body has no message")
	case o["request_id"] != a.id:
		return fmt.Errorf("the body's request_id is %.80v, not the X-Request-ID sent", o["request_id"])
	}
	for _, trace := range []string{"Traceback (most recent", "goroutine ", "\n\tat ", ".java:"} {
		if strings.Contains(string(a.body), trace) {
			return fmt.Errorf("the answer holds a stack trace")
		}
	}
	return nil
}

func snakeCase(s string) bool {
	for _, r := range s {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '_' {
			return false
		}
	}
	return s != ""
}

// until tries f until it holds or patience ends, and returns its last error.
func (w *worker) until(ctx context.Context, f func() error) error {
	ctx, cancel := context.WithTimeout(ctx, w.Patience)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := f()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-tick.C:
		}
	}
}
