package admin

import (
	"log/slog"
	"net/http"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/authn"
	"github.com/omni-run/omni/internal/usage"
)

// showUsage answers, with ?tenant=, the report of one tenant (as CSV with
// ?format=csv), and without it the totals of each tenant.
func (h *Handler) showUsage(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	days, err := usage.ParseRange(q, h.deps.Now())
	if err != nil {
		return err
	}
	if !q.Has("tenant") {
		return h.summary(w, r, days)
	}
	tenant := q.Get("tenant")
	if !authn.ValidTenantID(tenant) {
		return api.Unprocessable("bad_tenant", "tenant is not a tenant id").At("tenant", "not an id")
	}
	t := h.rowOf(r, tenant)
	answer, err := h.deps.Usage.Report(r.Context(), usage.Query{
		Tenant: tenant, Tier: t.Tier, Range: days, MonthLimit: h.monthLimit(t),
	})
	if err != nil {
		return err
	}
	switch q.Get("format") {
	case "", "json":
		return h.reply(w, r, http.StatusOK, answer)
	case "csv":
		w.Header().Set("Content-Type", "text/csv; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		if err := usage.WriteCSV(w, answer); err != nil {
			// The head is gone, so there is no error to answer with.
			h.deps.Log.Debug("a usage export was not read to its end", slog.Any("error", err))
		}
		return nil
	}
	return api.Unprocessable("bad_format", "format must be json or csv").At("format", "unknown")
}

// rowOf returns the row of a tenant; an empty one for a tenant that has none,
// such as a demo tenant.
func (h *Handler) rowOf(r *http.Request, tenant string) authn.Tenant {
	t, err := h.deps.Issuer.Tenant(r.Context(), tenant)
	if err != nil {
		return authn.Tenant{}
	}
	return t
}

func (h *Handler) monthLimit(t authn.Tenant) int64 {
	if h.deps.MonthUnits == nil || t.Tier == "" {
		return 0
	}
	return h.deps.MonthUnits(t)
}

func (h *Handler) summary(w http.ResponseWriter, r *http.Request, days usage.Range) error {
	after, limit, err := page(r.URL.Query())
	if err != nil {
		return err
	}
	tenants, err := h.deps.Usage.Summary(r.Context(), days, after, limit+1)
	if err != nil {
		return err
	}
	answer := &api.UsageSummaryAnswer{Tenants: append([]api.TenantUsage{}, tenants...)}
	answer.From, answer.To = days.Days()
	if len(tenants) > limit {
		answer.Tenants = answer.Tenants[:limit]
		answer.NextCursor = answer.Tenants[limit-1].Tenant
	}
	return h.reply(w, r, http.StatusOK, answer)
}

func (h *Handler) listWorkers(w http.ResponseWriter, r *http.Request) error {
	workers, err := h.deps.Workers.Workers(r.Context())
	if err != nil {
		return err
	}
	return h.reply(w, r, http.StatusOK, &api.WorkersAnswer{Workers: workers})
}

func (h *Handler) drainWorker(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("name")
	if err := h.deps.Workers.Drain(r.Context(), name); err != nil {
		return err
	}
	answer := &api.DrainAnswer{Worker: name, State: api.WorkerDraining}
	h.done(r, &answer.Answer)
	return h.reply(w, r, http.StatusAccepted, answer)
}

func (h *Handler) showConfig(w http.ResponseWriter, r *http.Request) error {
	return h.reply(w, r, http.StatusOK, h.deps.Config.Describe())
}

// reloadConfig puts what the configuration file says now into force.
func (h *Handler) reloadConfig(w http.ResponseWriter, r *http.Request) error {
	answer, err := h.deps.Config.Reload(r.Context())
	if err != nil {
		return err
	}
	authn.ActOf(r.Context()).On(answer.Version, "")
	h.done(r, &answer.Answer)
	return h.reply(w, r, http.StatusOK, answer)
}
