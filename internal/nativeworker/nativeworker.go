// Package nativeworker puts the native worker together: every capability of
// Omni in one process. A new capability is one more line in services.
package nativeworker

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/omni-run/omni/internal/observe"
	"github.com/omni-run/omni/internal/otlp"
	"github.com/omni-run/omni/internal/service"
	"github.com/omni-run/omni/internal/state"
	"github.com/omni-run/omni/internal/worker"
)

// Options configure the native worker.
type Options struct {
	// DataDir holds tenants' data and models.
	DataDir string
	// Token is what the gateway must present; empty trusts whoever can reach
	// the listener.
	Token string
	// Verify and TLS say what else it must present; see worker.Options.
	Verify func(ctx context.Context, header http.Header) error
	TLS    *tls.Config
	// MaxConcurrency is how many calls run at a time; 0 for the default.
	MaxConcurrency int
	Version        string
	Log            *slog.Logger
	Now            func() time.Time
	Reporter       *observe.Reporter
	// Traces exports spans; nil for none. Close ends it.
	Traces *otlp.Exporter
	// LLM configures an OpenAI-compatible provider for /agi; zero for none.
	LLM LLM
}

// Worker is the native worker, open.
type Worker struct {
	opt   Options
	store *state.Store
	shell *worker.Shell
}

// Open opens the tenants' store and begins to load the services, side by side
// and in the background.
func Open(ctx context.Context, o Options) (*Worker, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if err := os.MkdirAll(o.DataDir, 0o700); err != nil {
		return nil, fmt.Errorf("making the data folder: %w", err)
	}
	store, err := state.Open(ctx, filepath.Join(o.DataDir, "tenants.db"), o.Now)
	if err != nil {
		return nil, err
	}
	w := &Worker{opt: o, store: store}
	list, err := w.services()
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	var traces worker.Traces
	if o.Traces != nil {
		traces = o.Traces
	}
	w.shell, err = worker.New(worker.Options{
		Services: list, MaxConcurrency: o.MaxConcurrency, Token: o.Token, Verify: o.Verify, TLS: o.TLS, Version: o.Version, Log: o.Log, Now: o.Now,
		Registry: observe.NewRegistry("worker", o.Version), Reporter: o.Reporter, Traces: traces,
	})
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	w.shell.Start(ctx)
	return w, nil
}

// Serve answers on the listener until ctx ends, then drains for at most grace.
func (w *Worker) Serve(ctx context.Context, ln net.Listener, grace time.Duration) error {
	w.opt.Log.Info("worker listens", "address", ln.Addr().String(), "version", w.opt.Version, "token_demanded", w.opt.Token != "", "id_token_demanded", w.opt.Verify != nil, "tls", w.opt.TLS != nil)
	return w.shell.Serve(ctx, ln, grace)
}

// Close waits until loading has ended and closes the store.
func (w *Worker) Close() error {
	w.shell.Wait()
	w.opt.Reporter.Flush(2 * time.Second)
	err := w.store.Close()
	if w.opt.Traces != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		err = errors.Join(err, w.opt.Traces.Close(ctx))
	}
	return err
}

// Invoke lets the agents and the planner use the other services. The shell
// exists only after the services do, hence the indirection.
func (w *Worker) Invoke(ctx context.Context, call *service.Call, method, path string, body any) (json.RawMessage, error) {
	return w.shell.Invoke(ctx, call, method, path, body)
}
