package client

import (
	"net/http"
	"strconv"
	"time"

	"github.com/omni-run/omni/api"
)

// CallOption changes one call.
type CallOption func(*call)

// call is one request in the making.
type call struct {
	method string
	path   string
	body   []byte
	header http.Header
	// safe calls may be sent again though they may have run.
	safe bool
	// async wants 202 and a job.
	async bool
	info  *Info
}

// Info is what the gateway says of a call beside its answer.
type Info struct {
	Status    int
	RequestID string
	// Limit, Remaining and Reset are the tenant's rate limit; zero where the
	// path is not limited.
	Limit, Remaining int
	Reset            time.Time
	// ColdStart says that the call waited for a worker.
	ColdStart bool
	// Replayed says that this is the stored answer to an earlier call with the
	// same idempotency key.
	Replayed bool
	// Attempts is how many times the call was sent.
	Attempts int
}

func (i *Info) read(status int, h http.Header) {
	i.Status, i.RequestID = status, h.Get(api.HeaderRequestID)
	i.Limit, i.Remaining = number(h, "X-RateLimit-Limit"), number(h, "X-RateLimit-Remaining")
	i.Reset = time.Time{}
	if reset := number(h, "X-RateLimit-Reset"); reset > 0 {
		i.Reset = time.Unix(int64(reset), 0)
	}
	i.ColdStart, i.Replayed = h.Get(api.HeaderColdStart) == "true", h.Get(api.HeaderIdempotentReplay) == "true"
}

func number(h http.Header, name string) int {
	n, err := strconv.Atoi(h.Get(name))
	if err != nil {
		return 0
	}
	return n
}

// WithIdempotencyKey makes a POST safe to repeat: within 24 h the same key and
// body get the stored answer, so that the client may also retry it after a
// broken connection.
func WithIdempotencyKey(key string) CallOption {
	return func(c *call) {
		c.header.Set(api.HeaderIdempotencyKey, key)
		c.safe = true
	}
}

// WithRequestID names the call in the gateway's log: 1 to 128 of
// A-Za-z0-9._-; anything else is replaced there.
func WithRequestID(id string) CallOption {
	return func(c *call) { c.header.Set(api.HeaderRequestID, id) }
}

// WithCacheControl says what the gateway's cache may do for the call, such as
// "no-store" or "max-age=60".
func WithCacheControl(directives string) CallOption {
	return func(c *call) { c.header.Set("Cache-Control", directives) }
}

// WithMaxWait shortens how long the call may wait for a worker to be ready.
func WithMaxWait(d time.Duration) CallOption {
	return func(c *call) { c.header.Set(api.HeaderMaxWait, d.String()) }
}

// WithTraceparent hands on a W3C trace context.
func WithTraceparent(traceparent string) CallOption {
	return func(c *call) { c.header.Set(api.HeaderTraceparent, traceparent) }
}

// WithInfo fills info with what the answer's headers say, also when the call
// fails.
func WithInfo(info *Info) CallOption {
	return func(c *call) { c.info = info }
}

// respondAsync asks for a job instead of an answer.
func respondAsync(c *call) {
	c.header.Set("Prefer", "respond-async")
	c.async = true
}
