package edge

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/respcache"
)

var (
	keyModelVersion = http.CanonicalHeaderKey(api.HeaderModelVersion)
	keyCacheStatus  = http.CanonicalHeaderKey(api.HeaderCacheStatus)
)

// maxVersion bounds what a worker may say of its models' version, in bytes.
const maxVersion = 256

// cached answers a question from memory if this tenant has asked it before,
// the answer is not too old, and the worker's models are the same still; and
// it lets one call run where a tenant asks the same several times at once.
// Only routes that the table names take part, and only answers whose worker
// states a model version, which says that it would answer the same again.
func (g *Gateway) cached(next Handler) Handler {
	for _, kind := range []string{cacheResponse, cacheCoalesced} {
		g.metrics.hits.WithLabelValues(kind)
	}
	g.metrics.misses.WithLabelValues(cacheResponse)
	return func(x *Exchange) error {
		if g.Cache == nil || !*x.live.cfg.Cache.Enabled || x.Entry.handle != nil || x.Entry.route.Cache.TTL <= 0 {
			return next(x)
		}
		asked := readDirectives(x.R.Header)
		if asked.noStore {
			x.cacheStatus(statusBypass)
			return next(x)
		}
		if !x.Entry.repeatable.Load() {
			// No worker has stated a version on this route, so nothing is kept,
			// and this call may be the first to bring one.
			return g.ask(x, next, nil, nil)
		}
		key, ok := g.question(x)
		if !ok {
			x.cacheStatus(statusBypass)
			return next(x)
		}
		why := statusRequest
		if !asked.noCache {
			answer, left, reason := g.remembered(x, key, asked)
			if answer != nil {
				g.metrics.hits.WithLabelValues(cacheResponse).Inc()
				x.cacheStatus([]string{"omni; hit; ttl=" + strconv.Itoa(int(left.Seconds()))})
				g.repeat(x, answer)
				return nil
			}
			why = reason
		}
		g.metrics.misses.WithLabelValues(cacheResponse).Inc()
		x.cacheStatus(why)
		if asked.noCache || first(x.R.Header, keyMaxWait) != "" {
			return g.ask(x, next, &key, nil)
		}
		return g.askTogether(x, next, key, why)
	}
}

// What Cache-Status says when no answer was in memory (RFC 9211): none of this
// question, one that is too old, one the caller did not want, a call that the
// cache takes no part in. They are shared between answers.
var (
	statusMiss    = []string{"omni; fwd=uri-miss"}
	statusStale   = []string{"omni; fwd=stale"}
	statusRequest = []string{"omni; fwd=request"}
	statusBypass  = []string{"omni; fwd=bypass"}
)

// Kinds of look-up in the counters.
const (
	cacheResponse  = "response"
	cacheCoalesced = "coalesced"
)

// question is all that an answer depends on, models aside. The tier is part of
// it because workers are told it.
func (g *Gateway) question(x *Exchange) (respcache.Key, bool) {
	body := []byte(nil)
	if len(x.Body) > 0 {
		canonical, ok := respcache.Canonical(x.Body, x.live.cfg.Limits.JSONDepth)
		if !ok {
			return respcache.Key{}, false
		}
		body = canonical
	}
	var generation [8]byte // of the route: another worker may answer the next one
	binary.LittleEndian.PutUint64(generation[:], x.Entry.generation)
	return respcache.NewKey(
		generation[:],
		[]byte(x.Principal.Tenant), []byte(x.Principal.Tier), []byte(x.R.Method), []byte(x.Path), []byte(x.R.URL.RawQuery),
		[]byte(first(x.R.Header, "Accept")), []byte(first(x.R.Header, "Accept-Language")), body,
	), true
}

// remembered returns the answer kept for a question, if it may be given now.
// reason says why none was, in the words of Cache-Status.
func (g *Gateway) remembered(x *Exchange, key respcache.Key, asked directives) (answer *respcache.Answer, left time.Duration, reason []string) {
	answer, left = g.Cache.Get(key)
	switch {
	case answer == nil:
		return nil, 0, statusMiss
	case asked.maxAge >= 0 && g.now().Sub(answer.Made) > asked.maxAge:
		return nil, 0, statusRequest
	case answer.Version != g.versionNow(x):
		g.Cache.Drop(key, answer)
		return nil, 0, statusStale
	}
	return answer, left, nil
}

// versionNow is the version of the models that would answer the call. Where it
// is the tenant's to change, the worker is asked; else it is what workers said
// last. "" means that nobody knows.
func (g *Gateway) versionNow(x *Exchange) string {
	if !x.Entry.route.Cache.Versioned {
		if v := x.Entry.version.Load(); v != nil {
			return *v
		}
		return ""
	}
	r := g.poolRequest(x)
	r.Method, r.Path, r.RawQuery, r.Body = http.MethodGet, api.InternalPrefix+"/version/"+x.Entry.route.Service, "", nil
	r.Idempotent, r.Timeout, r.MaxWait = true, 2*time.Second, time.Millisecond
	r.Mirror, r.Hedge, r.HedgePercentile = "", 0, 0 // it is a question of ours, and r is used again
	res, err := g.Pool.Do(x.Context(), r)
	if err != nil {
		return "" // the call itself will meet, and tell, what is wrong
	}
	defer res.Body.Close()
	var v api.WorkerModelVersion
	if res.Status != http.StatusOK || json.NewDecoder(io.LimitReader(res.Body, 4096)).Decode(&v) != nil {
		return ""
	}
	return v.ModelVersion
}

// askTogether serves routes whose worker has stated a version before: only
// there can one answer do for several callers.
//
// It runs the call unless the same question is being answered
// already; then it waits for that answer. Whoever waits keeps its own
// connection and deadline, and goes on alone if the other fails.
func (g *Gateway) askTogether(x *Exchange, next Handler, key respcache.Key, why []string) error {
	began := g.now()
	lead, shared, err := g.Cache.Join(x.Context(), key)
	switch {
	case err != nil:
		if errors.Is(err, context.Canceled) {
			return errClientGone
		}
		return err
	case shared.Answer == nil:
		return g.ask(x, next, &key, lead)
	}
	x.Queue, x.Cold = g.now().Sub(began), shared.Cold // it has waited as long as the other, less what it came later
	g.timingHeaders(x)
	g.metrics.hits.WithLabelValues(cacheCoalesced).Inc()
	x.cacheStatus([]string{why[0] + "; collapsed"})
	g.repeat(x, shared.Answer)
	return nil
}

// ask runs the call and keeps its answer as it passes by. key is nil where it
// is not worth making before there is something to keep.
func (g *Gateway) ask(x *Exchange, next Handler, key *respcache.Key, lead *respcache.Flight) (err error) {
	c := &x.copier
	*c = copier{ResponseWriter: x.W.ResponseWriter, g: g, x: x, key: key, lead: lead}
	x.W.ResponseWriter = c
	finished := false
	defer func() {
		x.W.ResponseWriter = c.ResponseWriter
		if lead == nil {
			return
		}
		if !finished || x.Context().Err() != nil {
			lead.GiveUp() // a panic, or a caller who left: that says nothing about the question
			return
		}
		lead.Land(respcache.Landing{})
	}()
	err = next(x)
	finished = true
	return err
}

// keep stores an answer that has passed whole, if it may be given again.
func (g *Gateway) keep(x *Exchange, key *respcache.Key, header http.Header, body []byte) *respcache.Answer {
	version := x.ModelVersion
	if len(version) > maxVersion || strings.Contains(strings.ToLower(header.Get("Cache-Control")), "private") {
		return nil
	}
	if key == nil {
		made, ok := g.question(x)
		if !ok {
			return nil
		}
		key = &made
	}
	if !x.Entry.route.Cache.Versioned {
		x.Entry.version.Store(&version)
	}
	kept := http.Header{}
	for _, name := range [...]string{"Content-Type", "Content-Language"} {
		if v := header[name]; len(v) > 0 {
			kept[name] = []string{v[0]}
		}
	}
	answer, ok := respcache.NewAnswer(kept, body, x.RequestID, version, g.now())
	if !ok {
		return nil
	}
	g.Cache.Put(*key, x.Principal.Tenant, answer, x.Entry.route.Cache.TTL.D())
	return answer
}

// repeat gives an answer that was made for another request. It counts as a
// call, and costs as one unless the configuration says otherwise.
func (g *Gateway) repeat(x *Exchange, a *respcache.Answer) {
	if !x.live.cfg.Cache.FreeHits {
		x.Units = x.Entry.route.Units
	}
	h := x.W.Header()
	copyHeader(h, a.Header)
	h["Age"] = []string{strconv.Itoa(int(max(0, g.now().Sub(a.Made).Seconds())))}
	h["Cache-Control"] = noStore
	writeBody(x, http.StatusOK, h.Get("Content-Type"), a.Body(x.RequestID))
}

func (x *Exchange) cacheStatus(status []string) { x.W.Header()[keyCacheStatus] = status }

// directives are what a caller asks of a cache.
type directives struct {
	noStore, noCache bool
	// maxAge is negative when the caller names none.
	maxAge time.Duration
}

// readDirectives reads Cache-Control (RFC 9111). What it does not know it
// leaves aside, as that says.
func readDirectives(h http.Header) directives {
	d := directives{maxAge: -1}
	lines := h["Cache-Control"]
	if len(lines) == 0 {
		d.noCache = strings.EqualFold(first(h, "Pragma"), "no-cache")
		return d
	}
	for _, line := range lines {
		for item := range strings.SplitSeq(line, ",") {
			name, value, _ := strings.Cut(strings.TrimSpace(item), "=")
			switch strings.ToLower(name) {
			case "no-store":
				d.noStore = true
			case "no-cache":
				d.noCache = true
			case "max-age":
				seconds, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 31)
				if err != nil {
					seconds = 0 // unreadable means stale
				}
				d.maxAge = time.Duration(seconds) * time.Second
			}
		}
	}
	return d
}

// copier passes an answer on and keeps a copy on the way, of a 200 whose worker
// states a version. The copy is complete before its last byte goes out, so that
// those who wait for it do not wait for a slow reader.
type copier struct {
	http.ResponseWriter
	g    *Gateway
	x    *Exchange
	key  *respcache.Key
	lead *respcache.Flight

	length int64 // of the body, while it is copied
	body   []byte
}

// WriteHeader implements http.ResponseWriter.
func (c *copier) WriteHeader(status int) {
	if status == http.StatusOK {
		versioned := c.x.ModelVersion != ""
		c.x.Entry.repeatable.Store(versioned)
		if versioned {
			c.begin()
		}
	}
	c.ResponseWriter.WriteHeader(status)
}

func (c *copier) begin() {
	h := c.Header()
	if len(h[keyCacheStatus]) == 0 {
		h[keyCacheStatus] = statusMiss
		c.g.metrics.misses.WithLabelValues(cacheResponse).Inc()
	}
	n, err := strconv.ParseInt(first(h, "Content-Length"), 10, 64)
	if err == nil && n > 0 && n <= c.x.live.cfg.Cache.TenantBytes {
		c.length, c.body = n, make([]byte, 0, n)
	}
}

// Write implements io.Writer.
func (c *copier) Write(p []byte) (int, error) {
	if c.length > 0 {
		c.body = append(c.body, p...)
		if int64(len(c.body)) == c.length {
			c.length = 0
			answer := c.g.keep(c.x, c.key, c.Header(), c.body)
			if c.lead != nil {
				c.lead.Land(respcache.Landing{Answer: answer, Cold: c.x.Cold})
			}
		}
	}
	return c.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the connection.
func (c *copier) Unwrap() http.ResponseWriter { return c.ResponseWriter }
