package respcache

import (
	"bytes"
	"encoding/json"
	"net/http"
	"time"
)

// Answer is what a worker answered, ready to be given again. It is shared and
// never changed.
type Answer struct {
	// Header is what the caller saw of the worker's own.
	Header http.Header
	// Version is what the worker said its models were.
	Version string
	// Made is when the worker answered.
	Made time.Time

	before, after []byte // the body around the value of request_id
}

// NewAnswer prepares an answer for repetition. false means that the body is
// not an object with one request_id, this one, at its top, so that it cannot
// be given to another request.
func NewAnswer(header http.Header, body []byte, requestID, version string, made time.Time) (*Answer, bool) {
	start, ok := findID(body, requestID)
	if !ok {
		return nil, false
	}
	return &Answer{
		Header: header, Version: version, Made: made,
		before: body[:start:start], after: body[start+len(requestID):],
	}, true
}

// Body returns the answer's body for a request of this identity.
func (a *Answer) Body(requestID string) []byte {
	out := make([]byte, 0, len(a.before)+len(requestID)+len(a.after))
	return append(append(append(out, a.before...), requestID...), a.after...)
}

// Size is about how many bytes the answer takes.
func (a *Answer) Size() int64 {
	n := len(a.before) + len(a.after) + len(a.Version)
	for name, values := range a.Header {
		n += len(name) + 32
		for _, v := range values {
			n += len(v) + 16
		}
	}
	return int64(n)
}

// findID finds where the value of the top-level request_id begins, behind its
// quotation mark.
func findID(body []byte, id string) (start int, ok bool) {
	d := json.NewDecoder(bytes.NewReader(body))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return 0, false
	}
	found := false
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return 0, false
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return 0, false
		}
		if name != "request_id" {
			continue
		}
		if found || string(value) != `"`+id+`"` {
			return 0, false
		}
		found, start = true, int(d.InputOffset())-len(id)-1
	}
	if end, err := d.Token(); err != nil || end != json.Delim('}') {
		return 0, false
	}
	return start, found && string(body[start:start+len(id)]) == id
}
