package contracttest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/omni-run/omni/api"
)

func (w *worker) getHealth(ctx context.Context) (*api.WorkerHealth, error) {
	a, err := w.send(ctx, http.MethodGet, api.InternalPrefix+"/health", "", nil)
	if err != nil {
		return nil, err
	}
	if _, err := a.object(); err != nil {
		return nil, err
	}
	h := &api.WorkerHealth{}
	if err := json.Unmarshal(a.body, h); err != nil {
		return nil, fmt.Errorf("health has a field of the wrong type: %w", err)
	}
	if want := map[bool]int{false: 200, true: 503}[h.Status == api.WorkerDraining]; a.status != want {
		return nil, fmt.Errorf("health says %q with status %d, not %d", h.Status, a.status, want)
	}
	return h, nil
}

func healthAnswers(ctx context.Context, w *worker) (err error) {
	w.health, err = w.getHealth(ctx)
	w.unreachable = err != nil
	return err
}

func healthFields(ctx context.Context, w *worker) error {
	a, err := w.send(ctx, http.MethodGet, api.InternalPrefix+"/health", "", nil)
	if err != nil {
		return err
	}
	o, err := a.object()
	if err != nil {
		return err
	}
	for _, field := range []string{"status", "services_ready", "services", "in_flight", "max_concurrency", "version"} {
		if _, ok := o[field]; !ok {
			return fmt.Errorf("health has no %s", field)
		}
	}
	h := w.health
	switch {
	case h.Status != api.WorkerInitializing && h.Status != api.WorkerOK && h.Status != api.WorkerDraining:
		return fmt.Errorf("status is %q; it takes initializing, ok or draining", h.Status)
	case len(h.Services) == 0:
		return errors.New("services is empty: the gateway routes by service")
	case h.MaxConcurrency < 1:
		return fmt.Errorf("max_concurrency is %d; the gateway would never send a call", h.MaxConcurrency)
	case h.InFlight < 0:
		return fmt.Errorf("in_flight is %d", h.InFlight)
	case h.Version == "":
		return errors.New("version is empty")
	case h.ETASeconds != nil && *h.ETASeconds < 0:
		return fmt.Errorf("eta_seconds is %g", *h.ETASeconds)
	}
	return nil
}

func healthAgrees(ctx context.Context, w *worker) error {
	h, err := w.getHealth(ctx)
	if err != nil {
		return err
	}
	ready := true
	for name, s := range h.Services {
		switch s.State {
		case api.StateReady:
		case api.StateLoading, api.StateFailed:
			ready = false
		default:
			return fmt.Errorf("service %q is %q; it takes loading, ready or failed", name, s.State)
		}
	}
	if h.ServicesReady != ready {
		return fmt.Errorf("services_ready is %t, and the services say %t", h.ServicesReady, ready)
	}
	if ready && h.Status == api.WorkerInitializing {
		return errors.New("every service is ready and status is initializing")
	}
	return nil
}

func metricsRead(ctx context.Context, w *worker) error {
	a, err := w.send(ctx, http.MethodGet, api.InternalPrefix+"/metrics", "", nil)
	if err != nil {
		return err
	}
	if a.status != http.StatusOK {
		return fmt.Errorf("the status is %d", a.status)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(a.body))
	if err != nil {
		return fmt.Errorf("not Prometheus text: %w", err)
	}
	if len(families) == 0 {
		return errors.New("there is no metric")
	}
	return nil
}

func unknownPath(ctx context.Context, w *worker) error {
	a, err := w.send(ctx, http.MethodPost, api.InternalPrefix+"/no-such-path-as-this", "{}", nil)
	if err != nil {
		return err
	}
	return a.envelope(http.StatusNotFound)
}

func strangersRefused(ctx context.Context, w *worker) error {
	if w.Token == "" {
		return skipped("no token was given: the worker must be out of strangers' reach")
	}
	path, method, body := api.InternalPrefix+"/metrics", http.MethodGet, ""
	if w.Path != "" {
		path, method, body = w.Path, w.Method, w.Body
	}
	for name, token := range map[string]string{"no token": "", "a wrong token": w.Token + "x"} {
		a, err := w.send(ctx, method, path, body, func(h http.Header) {
			h.Del(api.HeaderWorkerToken)
			if token != "" {
				h.Set(api.HeaderWorkerToken, token)
			}
		})
		if err != nil {
			return err
		}
		if err := a.envelope(http.StatusUnauthorized, http.StatusForbidden); err != nil {
			return fmt.Errorf("with %s: %w", name, err)
		}
	}
	return nil
}
