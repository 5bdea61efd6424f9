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

// forwardHeader returns what of the request's header goes to the worker.
func forwardHeader(req *Request, token string, left time.Duration) http.Header {
	var listed map[string]bool
	for name := range upstream.ConnectionListed(req.Header) {
		if !vouched[name] {
			if listed == nil {
				listed = map[string]bool{}
			}
			listed[name] = true
		}
	}
	out := make(http.Header, len(req.Header)+3)
	for name, values := range req.Header {
		key := http.CanonicalHeaderKey(name)
		if !secret[key] && !upstream.HopByHop(key) && !listed[key] {
			out[key] = values
		}
	}
	v := []string{req.Tenant, strconv.FormatInt(max(left.Milliseconds(), 1), 10), token}
	if req.Tenant != "" {
		out[keyTenantID] = v[0:1:1]
	}
	out[keyDeadline] = v[1:2:2]
	if token != "" {
		out[keyWorkerToken] = v[2:3:3]
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
