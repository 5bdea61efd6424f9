package edge

import (
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/config"
	"github.com/omni-run/omni/internal/observe"
)

// Door answers for a gateway that is still opening its stores: its health at
// once, since a platform may be waiting for it, and every other request as
// soon as the gateway is open. A new data folder takes its time; no caller is
// turned away for that.
type Door struct {
	cfg     config.Config
	version string
	log     *slog.Logger
	now     func() time.Time
	begun   time.Time

	once   sync.Once
	opened chan struct{}
	inside atomic.Pointer[Gateway]
}

// NewDoor makes a door that is shut.
func NewDoor(c config.Config, version string, log *slog.Logger, now func() time.Time) *Door {
	return &Door{cfg: c, version: version, log: log, now: now, begun: now(), opened: make(chan struct{})}
}

// Open lets requests through to the gateway. Only the first call counts.
func (d *Door) Open(g *Gateway) {
	d.once.Do(func() {
		d.inside.Store(g)
		close(d.opened)
	})
}

// ServeHTTP implements http.Handler.
func (d *Door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if g := d.inside.Load(); g != nil {
		g.ServeHTTP(w, r)
		return
	}
	if d.serveEarly(w, r) {
		return
	}
	select {
	case <-d.opened:
		d.inside.Load().ServeHTTP(w, r)
	case <-r.Context().Done():
		fail(d.exchange(w, r), errStarting())
	}
}

// serveEarly answers the health paths while the door is shut.
func (d *Door) serveEarly(w http.ResponseWriter, r *http.Request) bool {
	if (r.Method != http.MethodGet && r.Method != http.MethodHead) || framedTwice(r.Context()) {
		return false
	}
	x := d.exchange(w, r)
	var err error
	switch r.URL.EscapedPath() {
	case "/health":
		err = writeJSON(x, http.StatusOK, map[string]any{
			"status": "ok", "service": "api-gateway", "version": d.version, "mode": d.cfg.Mode,
			"uptime_seconds": d.now().Sub(d.begun).Seconds(),
			"workers":        map[string]int{"ready": 0, "total": len(d.cfg.Workers)},
			"request_id":     x.RequestID,
		})
	case "/health/live":
		err = writeJSON(x, http.StatusOK, map[string]any{"status": "ok", "request_id": x.RequestID})
	case "/health/ready":
		err = writeJSON(x, http.StatusServiceUnavailable, map[string]any{"status": "starting", "request_id": x.RequestID})
	default:
		return false
	}
	if err != nil {
		fail(x, err)
	}
	return true
}

// exchange is a request without a gateway.
func (d *Door) exchange(w http.ResponseWriter, r *http.Request) *Exchange {
	x := &Exchange{W: &responseWriter{ResponseWriter: w}, R: r, Begun: d.now(), RequestID: r.Header.Get(api.HeaderRequestID)}
	if !observe.ValidRequestID(x.RequestID) {
		x.RequestID = observe.NewRequestID()
	}
	h := w.Header()
	h["X-Request-Id"] = []string{x.RequestID}
	h["X-Content-Type-Options"] = []string{"nosniff"}
	return x
}

// errStarting is the answer to a request that came while the gateway opened,
// and that the gateway never got to see.
func errStarting() *api.Error {
	e := api.NewError(http.StatusServiceUnavailable, "starting", "the gateway could not start in time; try again")
	e.RetryAfter = time.Second
	return e
}
