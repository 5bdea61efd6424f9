package pool

import (
	"net/http"
	"time"

	"github.com/omni-run/omni/api"
)

// The errors below are what callers read: they name services and limits,
// never hosts. The cause is for the log.

func errNoWorker(service string) *api.Error {
	return api.NewError(http.StatusServiceUnavailable, "no_worker",
		"no worker serves %q", bare(service))
}

func errNeverAnswered(service string, waited time.Duration) *api.Error {
	e := api.NewError(http.StatusServiceUnavailable, "no_worker",
		"no worker for %q has answered yet; waited %v", bare(service), round(waited))
	e.RetryAfter = defaultEstimate
	return e
}

func errCannotWake(service string, again time.Duration) *api.Error {
	e := api.NewError(http.StatusServiceUnavailable, "no_worker",
		"no worker for %q could be started", bare(service))
	e.RetryAfter = max(again, minEstimate)
	return e
}

func errServiceFailed(service string) *api.Error {
	e := api.NewError(http.StatusServiceUnavailable, "no_worker",
		"%q failed to load on every worker", bare(service))
	e.RetryAfter = time.Minute
	return e
}

func errStopping() *api.Error {
	e := api.NewError(http.StatusServiceUnavailable, "no_worker",
		"the gateway is shutting down; try again")
	e.RetryAfter = time.Second
	return e
}

func errQueueFull(cause error) *api.Error {
	e := api.NewError(http.StatusServiceUnavailable, "queue_full",
		"too many calls are waiting for a worker; try again later")
	e.RetryAfter = defaultEstimate
	return e.Because(cause)
}

func errAllBusy(service string, waited time.Duration) *api.Error {
	e := api.NewError(http.StatusServiceUnavailable, "queue_full",
		"every worker for %q was busy for the %v this call may wait", bare(service), round(waited))
	e.RetryAfter = defaultEstimate
	return e
}

func errStillLoading(service string, waited, estimate time.Duration) *api.Error {
	e := api.NewError(http.StatusServiceUnavailable, "still_loading",
		"workers for %q are still loading after %v; expected in about %v", bare(service), round(waited), estimate)
	e.RetryAfter = estimate
	return e
}

func errRefused(service string, estimate time.Duration) *api.Error {
	e := api.NewError(http.StatusServiceUnavailable, "still_loading",
		"workers for %q are not ready to take the call", bare(service))
	e.RetryAfter = estimate
	return e
}

func errDeadline(limit string) *api.Error {
	return api.NewError(http.StatusGatewayTimeout, "deadline_exceeded",
		"the call did not finish within its time limit (%s)", limit)
}

func errWorkerFailed() *api.Error {
	return api.NewError(http.StatusBadGateway, "worker_failed",
		"the worker failed while it ran this call; whether it took effect is not known")
}

func errUnreachable(service string) *api.Error {
	e := api.NewError(http.StatusServiceUnavailable, "no_worker",
		"no worker for %q could be reached; the call did not run", bare(service))
	e.RetryAfter = defaultEstimate
	return e
}

func errBadRequest(cause error) *api.Error {
	return api.BadRequest("bad_request", "the path, query or a header holds a byte that must be escaped").Because(cause)
}

func round(d time.Duration) time.Duration {
	if d < time.Second {
		return d.Round(time.Millisecond)
	}
	return d.Round(100 * time.Millisecond)
}
