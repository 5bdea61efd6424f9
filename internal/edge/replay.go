package edge

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/idempotency"
)

// Idempotency remembers answers by key; see package idempotency.
type Idempotency interface {
	Begin(ctx context.Context, tenant, key string, fingerprint []byte, lease time.Duration) (*idempotency.Answer, error)
	Finish(ctx context.Context, tenant, key string, a idempotency.Answer) error
	Abandon(ctx context.Context, tenant, key string) error
}

// maxReplay bounds an answer that is kept for repetition, in bytes.
const maxReplay = 8 << 20

// replay runs a call that bears an Idempotency-Key at most once.
func (g *Gateway) replay(next Handler) Handler {
	return func(x *Exchange) error {
		key := first(x.R.Header, keyIdempotencyKey)
		if key == "" || x.R.Method == http.MethodGet || showsSecret(x) {
			return next(x)
		}
		if len(key) > 255 || len(x.R.Header.Values(api.HeaderIdempotencyKey)) > 1 || !printable(key) {
			return api.BadRequest("bad_idempotency_key", "%s must be one value of 1 to 255 printable ASCII characters", api.HeaderIdempotencyKey)
		}
		lease := x.live.cfg.Hold.MaxWait.D() + x.Entry.route.Timeout.D() + time.Minute
		stored, err := g.Idempotency.Begin(x.Context(), x.Principal.Tenant, key, fingerprint(x), lease)
		if err != nil {
			return err
		}
		if stored != nil {
			g.metrics.hits.WithLabelValues("idempotency").Inc()
			h := x.W.Header()
			copyHeader(h, stored.Header)
			h[api.HeaderIdempotentReplay] = []string{"true"}
			writeBody(x, stored.Status, h.Get("Content-Type"), stored.Body)
			return nil
		}
		g.metrics.misses.WithLabelValues("idempotency").Inc()
		return g.firstTime(x, next, key)
	}
}

// firstTime runs the call into a buffer, stores the answer, and then answers:
// a caller who has seen an answer can rely on its repetition. Failures that a
// repetition might cure are not stored.
func (g *Gateway) firstTime(x *Exchange, next Handler, key string) error {
	out := x.W
	rec := &recorder{header: http.Header{}}
	x.W = &responseWriter{ResponseWriter: rec}
	settled := false
	// The caller may be gone, and the key must not stay claimed for that.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(x.Context()), 10*time.Second)
	defer cancel()
	defer func() {
		x.W = out
		if settled {
			return
		}
		if err := g.Idempotency.Abandon(ctx, x.Principal.Tenant, key); err != nil {
			g.log.LogAttrs(ctx, slog.LevelWarn, "an idempotency key stays claimed until its lease ends", append(x.attrs(g.cfg.Project), slog.String("error", err.Error()))...)
		}
	}()
	err := next(x)
	if err != nil {
		e := asError(err)
		if e.HTTP >= 500 || e.HTTP == http.StatusTooManyRequests || e.HTTP == statusClientGone {
			return err
		}
		fail(x, e)
	}
	status := x.W.status
	if status < 500 && status != http.StatusTooManyRequests {
		if rec.over {
			return api.NewError(http.StatusInternalServerError, "answer_too_large", "the answer exceeds the %d bytes kept for an %s; call without one", maxReplay, api.HeaderIdempotencyKey)
		}
		if err := g.Idempotency.Finish(ctx, x.Principal.Tenant, key, idempotency.Answer{Status: status, Header: rec.header, Body: rec.body.Bytes()}); err != nil {
			return err
		}
		settled = true
	}
	for name, values := range rec.header {
		out.Header()[name] = values
	}
	x.W = out
	writeBody(x, status, rec.header.Get("Content-Type"), rec.body.Bytes())
	return nil
}

// fingerprint identifies what a call asks for.
func fingerprint(x *Exchange) []byte {
	h := sha256.New()
	fmt.Fprintf(h, "%s %s?%s\n%s\n", x.R.Method, x.Path, x.R.URL.RawQuery, x.R.Header.Get("Prefer"))
	h.Write(x.Body)
	return h.Sum(nil)
}

func printable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// recorder is a ResponseWriter that keeps an answer back.
type recorder struct {
	header http.Header
	body   bytes.Buffer
	over   bool
}

// Header implements http.ResponseWriter.
func (r *recorder) Header() http.Header { return r.header }

// WriteHeader implements http.ResponseWriter; the status is the wrapper's to
// remember.
func (r *recorder) WriteHeader(int) {}

// Write implements io.Writer. Beyond the bound it only remembers that there
// was more.
func (r *recorder) Write(p []byte) (int, error) {
	if r.body.Len()+len(p) > maxReplay {
		r.over = true
		return len(p), nil
	}
	return r.body.Write(p)
}

// showsSecret reports whether the answer may hold a secret that is shown once:
// a webhook's, or a new key. Such an answer is kept nowhere, so a repetition
// of the call runs it again.
func showsSecret(x *Exchange) bool {
	return x.Entry.shownOnce || x.Entry.master && strings.HasPrefix(x.Path, "/admin/keys")
}
