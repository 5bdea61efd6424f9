// Package contracttest checks that a worker, in whatever language, keeps the
// /internal half of the HTTP contract. Each check says in one line what it
// found and how to mend it.
package contracttest

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/omni-run/omni/api"
)

// Target is the worker to check.
type Target struct {
	// URL is where it listens, such as http://127.0.0.1:8090.
	URL string
	// Token is the shared token it demands; empty when it demands none.
	Token string
	// Method, Path and Body are a call that it answers with 200; without a Path
	// the checks that need one are left out.
	Method, Path, Body string
	// Patience bounds each single wait. Default 10 s.
	Patience time.Duration
}

// Outcome is how a check ended.
type Outcome string

// The outcomes.
const (
	Passed  Outcome = "ok"
	Failed  Outcome = "FAILED"
	Skipped Outcome = "left out"
)

// Result is one check's outcome.
type Result struct {
	Check   string
	Outcome Outcome
	// Found is what was seen; Mend, of a failed check, what to change.
	Found, Mend string
}

// check is one rule of the contract.
type check struct {
	name      string
	needsCall bool
	mend      string
	run       func(ctx context.Context, w *worker) error
}

// checks in the order they are run.
var checks = []check{
	{"health answers", false, "answer GET /internal/health with JSON and 200 (503 only while draining), from the first millisecond on", healthAnswers},
	{"health has every field", false, "state status, services_ready, services, in_flight, max_concurrency and version", healthFields},
	{"health agrees with itself", false, "services_ready is true just when every service is ready, and status is then ok", healthAgrees},
	{"metrics can be read", false, "answer GET /internal/metrics in Prometheus text format", metricsRead},
	{"an unknown path is 404", false, "answer what you do not serve with 404 and the error envelope", unknownPath},
	{"strangers are refused", false, "demand X-Omni-Worker-Token on every path but /internal/health", strangersRefused},
	{"a call is answered", true, "answer 200, Content-Type application/json, one JSON object with the request_id of X-Request-ID", callAnswered},
	{"connections are kept", true, "keep HTTP/1.1 connections open between calls: state Content-Length or use chunks, and read the body to its end", connectionKept},
	{"the wrong method is refused", true, "answer 405 with Allow, or 404", wrongMethod},
	{"malformed JSON is refused", true, "answer 400 and the error envelope; never 500, never a stack trace", malformedJSON},
	{"too many calls at once", true, "answer all, or refuse those beyond max_concurrency with 503 and Retry-After", tooMany},
	{"health answers under load", true, "serve /internal/health from a thread that work cannot starve", healthUnderLoad},
	{"callers that leave", true, "notice closed connections, count in_flight down, and go on", callersLeave},
	{"half a request", true, "give up on a body that ends early, and go on", halfRequest},
	{"in_flight returns to zero", false, "count every call out, however it ended", inFlightReturns},
}

// Run makes every check against the target, in order, and returns all results.
// It is over early only if the context ends.
func Run(ctx context.Context, t Target) ([]Result, error) {
	w, err := newWorker(t)
	if err != nil {
		return nil, err
	}
	defer w.http.CloseIdleConnections()
	var out []Result
	for _, c := range checks {
		if ctx.Err() != nil {
			return out, context.Cause(ctx)
		}
		out = append(out, c.result(ctx, w))
	}
	return out, nil
}

func (c check) result(ctx context.Context, w *worker) Result {
	switch {
	case c.needsCall && w.Path == "":
		return Result{Check: c.name, Outcome: Skipped, Found: "no call was given"}
	case w.unreachable && c.name != checks[0].name:
		return Result{Check: c.name, Outcome: Skipped, Found: "the worker's health does not answer"}
	}
	return c.ended(c.run(ctx, w))
}

// ended is the result of the check whose run returned err.
func (c check) ended(err error) Result {
	if skip, ok := err.(skipped); ok { //nolint:errorlint // made here, never wrapped
		return Result{Check: c.name, Outcome: Skipped, Found: string(skip)}
	}
	if err != nil {
		return Result{Check: c.name, Outcome: Failed, Found: err.Error(), Mend: c.mend}
	}
	return Result{Check: c.name, Outcome: Passed}
}

// skipped says why a check does not apply.
type skipped string

func (s skipped) Error() string { return string(s) }

// worker is the target with what the checks learn of it.
type worker struct {
	Target
	base *url.URL
	http *http.Client
	// unreachable: the first check found no health.
	unreachable bool
	health      *api.WorkerHealth
}

func newWorker(t Target) (*worker, error) {
	u, err := url.Parse(t.URL)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return nil, fmt.Errorf("%q is no URL such as http://127.0.0.1:8090", t.URL)
	}
	if t.Patience == 0 {
		t.Patience = 10 * time.Second
	}
	if t.Method == "" {
		t.Method = http.MethodPost
	}
	if t.Path != "" && !strings.HasPrefix(t.Path, api.InternalPrefix+"/") {
		return nil, fmt.Errorf("the call's path is %q; a worker serves paths under %s/", t.Path, api.InternalPrefix)
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true}
	return &worker{Target: t, base: u, http: &http.Client{Transport: transport}}, nil
}

func newID() string { return "contract-" + rand.Text() }
