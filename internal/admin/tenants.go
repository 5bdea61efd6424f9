package admin

import (
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/authn"
)

func tenantView(t authn.Tenant) api.AdminTenant {
	return api.AdminTenant{ID: t.ID, Name: t.Name, Tier: t.Tier, CreatedAt: t.CreatedAt, DisabledAt: t.DisabledAt, Limits: t.Limits}
}

func (h *Handler) listTenants(w http.ResponseWriter, r *http.Request) error {
	after, limit, err := page(r.URL.Query())
	if err != nil {
		return err
	}
	snap, err := h.deps.Issuer.Snapshot(r.Context())
	if err != nil {
		return err
	}
	answer := &api.TenantsAnswer{Tenants: []api.AdminTenant{}}
	for _, t := range snap.Tenants {
		if t.ID <= after {
			continue
		}
		if len(answer.Tenants) == limit {
			answer.NextCursor = answer.Tenants[limit-1].ID
			break
		}
		answer.Tenants = append(answer.Tenants, tenantView(t))
	}
	return h.reply(w, r, http.StatusOK, answer)
}

func (h *Handler) showTenant(w http.ResponseWriter, r *http.Request) error {
	t, err := h.deps.Issuer.Tenant(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	return h.reply(w, r, http.StatusOK, &api.TenantAnswer{Tenant: tenantView(t)})
}

func (h *Handler) createTenant(w http.ResponseWriter, r *http.Request) error {
	var req api.CreateTenantRequest
	if err := read(w, r, &req, false); err != nil {
		return err
	}
	act := authn.ActOf(r.Context())
	act.On(req.ID, req.ID)
	act.Note("tier", brief(req.Tier))
	NoteLimits(act, req.Limits)
	t, err := h.deps.Issuer.CreateTenant(r.Context(), authn.Tenant{ID: req.ID, Name: req.Name, Tier: req.Tier, Limits: req.OwnLimits()})
	answer := &api.TenantAnswer{Tenant: tenantView(t)}
	if err = h.stored(&answer.Answer, err); err != nil {
		return err
	}
	h.done(r, &answer.Answer)
	return h.reply(w, r, http.StatusCreated, answer)
}

func (h *Handler) updateTenant(w http.ResponseWriter, r *http.Request) error {
	var req api.UpdateTenantRequest
	if err := read(w, r, &req, false); err != nil {
		return err
	}
	now, act := h.deps.Now().UTC().Truncate(time.Millisecond), authn.ActOf(r.Context())
	if req.Tier != nil {
		act.Note("tier", brief(*req.Tier))
	}
	if req.Disabled != nil {
		act.Note("disabled", strconv.FormatBool(*req.Disabled))
	}
	NoteLimits(act, req.Limits)
	t, err := h.deps.Issuer.UpdateTenant(r.Context(), r.PathValue("id"), func(t *authn.Tenant) {
		if req.Name != nil {
			t.Name = *req.Name
		}
		if req.Tier != nil {
			t.Tier = *req.Tier
		}
		t.Limits = req.ApplyLimits(t.Limits)
		switch {
		case req.Disabled == nil:
		case !*req.Disabled:
			t.DisabledAt = nil
		case t.DisabledAt == nil:
			t.DisabledAt = &now
		}
	})
	answer := &api.TenantAnswer{Tenant: tenantView(t)}
	if err = h.stored(&answer.Answer, err); err != nil {
		return err
	}
	h.done(r, &answer.Answer)
	return h.reply(w, r, http.StatusOK, answer)
}

// NoteLimits writes a change of a tenant's own limits into its act, each under
// its name.
func NoteLimits(act *authn.Act, c api.Change[api.TenantLimitsChange]) {
	switch {
	case !c.Given:
	case c.Value == nil:
		act.Note("limits", "the tier's")
	default:
		noteLimit(act, "requests_per_minute", c.Value.RequestsPerMinute)
		noteLimit(act, "burst", c.Value.Burst)
		noteLimit(act, "concurrent", c.Value.Concurrent)
		noteLimit(act, "max_body", c.Value.MaxBody)
		noteLimit(act, "monthly_units", c.Value.MonthlyUnits)
		noteLimit(act, "weight", c.Value.Weight)
	}
}

func noteLimit[T int | int64](act *authn.Act, name string, c api.Change[T]) {
	switch {
	case !c.Given:
	case c.Value == nil:
		act.Note("limits."+name, "the tier's")
	default:
		act.Note("limits."+name, strconv.FormatInt(int64(*c.Value), 10))
	}
}

// brief keeps what somebody typed for a tier from filling the audit log.
func brief(tier string) string {
	if !authn.ValidTier(tier) {
		return "(not a tier's name)"
	}
	return tier
}

// stored lets an act pass that is stored but could not be read back yet: the
// caller is warned, and in no case told that it failed.
func (h *Handler) stored(a *api.Answer, err error) error {
	var later *authn.RefreshError
	if !errors.As(err, &later) {
		return err
	}
	h.deps.Log.Warn("an admin act is not in force here yet", slog.Any("error", later))
	a.Warnings = append(a.Warnings, "stored; in force as soon as the key store can be read again")
	return nil
}
