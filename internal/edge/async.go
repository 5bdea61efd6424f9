package edge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/jobs"
	"github.com/omni-run/omni/internal/pool"
	"github.com/omni-run/omni/internal/usage"
)

// Jobs keeps and runs asynchronous calls; see package jobs.
type Jobs interface {
	Submit(ctx context.Context, spec jobs.Spec) (api.Job, error)
	Get(ctx context.Context, tenant, id string) (api.Job, error)
	List(ctx context.Context, tenant string, limit int) ([]api.Job, error)
	Cancel(ctx context.Context, tenant, id string) (api.Job, error)
	Watch(ctx context.Context, tenant, id string, f func(api.Job) error) error
	Webhooks
}

// maxJobResult bounds the answer of a job, in bytes.
const maxJobResult = 32 << 20

// respondAsync turns a call into a job when its caller or its route wants that.
func (g *Gateway) respondAsync(next Handler) Handler {
	return func(x *Exchange) error {
		wanted := prefersAsync(x.R.Header)
		if x.Entry.handle != nil || x.R.Method == http.MethodGet || (!wanted && !x.Entry.route.Async) {
			return next(x)
		}
		r := x.Entry.route
		job, err := g.Jobs.Submit(x.Context(), jobs.Spec{
			Tenant: x.Principal.Tenant, Tier: x.Principal.Tier, Weight: ownWeight(x), RequestID: x.RequestID, Traceparent: x.Trace.Traceparent(),
			Method: r.Method, Endpoint: r.Path, Path: x.Path, RawQuery: x.R.URL.RawQuery, Body: x.Body, Idempotent: r.Idempotent,
		})
		if err != nil {
			return err
		}
		location := "/jobs/" + job.JobID
		h := x.W.Header()
		h["Location"] = []string{location}
		h["Cache-Control"] = []string{"no-store"}
		if wanted {
			h["Preference-Applied"] = []string{"respond-async"}
		}
		return writeJSON(x, http.StatusAccepted, api.JobAccepted{Status: "accepted", JobID: job.JobID, RequestID: x.RequestID, Location: location})
	}
}

// ownWeight is the weight that a tenant has instead of its tier's, or 0.
func ownWeight(x *Exchange) int {
	if own := x.Principal.Limits; own != nil && own.Weight != nil {
		return *own.Weight
	}
	return 0
}

// prefersAsync reads the Prefer header (RFC 7240).
func prefersAsync(h http.Header) bool {
	for _, line := range h.Values("Prefer") {
		for p := range strings.SplitSeq(line, ",") {
			name, _, _ := strings.Cut(p, ";")
			if strings.EqualFold(strings.TrimSpace(name), "respond-async") {
				return true
			}
		}
	}
	return false
}

// RunJob is the jobs.Runner of the gateway: it sends the call to a worker as
// the private way does, follows its progress, and enters it into the ledger
// when its end is written down.
func (g *Gateway) RunJob(ctx context.Context, spec jobs.Spec, progress func(float64)) (body []byte, settle func(), err error) {
	begun := g.now()
	l := g.take()
	defer l.release()
	entries, _ := l.table.find(spec.Path)
	e := pick(entries, spec.Method)
	if e == nil || e.handle != nil {
		return nil, nil, api.NewError(http.StatusGone, "route_gone", "the route %s %s is no longer served here", spec.Method, spec.Endpoint)
	}
	follow, stop := context.WithCancel(ctx)
	followed := make(chan struct{})
	go func() {
		defer close(followed)
		g.followProgress(follow, l, e, spec, progress)
	}()
	body, status, err := g.callForJob(ctx, l, e, spec)
	stop()
	<-followed
	entry := usage.Entry{Tenant: spec.Tenant, Route: e.pattern, Status: status, Latency: g.now().Sub(begun), At: begun}
	switch {
	case err == nil:
		entry.Units = int64(e.units)
	case errors.Is(ctx.Err(), context.Canceled):
		entry.Status = statusClientGone
	case status == 0:
		entry.Status = asError(err).HTTP
	}
	return body, func() {
		if err := g.Ledger.Record(entry); err != nil {
			g.log.Error("the usage ledger refused a job's entry", "tenant", spec.Tenant, "request_id", spec.RequestID, "error", err)
		}
	}, err
}

func (g *Gateway) callForJob(ctx context.Context, l *live, e *entry, spec jobs.Spec) (body []byte, status int, err error) {
	res, err := g.Pool.Do(ctx, l.jobRequest(e, spec, spec.Method, api.InternalPrefix+spec.Path, spec.Body))
	if err != nil {
		return nil, 0, err
	}
	defer res.Body.Close()
	body, err = io.ReadAll(io.LimitReader(res.Body, maxJobResult+1))
	switch {
	case err != nil:
		return nil, http.StatusBadGateway, api.NewError(http.StatusBadGateway, "worker_failed", "the worker broke off its answer").Because(err)
	case len(body) > maxJobResult:
		return nil, http.StatusBadGateway, api.NewError(http.StatusBadGateway, "answer_too_large", "the answer exceeds the %d bytes a job may keep", maxJobResult)
	case broken(res.Status):
		return nil, http.StatusBadGateway, api.NewError(http.StatusBadGateway, "worker_failed", "the worker failed at this call; the request id finds it in the log").
			Because(fmt.Errorf("worker %s answered %d", res.WorkerName, res.Status))
	case res.Status >= 400:
		return nil, res.Status, workerRefusal(res.Status, body)
	case !json.Valid(body):
		return nil, http.StatusBadGateway, api.NewError(http.StatusBadGateway, "worker_failed", "the worker's answer is not JSON")
	}
	return body, res.Status, nil
}

// workerRefusal reads the envelope in which a worker refused a call.
func workerRefusal(status int, body []byte) error {
	var b api.ErrorBody
	if err := json.Unmarshal(body, &b); err != nil || b.Error == "" {
		return api.NewError(http.StatusBadGateway, "worker_failed", "the worker refused the call with %d and no reason that can be read", status)
	}
	return &api.Error{HTTP: status, Code: b.Error, Message: b.Message, Details: b.Details}
}

func (l *live) jobRequest(e *entry, spec jobs.Spec, method, path string, body []byte) *pool.Request {
	weight := 1.0
	if tier, ok := l.cfg.Tiers[spec.Tier]; ok {
		weight = float64(tier.Weight)
	}
	if spec.Weight > 0 {
		weight = float64(spec.Weight)
	}
	h := http.Header{
		"X-Tenant-Id": {spec.Tenant}, "X-Tenant-Tier": {spec.Tier}, "X-Request-Id": {spec.RequestID}, "Traceparent": {spec.Traceparent},
	}
	if len(body) > 0 {
		h.Set("Content-Type", "application/json")
	}
	return &pool.Request{
		Service: e.route.Service, Method: method, Path: path, RawQuery: spec.RawQuery, Header: h, Body: body,
		Tenant: spec.Tenant, Weight: weight, Idempotent: spec.Idempotent, Timeout: e.route.Timeout.D(), MaxWait: l.cfg.Hold.MaxWait.D(),
	}
}

// followProgress asks the worker now and then how far the call is. A worker
// that keeps no such board answers 404, and the job simply shows no progress.
func (g *Gateway) followProgress(ctx context.Context, l *live, e *entry, spec jobs.Spec, progress func(float64)) {
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		r := l.jobRequest(e, spec, http.MethodGet, api.InternalPrefix+"/progress/"+spec.RequestID, nil)
		r.RawQuery, r.Idempotent, r.Timeout, r.MaxWait = "", true, 2*time.Second, 100*time.Millisecond
		res, err := g.Pool.Do(ctx, r)
		if err != nil {
			continue
		}
		var p struct {
			Progress float64 `json:"progress"`
		}
		err = json.NewDecoder(io.LimitReader(res.Body, 4096)).Decode(&p)
		_ = res.Body.Close() // the answer has been read, or is of no use
		if err == nil && res.Status == http.StatusOK && p.Progress > 0 {
			progress(p.Progress)
		}
	}
}

func (g *Gateway) serveJobs(x *Exchange) error {
	limit := 20
	if v := x.R.URL.Query().Get("limit"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 || n > 200 {
			return api.Unprocessable("bad_limit", "limit must be a whole number in [1, 200]").At("limit", "got %.32q", v)
		}
		limit = n
	}
	list, err := g.Jobs.List(x.Context(), x.Principal.Tenant, limit)
	if err != nil {
		return err
	}
	return writeJSON(x, http.StatusOK, api.JobList{Jobs: list, RequestID: x.RequestID})
}

func (g *Gateway) serveJob(x *Exchange) error {
	j, err := g.Jobs.Get(x.Context(), x.Principal.Tenant, x.Values["id"])
	if err != nil {
		return err
	}
	if !j.Ended() {
		x.W.Header()["Retry-After"] = []string{"1"}
	}
	return writeJSON(x, http.StatusOK, j)
}

func (g *Gateway) serveCancelJob(x *Exchange) error {
	j, err := g.Jobs.Cancel(x.Context(), x.Principal.Tenant, x.Values["id"])
	if err != nil {
		return err
	}
	return writeJSON(x, http.StatusOK, j)
}

// serveJobEvents streams the job's states as server-sent events until it ends.
func (g *Gateway) serveJobEvents(x *Exchange) error {
	id := x.Values["id"]
	if _, err := g.Jobs.Get(x.Context(), x.Principal.Tenant, id); err != nil {
		return err
	}
	h := x.W.Header()
	h["Content-Type"] = []string{"text/event-stream"}
	h["Cache-Control"] = []string{"no-store"}
	x.W.WriteHeader(http.StatusOK)
	flusher := http.NewResponseController(x.W)
	ctx, cancel := context.WithCancel(x.Context())
	defer cancel()
	go func() {
		select {
		case <-g.drained:
			cancel()
		case <-ctx.Done():
		}
	}()
	err := g.Jobs.Watch(ctx, x.Principal.Tenant, id, func(j api.Job) error {
		raw, err := json.Marshal(j)
		if err != nil {
			return err
		}
		event := "progress"
		if j.Ended() {
			event = "end"
		}
		if _, err := fmt.Fprintf(x.W, "event: %s\ndata: %s\n\n", event, raw); err != nil {
			return err
		}
		return flusher.Flush()
	})
	if err != nil && x.Context().Err() == nil && g.draining.Load() {
		return nil // the reader connects again, to the next gateway
	}
	return err
}
