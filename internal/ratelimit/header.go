package ratelimit

import (
	"net/http"
	"strconv"
	"time"

	"github.com/omni-run/omni/api"
)

// WriteHeaders states the decision in the headers that clients know: the
// X-RateLimit ones, and RateLimit and RateLimit-Policy of the IETF draft
// (draft-ietf-httpapi-ratelimit-headers, structured fields). A refusal bears
// Retry-After as well. An unlimited caller gets none of them.
func (d Decision) WriteHeaders(h http.Header, p Policy) {
	if p.Unlimited() {
		return
	}
	// One string and one slice hold all the values: two allocations.
	var buf [128]byte
	out := buf[:0]
	var ends [5]int
	out = strconv.AppendInt(out, int64(d.Limit), 10)
	ends[0] = len(out)
	out = strconv.AppendInt(out, int64(d.Remaining), 10)
	ends[1] = len(out)
	out = strconv.AppendInt(out, d.ResetAt, 10)
	ends[2] = len(out)
	out = p.appendItem(out)
	ends[3] = len(out)
	out = append(out, `"default";r=`...)
	out = strconv.AppendInt(out, int64(d.Remaining), 10)
	out = append(out, ";t="...)
	out = strconv.AppendInt(out, seconds(d.ResetAfter), 10)
	ends[4] = len(out)
	all, values, start := string(out), make([]string, len(ends)), 0
	for i, name := range [...]string{"X-Ratelimit-Limit", "X-Ratelimit-Remaining", "X-Ratelimit-Reset", "Ratelimit-Policy", "Ratelimit"} {
		values[i] = all[start:ends[i]]
		start = ends[i]
		h[name] = values[i : i+1 : i+1]
	}
	if !d.Allowed {
		h.Set("Retry-After", strconv.FormatInt(max(1, seconds(d.RetryAfter)), 10))
	}
}

// seconds rounds up.
func seconds(d time.Duration) int64 {
	return int64((max(d, 0) + time.Second - 1) / time.Second)
}

// Refusal is what a caller over its rate is told.
func (d Decision) Refusal() *api.Error {
	e := api.NewError(http.StatusTooManyRequests, "rate_limited",
		"more than %d units a minute; wait as long as Retry-After says", d.Limit)
	e.RetryAfter = time.Duration(max(1, seconds(d.RetryAfter))) * time.Second
	return e
}
