package client

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/omni-run/omni/api"
)

// Error is an answer of the gateway that is not a success. Use errors.As.
type Error struct {
	// Status is the HTTP status code.
	Status int
	// Code is stable snake_case, such as "too_few_points"; "" when what
	// answered was not Omni.
	Code    string
	Message string
	// Details name the offending fields.
	Details []api.Detail
	// RequestID finds the call in the gateway's log.
	RequestID string
	// RetryAfter is how long to wait before trying again; 0 if not said.
	RetryAfter time.Duration
}

// Error says what was wrong and, if known, where.
func (e *Error) Error() string {
	var b strings.Builder
	if e.Code != "" {
		fmt.Fprintf(&b, "%s: %s", e.Code, e.Message)
	} else {
		fmt.Fprintf(&b, "HTTP %d: %s", e.Status, e.Message)
	}
	for i, d := range e.Details {
		if i == 3 {
			fmt.Fprintf(&b, "; and %d more", len(e.Details)-i)
			break
		}
		fmt.Fprintf(&b, "; %s %s", d.Field, d.Problem)
	}
	return b.String()
}

// failure reads an answer that is not a success.
func failure(res *http.Response, body []byte, now time.Time) *Error {
	e := &Error{Status: res.StatusCode, RequestID: res.Header.Get(api.HeaderRequestID), RetryAfter: retryAfter(res.Header, now)}
	var envelope api.ErrorBody
	if err := json.Unmarshal(body, &envelope); err == nil && envelope.Error != "" {
		e.Code, e.Message, e.Details = envelope.Error, envelope.Message, envelope.Details
		if envelope.RequestID != "" {
			e.RequestID = envelope.RequestID
		}
		return e
	}
	e.Message = http.StatusText(res.StatusCode)
	if location := res.Header.Get("Location"); location != "" && res.StatusCode/100 == 3 {
		e.Message = "redirected to " + location + ", which is not followed; use that address as the base"
	} else if e.Message == "" {
		e.Message = "an answer that is not Omni's"
	}
	return e
}

// retryAfter reads seconds or a date (RFC 9110, section 10.2.3).
func retryAfter(h http.Header, now time.Time) time.Duration {
	v := h.Get("Retry-After")
	if v == "" {
		return 0
	}
	if seconds, err := strconv.ParseUint(v, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(v); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}
