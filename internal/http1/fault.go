package http1

import "net/http"

// Kind says what is wrong with what was to be a request.
type Kind int

// Kinds of faults.
const (
	// BadSyntax: not HTTP/1.1, or something every parser should refuse.
	BadSyntax Kind = iota
	// BadFraming: where the body ends is not clear.
	BadFraming
	// TooLarge: the head exceeds its bound.
	TooLarge
	// BadVersion: neither HTTP/1.1 nor HTTP/1.0.
	BadVersion
	// BadCoding: a transfer coding other than chunked.
	BadCoding
	// BadExpectation: an Expect other than 100-continue.
	BadExpectation
)

// FaultError is why a connection is refused. Why is made of words of this package
// and holds nothing the caller sent.
type FaultError struct {
	Kind Kind
	Why  string
}

// Error implements error.
func (f *FaultError) Error() string { return "http1: " + f.Why }

// Status is the status with which the fault is answered.
func (f *FaultError) Status() int {
	switch f.Kind {
	case TooLarge:
		return http.StatusRequestHeaderFieldsTooLarge
	case BadVersion:
		return http.StatusHTTPVersionNotSupported
	case BadCoding:
		return http.StatusNotImplemented
	case BadExpectation:
		return http.StatusExpectationFailed
	default:
		return http.StatusBadRequest
	}
}

func syntax(why string) *FaultError  { return &FaultError{BadSyntax, why} }
func framing(why string) *FaultError { return &FaultError{BadFraming, why} }
