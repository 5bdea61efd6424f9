package api

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Detail points at one offending part of a request.
type Detail struct {
	Field   string `json:"field"`
	Problem string `json:"problem"`
}

// Error is a failure with two audiences: Code, Message and Details are for the
// caller, Cause is for the log and never leaves the process.
type Error struct {
	// HTTP is the status code to answer with.
	HTTP    int
	Code    string
	Message string
	Details []Detail
	// RetryAfter, when positive, becomes the Retry-After header.
	RetryAfter time.Duration
	Cause      error
}

// Error implements error, for logs.
func (e *Error) Error() string {
	if e.Cause != nil {
		return fmt.Sprintf("%s: %s: %v", e.Code, e.Message, e.Cause)
	}
	return e.Code + ": " + e.Message
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Because returns e with the cause set, for the log.
func (e *Error) Because(cause error) *Error {
	e.Cause = cause
	return e
}

// At returns e with one more offending field named, such as "data[3].x".
func (e *Error) At(field, format string, args ...any) *Error {
	e.Details = append(e.Details, Detail{Field: field, Problem: fmt.Sprintf(format, args...)})
	return e
}

// NewError makes an error for the caller. code is stable snake_case; the
// message says what to change.
func NewError(status int, code, format string, args ...any) *Error {
	return &Error{HTTP: status, Code: code, Message: fmt.Sprintf(format, args...)}
}

// BadRequest is 400: the body is not what the route can read.
func BadRequest(code, format string, args ...any) *Error {
	return NewError(http.StatusBadRequest, code, format, args...)
}

// Unprocessable is 422: well-formed, but not usable as it stands.
func Unprocessable(code, format string, args ...any) *Error {
	return NewError(http.StatusUnprocessableEntity, code, format, args...)
}

// NotFound is 404.
func NotFound(code, format string, args ...any) *Error {
	return NewError(http.StatusNotFound, code, format, args...)
}

// Conflict is 409.
func Conflict(code, format string, args ...any) *Error {
	return NewError(http.StatusConflict, code, format, args...)
}

// ErrorBody is the one envelope in which every layer answers an error.
type ErrorBody struct {
	Status    string   `json:"status"`
	Error     string   `json:"error"`
	Message   string   `json:"message"`
	RequestID string   `json:"request_id"`
	Details   []Detail `json:"details,omitempty"`
	Docs      string   `json:"docs"`
}

// Body renders the caller's half of e. What a message quotes of the request is
// as long as its sender made it, so texts are cut.
func (e *Error) Body(requestID string) ErrorBody {
	details := make([]Detail, len(e.Details))
	for i, d := range e.Details {
		details[i] = Detail{Field: cut(d.Field, 300), Problem: cut(d.Problem, 500)}
	}
	return ErrorBody{
		Status: "error", Error: e.Code, Message: cut(e.Message, 1500), RequestID: requestID,
		Details: details, Docs: "/docs#" + e.Code,
	}
}

// cut shortens s to at most n bytes and a mark.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}
