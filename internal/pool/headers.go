package pool

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/pool/upstream"
)

// Names as header maps hold them.
var (
	keyTenantID    = http.CanonicalHeaderKey(api.HeaderTenantID)
	keyDeadline    = http.CanonicalHeaderKey(api.HeaderDeadline)
	keyWorkerToken = http.CanonicalHeaderKey(api.HeaderWorkerToken)
)

// secret are the fields that never go to a worker: they hold what the caller
// is known by.
var secret = map[string]bool{
	http.CanonicalHeaderKey(api.HeaderAPIKey): true,
	keyWorkerToken:               true,
	"Authorization":              true,
	"Proxy-Authorization":        true,
	"X-Serverless-Authorization": true,
	"Cookie":                     true,
	// The worker's answer is not to depend on these either.
	"Expect": true, "Host": true, "Content-Length": true,
}

// vouched are the fields the edge sets. A caller cannot have them removed by
// naming them in Connection.
var vouched = map[string]bool{
	keyTenantID: true,
	http.CanonicalHeaderKey(api.HeaderTenantTier):  true,
	http.CanonicalHeaderKey(api.HeaderRequestID):   true,
	http.CanonicalHeaderKey(api.HeaderTraceparent): true,
	keyDeadline:    true,
	"Content-Type": true, "Content-Encoding": true,
}

// harmless are the fields that the edge sends with nearly every call.
func harmless(name string) bool {
	switch name {
	case "Content-Type", "Accept", "Accept-Language", "X-Tenant-Tier", "X-Request-Id", "Traceparent":
		return true
	}
	return name == keyTenantID
}

// forwardable returns the request's header itself when all of it goes to the
// worker as it is, and a copy of what does when not.
func forwardable(req *Request) http.Header {
	for name := range req.Header {
		if !harmless(name) {
			return forwardHeader(req)
		}
	}
	return req.Header
}

// deadlineText is a deadline in milliseconds as it goes over the wire. That of
// the last call is kept, because mostly it is that of the next one.
type deadlineText struct {
	milliseconds int64
	text         string
}

func (p *Pool) deadlineText(left time.Duration) string {
	ms := max(left.Milliseconds(), 1)
	if last := p.lastDeadline.Load(); last != nil && last.milliseconds == ms {
		return last.text
	}
	d := &deadlineText{ms, strconv.FormatInt(ms, 10)}
	p.lastDeadline.Store(d)
	return d.text
}

// extraFields appends to out what the pool itself tells the worker.
func (p *Pool) extraFields(out []upstream.Field, req *Request, token string, left time.Duration) []upstream.Field {
	out = append(out, upstream.Field{Name: keyDeadline, Value: p.deadlineText(left)})
	if req.Tenant != "" {
		out = append(out, upstream.Field{Name: keyTenantID, Value: req.Tenant})
	}
	if token != "" {
		out = append(out, upstream.Field{Name: keyWorkerToken, Value: token})
	}
	return out
}

// forwardHeader returns what of the request's header goes to the worker.
func forwardHeader(req *Request) http.Header {
	var listed map[string]bool
	for name := range upstream.ConnectionListed(req.Header) {
		if !vouched[name] {
			if listed == nil {
				listed = map[string]bool{}
			}
			listed[name] = true
		}
	}
	out := make(http.Header, len(req.Header))
	for name, values := range req.Header {
		key := http.CanonicalHeaderKey(name)
		if !secret[key] && !upstream.HopByHop(key) && !listed[key] {
			out[key] = values
		}
	}
	return out
}

// cleanAnswer removes from an answer's header what is the worker's own affair.
func cleanAnswer(header http.Header) {
	delete(header, "Server")
	delete(header, "X-Powered-By")
	delete(header, keyWorkerToken)
}

// safePath reports whether path stays below the worker's internal prefix
// whatever a worker makes of dot segments.
func safePath(path string) bool {
	rest, ok := strings.CutPrefix(path, api.InternalPrefix+"/")
	if !ok {
		return false
	}
	for segment := range strings.SplitSeq(rest, "/") {
		switch strings.ToLower(segment) {
		case ".", "..", "%2e", "%2e%2e", ".%2e", "%2e.":
			return false
		}
	}
	return true
}
