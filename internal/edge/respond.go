package edge

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/authn"
)

// writeJSON answers v with the status.
func writeJSON(x *Exchange, status int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	writeBody(x, status, "application/json", append(body, '\n'))
	return nil
}

func writeBody(x *Exchange, status int, contentType string, body []byte) {
	h := x.W.Header()
	h["Content-Type"] = []string{contentType}
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	x.W.WriteHeader(status)
	if x.R.Method != http.MethodHead {
		_, _ = x.W.Write(body) // the caller may be gone; there is nobody left to tell
	}
}

// asError gives every failure the shape callers see. What is not meant for
// them becomes the cause of a plain "internal".
func asError(err error) *api.Error {
	var known *api.Error
	switch {
	case errors.As(err, &known):
		return known
	case errors.Is(err, context.DeadlineExceeded):
		return api.NewError(http.StatusGatewayTimeout, "deadline_exceeded", "the deadline passed before an answer came").Because(err)
	default:
		return api.NewError(http.StatusInternalServerError, "internal", "something broke on our side; the request id finds it in the log").Because(err)
	}
}

// fail writes the envelope. It is the only place where an error becomes HTTP.
func fail(x *Exchange, err error) {
	e := asError(err)
	x.Failure, x.ErrorCode = e, e.Code
	if x.W.started() {
		return
	}
	h := x.W.Header()
	if e.HTTP == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", authn.Challenge)
	}
	if e.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(e.RetryAfter.Seconds()))))
	}
	if e.HTTP == http.StatusRequestEntityTooLarge || e.HTTP == http.StatusRequestTimeout {
		h.Set("Connection", "close") // the rest of the body is not worth reading
	}
	h.Set("Cache-Control", "no-store")
	_ = writeJSON(x, e.HTTP, e.Body(x.RequestID)) // an ErrorBody always marshals
}
