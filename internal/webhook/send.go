package webhook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

// Message is one message to one receiver.
type Message struct {
	URL string
	// ID stays the same when the message is sent again.
	ID      string
	Payload []byte
	Secrets []Secret
}

// SendError says why a receiver did not take a message, in words that its owner
// may read.
type SendError struct {
	// Status is what the receiver answered; 0 for nothing.
	Status  int
	Problem string
	// Gone means that the receiver wants no more messages (410).
	Gone bool
	err  error
}

func (f *SendError) Error() string { return "webhook: " + f.Problem }

// Unwrap returns what lies below, which is for the log only.
func (f *SendError) Unwrap() error { return f.err }

// Send sends a message once. It is taken when the receiver answers 2xx; all
// else is a *SendError.
func Send(ctx context.Context, c *http.Client, m Message, now time.Time) (status int, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, m.URL, bytes.NewReader(m.Payload))
	if err != nil {
		return 0, &SendError{Problem: "the URL cannot be used", err: err}
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "omni-webhooks")
	req.Header[HeaderID] = []string{m.ID} // in the specification's own spelling
	req.Header[HeaderTimestamp] = []string{strconv.FormatInt(now.Unix(), 10)}
	req.Header[HeaderSignature] = []string{Sign(m.ID, now, m.Payload, m.Secrets...)}
	res, err := c.Do(req)
	if err != nil {
		return 0, &SendError{Problem: problem(err), err: err}
	}
	defer func() { _ = res.Body.Close() }() // nothing in it matters
	_, _ = io.CopyN(io.Discard, res.Body, 4<<10)
	switch {
	case res.StatusCode/100 == 2:
		return res.StatusCode, nil
	case res.StatusCode == http.StatusGone:
		return res.StatusCode, &SendError{Status: res.StatusCode, Problem: "the receiver answered 410 Gone", Gone: true}
	case res.StatusCode/100 == 3:
		return res.StatusCode, &SendError{Status: res.StatusCode, Problem: fmt.Sprintf("the receiver answered %d; redirects are not followed", res.StatusCode)}
	}
	return res.StatusCode, &SendError{Status: res.StatusCode, Problem: fmt.Sprintf("the receiver answered %d", res.StatusCode)}
}

// problem tells a failure without addresses, which may be the platform's own.
func problem(err error) string {
	var dns *net.DNSError
	var timeout net.Error
	switch {
	case errors.Is(err, errForbidden):
		return "the host's address is not public"
	case errors.As(err, &dns):
		return "the host's name cannot be resolved"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "the receiver did not answer in time"
	default:
		return "the connection failed"
	}
}
