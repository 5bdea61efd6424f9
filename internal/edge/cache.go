package edge

import (
	"context"
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
		if g.Cache == nil || x.Entry.handle != nil || x.Entry.route.Cache.TTL <= 0 {
			return next(x)
		}
		asked := readDirectives(x.R.Header)
		if asked.noStore {
			x.cacheStatus("fwd=bypass")
			return next(x)
		}
		key, ok := g.question(x)
		if !ok {
			x.cacheStatus("fwd=bypass")
			return next(x)
		}
		why := "fwd=request"
		if !asked.noCache {
			answer, left, reason := g.remembered(x, key, asked)
			if answer != nil {
				g.metrics.hits.WithLabelValues(cacheResponse).Inc()
				x.cacheStatus("hit; ttl=" + strconv.Itoa(int(left.Seconds())))
				g.repeat(x, answer)
				return nil
			}
			why = reason
		}
		g.metrics.misses.WithLabelValues(cacheResponse).Inc()
		if asked.noCache || x.Entry.unversioned.Load() || first(x.R.Header, keyMaxWait) != "" {
			x.cacheStatus(why)
			return g.ask(x, next, key, nil)
		}
		return g.askTogether(x, next, key, why)
	}
}

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
		canonical, ok := respcache.Canonical(x.Body, g.cfg.Limits.JSONDepth)
		if !ok {
			return respcache.Key{}, false
		}
		body = canonical
	}
	return respcache.NewKey(
		[]byte(x.Principal.Tenant), []byte(x.Principal.Tier), []byte(x.R.Method), []byte(x.Path), []byte(x.R.URL.RawQuery),
		[]byte(first(x.R.Header, "Accept")), []byte(first(x.R.Header, "Accept-Language")), body,
	), true
}

// remembered returns the answer kept for a question, if it may be given now.
// reason says why none was, in the words of Cache-Status.
func (g *Gateway) remembered(x *Exchange, key respcache.Key, asked directives) (answer *respcache.Answer, left time.Duration, reason string) {
	answer, left = g.Cache.Get(key)
	switch {
	case answer == nil:
		return nil, 0, "fwd=uri-miss"
	case asked.maxAge >= 0 && g.now().Sub(answer.Made) > asked.maxAge:
		return nil, 0, "fwd=request"
	case answer.Version != g.versionNow(x):
		g.Cache.Drop(key, answer)
		return nil, 0, "fwd=stale"
	}
	return answer, left, ""
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

// askTogether runs the call unless the same question is being answered
// already; then it waits for that answer. Whoever waits keeps its own
// connection and deadline, and goes on alone if the other fails.
func (g *Gateway) askTogether(x *Exchange, next Handler, key respcache.Key, why string) error {
	lead, shared, err := g.Cache.Join(x.Context(), key)
	switch {
	case err != nil:
		if errors.Is(err, context.Canceled) {
			return errClientGone
		}
		return err
	case shared != nil:
		g.metrics.hits.WithLabelValues(cacheCoalesced).Inc()
		x.cacheStatus(why + "; collapsed")
		g.repeat(x, shared)
		return nil
	case lead == nil:
		x.cacheStatus(why)
		return g.ask(x, next, key, nil)
	}
	x.cacheStatus(why)
	return g.ask(x, next, key, lead)
}

// ask runs the call and keeps its answer as it passes by.
func (g *Gateway) ask(x *Exchange, next Handler, key respcache.Key, lead *respcache.Flight) (err error) {
	through := &copier{ResponseWriter: x.W.ResponseWriter, limit: g.cfg.Cache.TenantBytes}
	through.whole = func(header http.Header, body []byte) {
		answer := g.keep(x, key, header, body)
		if lead != nil {
			lead.Land(answer)
		}
	}
	x.W.ResponseWriter = through
	finished := false
	defer func() {
		x.W.ResponseWriter = through.ResponseWriter
		if lead == nil {
			return
		}
		if !finished || x.Context().Err() != nil {
			lead.GiveUp() // a panic, or a caller who left: that says nothing about the question
			return
		}
		lead.Land(nil)
	}()
	err = next(x)
	finished = true
	return err
}

// keep stores an answer that has passed whole, if it may be given again.
func (g *Gateway) keep(x *Exchange, key respcache.Key, header http.Header, body []byte) *respcache.Answer {
	version := x.ModelVersion
	x.Entry.unversioned.Store(version == "")
	if version == "" || len(version) > maxVersion || strings.Contains(strings.ToLower(header.Get("Cache-Control")), "private") {
		return nil
	}
	if !x.Entry.route.Cache.Versioned {
		x.Entry.version.Store(&version)
	}
	kept := http.Header{}
	for _, name := range [...]string{"Content-Type", "Content-Language"} {
		if v := header[name]; len(v) > 0 {
			kept[name] = v[:1:1]
		}
	}
	answer, ok := respcache.NewAnswer(kept, body, x.RequestID, version, g.now())
	if !ok {
		return nil
	}
	g.Cache.Put(key, x.Principal.Tenant, answer, x.Entry.route.Cache.TTL.D())
	return answer
}

// repeat gives an answer that was made for another request. It counts as a
// call, and costs as one unless the configuration says otherwise.
func (g *Gateway) repeat(x *Exchange, a *respcache.Answer) {
	if !g.cfg.Cache.FreeHits {
		x.Units = x.Entry.route.Units
	}
	h := x.W.Header()
	copyHeader(h, a.Header)
	h["Age"] = []string{strconv.Itoa(int(max(0, g.now().Sub(a.Made).Seconds())))}
	h["Cache-Control"] = noStore
	writeBody(x, http.StatusOK, h.Get("Content-Type"), a.Body(x.RequestID))
}

func (x *Exchange) cacheStatus(parameters string) {
	x.W.Header()[keyCacheStatus] = []string{"omni; " + parameters}
}

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

// copier passes an answer on and keeps a copy of a 200 on the way. The copy is
// complete before its last byte goes out, so that those who wait for it do not
// wait for a slow reader.
type copier struct {
	http.ResponseWriter
	limit int64
	// whole is called at most once, with the whole body.
	whole func(header http.Header, body []byte)

	length int64 // of the body, once the head is out; -1 for an answer not to keep
	body   []byte
}

// WriteHeader implements http.ResponseWriter.
func (c *copier) WriteHeader(status int) {
	if status >= 200 {
		c.length = -1
		if n, err := strconv.ParseInt(first(c.Header(), "Content-Length"), 10, 64); status == http.StatusOK && err == nil && n > 0 && n <= c.limit {
			c.length = n
			c.body = make([]byte, 0, n)
		}
	}
	c.ResponseWriter.WriteHeader(status)
}

// Write implements io.Writer.
func (c *copier) Write(p []byte) (int, error) {
	if c.length > 0 {
		c.body = append(c.body, p...)
		if int64(len(c.body)) == c.length {
			c.length = -1
			c.whole(c.Header(), c.body)
		}
	}
	return c.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the connection.
func (c *copier) Unwrap() http.ResponseWriter { return c.ResponseWriter }
