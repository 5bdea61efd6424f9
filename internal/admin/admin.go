// Package admin answers /admin/*: tenants, keys, usage, workers and the
// configuration in force. Only the master key is let in, and the package
// checks that itself, whatever stands before it. Each act is logged with who
// did what to whom, and never with a secret.
package admin

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/authn"
	"github.com/omni-run/omni/internal/sqlitedb"
	"github.com/omni-run/omni/internal/usage"
)

// Usage reports what tenants used; *usage.Ledger does.
type Usage interface {
	Report(ctx context.Context, q usage.Query) (*api.UsageAnswer, error)
	Summary(ctx context.Context, r usage.Range, after string, limit int) ([]api.TenantUsage, error)
}

// Workers knows the workers behind the gateway.
type Workers interface {
	// Workers describes them, as a value for JSON.
	Workers(ctx context.Context) (any, error)
	// Drain sends a worker no more calls and lets it finish those it has. It
	// returns ErrNoWorker for a name it does not know.
	Drain(ctx context.Context, name string) error
}

// ErrNoWorker says that there is no worker of that name.
var ErrNoWorker = errors.New("admin: no such worker")

// Config shows the configuration in force.
type Config interface {
	// Describe returns its version and its values, secrets left out.
	Describe() (version string, values any)
}

// Deps is what the handler works with.
type Deps struct {
	// Issuer, Principal, RequestID and Log are required.
	Issuer *authn.Issuer
	// Principal returns who calls, as established before this handler.
	Principal func(*http.Request) (authn.Principal, bool)
	// RequestID returns the id under which the request is answered and logged.
	RequestID func(*http.Request) string
	// Usage, Workers and Config may be nil; their paths are then unknown.
	Usage   Usage
	Workers Workers
	Config  Config
	// MonthUnits returns the units a month of a tier; 0 means unlimited. Nil
	// means that no tier is limited.
	MonthUnits func(tier string) int64
	// Fail answers an error. Nil means the envelope of api.Error, with any
	// other error logged and answered as internal.
	Fail func(http.ResponseWriter, *http.Request, error)
	Log  *slog.Logger
	// Now is the clock; default time.Now.
	Now func() time.Time
}

// endpoint answers one method of one path.
type endpoint func(w http.ResponseWriter, r *http.Request) error

// Handler answers /admin/*.
type Handler struct {
	deps Deps
	mux  *http.ServeMux
}

// New makes the handler. It panics if something required is missing.
func New(d Deps) *Handler {
	if d.Issuer == nil || d.Principal == nil || d.RequestID == nil || d.Log == nil {
		panic("admin: Issuer, Principal, RequestID and Log are required")
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	h := &Handler{deps: d, mux: http.NewServeMux()}
	for path, methods := range h.routes() {
		h.mux.Handle(path, h.dispatch(methods))
	}
	h.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		h.fail(w, r, api.NotFound("unknown_path", "there is no such path below /admin"))
	})
	return h
}

// methods are the endpoints of one path by HTTP method.
type methods map[string]endpoint

// routes is the whole of /admin.
func (h *Handler) routes() map[string]methods {
	all := map[string]methods{
		"/admin/tenants":          {"GET": h.listTenants, "POST": h.createTenant},
		"/admin/tenants/{id}":     {"GET": h.showTenant, "PATCH": h.updateTenant},
		"/admin/keys":             {"GET": h.listKeys, "POST": h.createKey},
		"/admin/keys/{id}":        {"GET": h.showKey, "DELETE": h.revokeKey},
		"/admin/keys/{id}/rotate": {"POST": h.rotateKey},
		"/admin/keys/{id}/revoke": {"POST": h.revokeKey},
	}
	if h.deps.Usage != nil {
		all["/admin/usage"] = methods{"GET": h.showUsage}
	}
	if h.deps.Workers != nil {
		all["/admin/workers"] = methods{"GET": h.listWorkers}
		all["/admin/workers/{name}/drain"] = methods{"POST": h.drainWorker}
	}
	if h.deps.Config != nil {
		all["/admin/config"] = methods{"GET": h.showConfig}
	}
	return all
}

// ServeHTTP implements http.Handler. Whoever is not the master learns nothing,
// not even which paths exist.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if p, ok := h.deps.Principal(r); !ok || !p.Master {
		h.deps.Log.Warn("admin refused", slog.String("actor", p.KeyID), slog.String("tenant", p.Tenant),
			slog.String("method", r.Method), slog.String("request_id", h.deps.RequestID(r)))
		h.fail(w, r, authn.MasterOnly())
		return
	}
	h.mux.ServeHTTP(w, r)
}

func (h *Handler) dispatch(m methods) http.Handler {
	var names []string
	for _, name := range []string{"GET", "POST", "PATCH", "DELETE"} {
		if m[name] != nil {
			names = append(names, name)
		}
	}
	allow := strings.Join(names, ", ")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f := m[r.Method]
		if f == nil {
			w.Header().Set("Allow", allow)
			h.fail(w, r, api.NewError(http.StatusMethodNotAllowed, "method_not_allowed", "this path takes %s", allow))
			return
		}
		if err := f(w, r); err != nil {
			h.fail(w, r, translate(err))
		}
	})
}

// translate turns the errors of the packages below into what a caller is told.
func translate(err error) error {
	var known *api.Error
	var invalid *authn.InvalidError
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &invalid):
		return api.Unprocessable("invalid_value", "%s", invalid.Error())
	case errors.Is(err, authn.ErrNotFound):
		return api.NotFound("not_found", "there is no such tenant or key").Because(err)
	case errors.Is(err, authn.ErrExists):
		return api.Conflict("already_exists", "the id is taken").Because(err)
	case errors.Is(err, authn.ErrSpent):
		return api.Conflict("key_not_rotatable", "the key is revoked, expired, or has been rotated before").Because(err)
	case errors.Is(err, authn.ErrReadOnly):
		return api.Conflict("store_read_only", "the key store is read-only here; change it where it is mounted from").Because(err)
	case sqlitedb.IsFull(err):
		return api.NewError(http.StatusInsufficientStorage, "storage_full", "the key store has no room left; nothing was changed").Because(err)
	case sqlitedb.IsBusy(err):
		e := api.NewError(http.StatusServiceUnavailable, "storage_busy", "the key store is locked; nothing was changed, try again").Because(err)
		e.RetryAfter = time.Second
		return e
	case errors.Is(err, ErrNoWorker):
		return api.NotFound("unknown_worker", "there is no worker of that name").Because(err)
	}
	return err
}

// audit logs an act that was done. what names its object; never a secret.
func (h *Handler) audit(r *http.Request, act string, what ...slog.Attr) {
	p, _ := h.deps.Principal(r)
	attrs := append([]slog.Attr{
		slog.String("act", act), slog.String("actor", p.KeyID),
		slog.String("remote", r.RemoteAddr), slog.String("request_id", h.deps.RequestID(r)),
	}, what...)
	h.deps.Log.LogAttrs(r.Context(), slog.LevelInfo, "admin", attrs...)
}
