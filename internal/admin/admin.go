// Package admin answers /admin/*: tenants, keys, usage, workers and the
// configuration in force. Only the master key is let in, and the package
// checks that itself, whatever stands before it. Each act leaves a log line and
// an entry in the audit log that say who did what to whom and what came of it,
// and never hold a secret.
package admin

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
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

// Config shows the configuration in force and reads it again.
type Config interface {
	// Describe returns it, secrets left out.
	Describe() *api.ConfigAnswer
	// Reload puts what the file says now into force, or returns why not.
	Reload(ctx context.Context) (*api.ConfigReloadAnswer, error)
}

// Deps is what the handler works with.
type Deps struct {
	// Issuer, Principal, RequestID and Log are required.
	Issuer *authn.Issuer
	// Principal returns who calls, as established before this handler.
	Principal func(*http.Request) (authn.Principal, bool)
	// RequestID returns the id under which the request is answered and logged.
	RequestID func(*http.Request) string
	// Remote returns the caller's address; default the peer's.
	Remote func(*http.Request) string
	// Trail is the audit log. Without one acts are only logged, and its path is
	// unknown.
	Trail authn.Trail
	// Usage, Workers and Config may be nil; their paths are then unknown.
	Usage   Usage
	Workers Workers
	Config  Config
	// MonthUnits returns a tenant's units a month; 0 means unlimited. Nil means
	// that no tenant is limited.
	MonthUnits func(t authn.Tenant) int64
	// Fail answers an error. Nil means the envelope of api.Error, with any
	// other error logged and answered as internal.
	Fail func(http.ResponseWriter, *http.Request, error)
	Log  *slog.Logger
	// Now is the clock; default time.Now.
	Now func() time.Time
}

// endpoint answers one method of one path. One that changes something has the
// name of the act, under which it is recorded.
type endpoint struct {
	act string
	do  func(w http.ResponseWriter, r *http.Request) error
}

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
	if d.Remote == nil {
		d.Remote = func(r *http.Request) string { return r.RemoteAddr }
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
		"/admin/tenants":          {"GET": {do: h.listTenants}, "POST": {"tenant.create", h.createTenant}},
		"/admin/tenants/{id}":     {"GET": {do: h.showTenant}, "PATCH": {"tenant.update", h.updateTenant}},
		"/admin/keys":             {"GET": {do: h.listKeys}, "POST": {"key.create", h.createKey}},
		"/admin/keys/{id}":        {"GET": {do: h.showKey}, "PATCH": {"key.update", h.updateKey}, "DELETE": {"key.revoke", h.revokeKey}},
		"/admin/keys/{id}/rotate": {"POST": {"key.rotate", h.rotateKey}},
		"/admin/keys/{id}/revoke": {"POST": {"key.revoke", h.revokeKey}},
	}
	if h.deps.Usage != nil {
		all["/admin/usage"] = methods{"GET": {do: h.showUsage}}
	}
	if h.deps.Trail != nil {
		all["/admin/audit"] = methods{"GET": {do: h.showAudit}}
	}
	if h.deps.Workers != nil {
		all["/admin/workers"] = methods{"GET": {do: h.listWorkers}}
		all["/admin/workers/{name}/drain"] = methods{"POST": {"worker.drain", h.drainWorker}}
	}
	if h.deps.Config != nil {
		all["/admin/config"] = methods{"GET": {do: h.showConfig}}
		all["/admin/config/reload"] = methods{"POST": {"config.reload", h.reloadConfig}}
	}
	return all
}

// Routes lists what is answered, as "METHOD /path", sorted.
func (h *Handler) Routes() []string {
	var out []string
	for path, m := range h.routes() {
		for method := range m {
			out = append(out, method+" "+path)
		}
	}
	slices.Sort(out)
	return out
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
		if m[name].do != nil {
			names = append(names, name)
		}
	}
	allow := strings.Join(names, ", ")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e := m[r.Method]
		if e.do == nil {
			w.Header().Set("Allow", allow)
			h.fail(w, r, api.NewError(http.StatusMethodNotAllowed, "method_not_allowed", "this path takes %s", allow))
			return
		}
		if e.act != "" {
			r = h.begin(r, e.act)
		}
		if err := e.do(w, r); err != nil {
			err = Translate(err)
			if e.act != "" {
				h.failed(r, err)
			}
			h.fail(w, r, err)
		}
	})
}

// Translate turns the errors of the packages below into what a caller is told.
func Translate(err error) error {
	var known *api.Error
	var invalid *authn.InvalidError
	var limit *authn.LimitError
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &invalid) && errors.As(err, &limit):
		return api.Unprocessable("invalid_value", "%s", invalid.Error()).At("limits."+limit.Field, "%s", limit.Problem)
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
	case errors.Is(err, authn.ErrAway):
		e := api.NewError(http.StatusServiceUnavailable, "storage_unavailable", "the key store is out of reach; look whether the change is there before you try again").Because(err)
		e.RetryAfter = time.Second
		return e
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
