package contracttest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"

	"github.com/omni-run/omni/api"
)

func callAnswered(ctx context.Context, w *worker) error {
	if err := w.until(ctx, func() error {
		h, err := w.getHealth(ctx)
		if err == nil && !h.ServicesReady {
			err = errors.New("the worker is not ready yet: wait until it is, then check it")
		}
		return err
	}); err != nil {
		return err
	}
	a, err := w.call(ctx)
	if err != nil {
		return err
	}
	if a.status != http.StatusOK {
		return fmt.Errorf("the status is %d: %.160s", a.status, a.body)
	}
	o, err := a.object()
	if err != nil {
		return err
	}
	if o["request_id"] != a.id {
		return fmt.Errorf("the answer's request_id is %.80v, not the X-Request-ID sent", o["request_id"])
	}
	return nil
}

func connectionKept(ctx context.Context, w *worker) error {
	for range 3 {
		if _, err := w.call(ctx); err != nil {
			return err
		}
	}
	a, err := w.call(ctx)
	if err == nil && !a.reused {
		err = errors.New("the worker closes the connection after each call")
	}
	return err
}

func wrongMethod(ctx context.Context, w *worker) error {
	method := http.MethodDelete
	if w.Method == method {
		method = http.MethodPatch
	}
	a, err := w.send(ctx, method, w.Path, "", nil)
	if err != nil {
		return err
	}
	if a.status == http.StatusMethodNotAllowed && a.header.Get("Allow") == "" {
		return errors.New("405 without an Allow header")
	}
	if a.status != http.StatusMethodNotAllowed && a.status != http.StatusNotFound {
		return fmt.Errorf("%s is answered with status %d", method, a.status)
	}
	return nil
}

func malformedJSON(ctx context.Context, w *worker) error {
	if w.Body == "" {
		return skipped("the call has no body")
	}
	for _, body := range []string{`{"a":`, `{"a":1}}`, "\x00\xff", `[`} {
		a, err := w.send(ctx, w.Method, w.Path, body, nil)
		if err != nil {
			return err
		}
		if err := a.envelope(http.StatusBadRequest); err != nil {
			return fmt.Errorf("to %q: %w", body, err)
		}
	}
	return nil
}

// excess is how many calls more than the worker says it can take are sent.
const excess = 8

// flood sends n calls together and returns the first thing that is wrong.
func (w *worker) flood(ctx context.Context, n int) error {
	errs := make(chan error, n)
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			a, err := w.call(ctx)
			switch {
			case err != nil:
			case a.status == http.StatusOK:
			case a.status == http.StatusServiceUnavailable || a.status == http.StatusTooManyRequests:
				if s, parse := strconv.Atoi(a.header.Get("Retry-After")); parse != nil || s < 0 {
					err = fmt.Errorf("status %d without a Retry-After in seconds", a.status)
				} else {
					err = a.envelope(a.status)
				}
			default:
				err = fmt.Errorf("one of %d calls at once is answered with status %d: %.160s", n, a.status, a.body)
			}
			errs <- err
		})
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// parallel is how many calls at once are tried: what the worker states, within
// reason.
func (w *worker) parallel() int { return min(max(w.health.MaxConcurrency, 1), 64) }

func tooMany(ctx context.Context, w *worker) error { return w.flood(ctx, w.parallel()+excess) }

func healthUnderLoad(ctx context.Context, w *worker) error {
	loaded := make(chan error, 1)
	go func() { loaded <- w.flood(ctx, w.parallel()) }()
	for {
		h, err := w.getHealth(ctx)
		if err == nil && h.Status == api.WorkerInitializing {
			err = errors.New("health says initializing while calls run")
		}
		if err != nil {
			return errors.Join(err, <-loaded)
		}
		select {
		case err := <-loaded:
			return err
		default:
		}
	}
}

func inFlightReturns(ctx context.Context, w *worker) error {
	return w.until(ctx, func() error {
		h, err := w.getHealth(ctx)
		if err == nil && h.InFlight != 0 {
			err = fmt.Errorf("in_flight is %d though nothing runs", h.InFlight)
		}
		return err
	})
}
