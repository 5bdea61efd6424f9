package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/omni-run/omni/api"
)

// sleepFunc waits, or returns early with the context's error.
type sleepFunc func(ctx context.Context, d time.Duration) error

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// get reads path into a Res.
func get[Res any](ctx context.Context, c *Client, path string, options []CallOption) (*Res, error) {
	return send[Res](ctx, c, http.MethodGet, path, nil, options)
}

// post sends req and reads a Res.
func post[Res any](ctx context.Context, c *Client, path string, req any, options []CallOption) (*Res, error) {
	return send[Res](ctx, c, http.MethodPost, path, req, options)
}

func send[Res any](ctx context.Context, c *Client, method, path string, req any, options []CallOption) (*Res, error) {
	raw, err := c.Do(ctx, method, path, req, options...)
	if err != nil {
		return nil, err
	}
	res := new(Res)
	if err := json.Unmarshal(raw, res); err != nil {
		return nil, fmt.Errorf("%s %s: reading the answer: %w", method, path, err)
	}
	return res, nil
}

// Do sends a call that the client has no method for, and returns the answer as
// it is. body is marshalled to JSON; nil sends none, and a json.RawMessage is
// sent as it is. Routes that an operator added are called this way.
func (c *Client) Do(ctx context.Context, method, path string, body any, options ...CallOption) ([]byte, error) {
	x := &call{method: method, path: path, header: http.Header{}, safe: method == http.MethodGet || method == http.MethodDelete}
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return nil, fmt.Errorf("%s %s: writing the request: %w", method, path, err)
		}
		x.body = raw
		x.header.Set("Content-Type", "application/json")
	}
	for _, o := range options {
		o(x)
	}
	if x.info == nil {
		x.info = &Info{}
	}
	return c.persist(ctx, x)
}

// persist sends the call, again and again where that is allowed.
func (c *Client) persist(ctx context.Context, x *call) ([]byte, error) {
	for attempt := 0; ; attempt++ {
		x.info.Attempts = attempt + 1
		body, err := c.once(ctx, x)
		if err == nil || attempt >= c.retries || ctx.Err() != nil {
			return body, err
		}
		pause, again := c.retry(x, err, attempt)
		if !again || c.sleep(ctx, pause) != nil {
			return nil, err
		}
	}
}

// once sends the call one time.
func (c *Client) once(ctx context.Context, x *call) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, x.method, c.base.String()+x.path, bytes.NewReader(x.body))
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", x.method, x.path, err)
	}
	req.Header = x.header.Clone()
	req.Header.Set("User-Agent", c.agent)
	if req.Header.Get("Accept") == "" {
		req.Header.Set("Accept", "application/json")
	}
	if c.key != "" {
		req.Header.Set(api.HeaderAPIKey, c.key)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	// What matters of a failed close was seen while reading.
	defer func() { _ = res.Body.Close() }()
	x.info.read(res.StatusCode, res.Header)
	body, err := io.ReadAll(io.LimitReader(res.Body, c.maxBytes+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s %s: reading the answer: %w", x.method, x.path, err)
	case int64(len(body)) > c.maxBytes:
		return nil, &tooLargeError{fmt.Errorf("%s %s: the answer is larger than %d bytes; see WithMaxResponse", x.method, x.path, c.maxBytes)}
	case res.StatusCode == http.StatusAccepted && !x.async && isJob(body):
		return nil, &AcceptedError{Path: x.path, Body: body}
	case res.StatusCode/100 == 2:
		return body, nil
	}
	return nil, failure(res, body, time.Now())
}

// retry decides whether to send a call again after err, and when.
//
// 429 and 503 were answered before the work began, or are said to be worth
// another try by a Retry-After; a refused connection never carried the call.
// Anything else may have run, and is repeated only if that does no harm.
func (c *Client) retry(x *call, err error, attempt int) (time.Duration, bool) {
	pause := time.Duration((0.5 + c.jitter()) * float64(200*time.Millisecond<<min(attempt, 6)))
	var refused *Error
	var tooLarge *tooLargeError
	var accepted *AcceptedError
	switch {
	case errors.As(err, &accepted), errors.As(err, &tooLarge):
		return 0, false
	case errors.As(err, &refused):
		switch refused.Status {
		case http.StatusTooManyRequests, http.StatusServiceUnavailable:
			if !x.safe && (refused.RetryAfter == 0 || mayHaveRun(refused.Code)) {
				return 0, false
			}
			pause = max(refused.RetryAfter, min(pause, c.maxWait))
		case http.StatusBadGateway, http.StatusGatewayTimeout:
			if !x.safe {
				return 0, false
			}
		default:
			return 0, false
		}
	case neverSent(err):
	case !x.safe:
		return 0, false
	}
	return pause, pause <= c.maxWait
}

// mayHaveRun reports whether a 503 of this code says that nobody knows how far
// the call came: Retry-After then speaks of the gateway, not of the call.
func mayHaveRun(code string) bool { return code == "interrupted" || code == "storage_unavailable" }

// neverSent reports that the connection could not even be made.
func neverSent(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

// tooLargeError says that an answer exceeded WithMaxResponse.
type tooLargeError struct{ error }

// AcceptedError says that the route answers with a job though an answer was
// wanted; see [Client.Async].
type AcceptedError struct {
	Path string
	Body []byte
}

func (e *AcceptedError) Error() string {
	return e.Path + " answers with a job: call it through Async, and Wait for its result"
}

// isJob tells the gateway's 202 with a job from a service's own 202.
func isJob(body []byte) bool {
	var j api.JobAccepted
	return json.Unmarshal(body, &j) == nil && j.JobID != "" && j.Status == "accepted"
}
