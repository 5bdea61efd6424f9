package edge

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/config"
)

// What pages may send and read beside what browsers let them anyway. The lists
// are the same for every path: who asks has shown no key yet, and does not
// learn which paths there are.
var (
	corsMethods = []string{"GET, HEAD, POST, PUT, PATCH, DELETE"}
	corsSend    = []string{strings.Join([]string{
		"Accept", "Accept-Language", "Authorization", "Cache-Control", "Content-Type", api.HeaderIdempotencyKey, "Last-Event-ID",
		"Pragma", "Prefer", api.HeaderTraceparent, "Tracestate", api.HeaderAPIKey, api.HeaderMaxWait, api.HeaderRequestID,
	}, ", ")}
	corsRead = []string{strings.Join([]string{
		"Age", "Allow", api.HeaderCacheStatus, api.HeaderIdempotentReplay, "Location", "Preference-Applied",
		"RateLimit", "RateLimit-Policy", "Retry-After", "Server-Timing", "WWW-Authenticate",
		"X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", api.HeaderColdStart, api.HeaderRequestID,
	}, ", ")}
	corsAny    = []string{config.AnyOrigin}
	varyOrigin = []string{"Origin"}
)

// cors knows which pages may call from a browser. A nil one lets none, and
// costs nothing. Its slices are shared between answers.
type cors struct {
	every       bool
	origins     map[string][]string // each to its header value
	credentials bool
	maxAge      []string
}

func newCORS(c config.CORS) *cors {
	if len(c.AllowOrigins) == 0 {
		return nil
	}
	out := &cors{
		every: slices.Contains(c.AllowOrigins, config.AnyOrigin), origins: make(map[string][]string, len(c.AllowOrigins)),
		credentials: c.AllowCredentials, maxAge: []string{strconv.Itoa(int(c.MaxAge.D().Seconds()))},
	}
	for _, origin := range c.AllowOrigins {
		out.origins[origin] = []string{origin}
	}
	return out
}

// allowed is the value that lets the page a request comes from read the answer,
// or nil. A request that names no page, or several, comes from none.
func (c *cors) allowed(request http.Header) []string {
	named := request["Origin"]
	switch {
	case len(named) != 1:
		return nil
	case c.every:
		return corsAny
	}
	return c.origins[named[0]]
}

// mark lets the page that a request comes from read the answer, an error and
// the beginning of a stream like any other.
func (c *cors) mark(request, answer http.Header) {
	if !c.every { // caches must not give one page's answer to another
		if was := answer["Vary"]; len(was) == 0 {
			answer["Vary"] = varyOrigin
		} else {
			answer["Vary"] = append(slices.Clip(was), varyOrigin...)
		}
	}
	origin := c.allowed(request)
	if origin == nil {
		return
	}
	answer["Access-Control-Allow-Origin"] = origin
	answer["Access-Control-Expose-Headers"] = corsRead
	if c.credentials {
		answer["Access-Control-Allow-Credentials"] = yes
	}
}

// preflightEntry is how questions of browsers are counted and logged.
var preflightEntry = &entry{method: http.MethodOptions, pattern: "preflight", public: true}

// preflight answers a browser that asks what a page may send. It bears no key,
// so that this stands before authentication and limits. Pages that are not
// allowed are none of its business: they meet what every stranger meets.
func (g *Gateway) preflight(next Handler) Handler {
	return func(x *Exchange) error {
		c := x.live.cors
		if c == nil || x.R.Method != http.MethodOptions || first(x.R.Header, "Access-Control-Request-Method") == "" || c.allowed(x.R.Header) == nil {
			return next(x)
		}
		x.Entry = preflightEntry
		h := x.W.Header()
		h["Access-Control-Allow-Methods"], h["Access-Control-Allow-Headers"], h["Access-Control-Max-Age"] = corsMethods, corsSend, c.maxAge
		x.W.WriteHeader(http.StatusNoContent)
		return nil
	}
}
