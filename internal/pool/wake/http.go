package wake

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/pool"
)

// HTTP wakes a worker by one call to it, for platforms that start a service
// when it is called, such as Cloud Run, and stop it when nobody calls.
type HTTP struct {
	// Name of the worker, for the log.
	Name string
	// URL to call, usually the worker's /internal/health.
	URL string
	// Token, when set, is sent as X-Omni-Worker-Token.
	Token string
	// Authorize, when set, adds credentials.
	Authorize func(ctx context.Context, header http.Header) error
	// TLS is used for https; nil means the system's roots.
	TLS *tls.Config
	// Timeout of one call, during which the platform may start the worker;
	// default 1 min.
	Timeout time.Duration
	// Backoff is the pause after a first call that failed; it doubles up to
	// twenty times itself. Default 250 ms.
	Backoff time.Duration
	Log     *slog.Logger
}

var _ pool.Keeper = (*HTTP)(nil)

// refused is an answer that another try will not change.
type refused struct{ why string }

func (e *refused) Error() string { return e.why }

// Keep implements pool.Keeper. Putting the worker to rest is the platform's
// affair, once nobody calls: nor does the pool, which stops its probes.
func (h *HTTP) Keep(ctx context.Context, needed <-chan struct{}) error {
	transport := &http.Transport{TLSClientConfig: h.TLS, DisableKeepAlives: true, ForceAttemptHTTP2: true}
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for {
		if err := h.untilAnswered(ctx, client); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-needed:
		}
	}
}

// untilAnswered calls until the worker answers.
func (h *HTTP) untilAnswered(ctx context.Context, client *http.Client) error {
	pause := h.Backoff
	if pause == 0 {
		pause = 250 * time.Millisecond
	}
	for most := 20 * pause; ; pause = min(2*pause, most) {
		err := h.knock(ctx, client)
		if err == nil || ctx.Err() != nil {
			return nil //nolint:nilerr // called off
		}
		var no *refused
		if errors.As(err, &no) {
			return err
		}
		h.Log.Warn("the worker does not answer its wake call yet", "worker", h.Name, "error", err, "again_in", pause.String())
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
}

func (h *HTTP) knock(ctx context.Context, client *http.Client) error {
	timeout := h.Timeout
	if timeout == 0 {
		timeout = time.Minute
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, h.URL, http.NoBody)
	if err != nil {
		return &refused{"the wake address is not a URL"}
	}
	if h.Token != "" {
		req.Header.Set(api.HeaderWorkerToken, h.Token)
	}
	if h.Authorize != nil {
		if err := h.Authorize(ctx, req.Header); err != nil {
			return fmt.Errorf("making the credentials: %w", err)
		}
	}
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10)) // what it says is the probes' affair
	_ = res.Body.Close()
	switch {
	case res.StatusCode == http.StatusUnauthorized || res.StatusCode == http.StatusForbidden:
		return &refused{fmt.Sprintf("the wake call is answered %d: the gateway's identity may not call the worker (on Cloud Run its service account needs roles/run.invoker, and the worker wants identity: google)", res.StatusCode)}
	case res.StatusCode == http.StatusNotFound:
		return &refused{"the wake call is answered 404: there is no such worker at this address"}
	case res.StatusCode >= 200 && res.StatusCode < 300:
		return nil
	}
	return fmt.Errorf("the wake call is answered %d", res.StatusCode)
}
