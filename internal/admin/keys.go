package admin

import (
	"errors"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/authn"
)

// defaultOverlap is how long the old key of a rotation lives on unless told
// otherwise.
const defaultOverlap = 24 * time.Hour

func (h *Handler) keyView(k authn.Key) api.AdminKey {
	v := api.AdminKey{
		ID: k.ID, Tenant: k.Tenant, Name: k.Name, Scopes: k.Scopes, Allow: append([]string{}, authn.NetworkTexts(k.Allow)...), State: api.KeyActive,
		CreatedAt: k.CreatedAt, ExpiresAt: k.ExpiresAt, RevokedAt: k.RevokedAt,
		RotatedFrom: k.RotatedFrom, RotatedTo: k.RotatedTo,
	}
	switch {
	case k.RevokedAt != nil:
		v.State = api.KeyRevoked
	case k.ExpiresAt != nil && !h.deps.Now().Before(*k.ExpiresAt):
		v.State = api.KeyExpired
	}
	return v
}

// listKeys answers all keys, or with ?tenant= those of one tenant, oldest
// first.
func (h *Handler) listKeys(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	after, limit, err := page(q)
	if err != nil {
		return err
	}
	snap, err := h.deps.Issuer.Snapshot(r.Context())
	if err != nil {
		return err
	}
	answer := &api.KeysAnswer{Keys: []api.AdminKey{}}
	for _, k := range snap.Keys {
		if k.ID <= after || q.Has("tenant") && k.Tenant != q.Get("tenant") {
			continue
		}
		if len(answer.Keys) == limit {
			answer.NextCursor = answer.Keys[limit-1].ID
			break
		}
		answer.Keys = append(answer.Keys, h.keyView(k))
	}
	return h.reply(w, r, http.StatusOK, answer)
}

func (h *Handler) showKey(w http.ResponseWriter, r *http.Request) error {
	snap, err := h.deps.Issuer.Snapshot(r.Context())
	if err != nil {
		return err
	}
	for _, k := range snap.Keys {
		if k.ID == r.PathValue("id") {
			return h.reply(w, r, http.StatusOK, &api.KeyAnswer{Key: h.keyView(k)})
		}
	}
	return authn.ErrNotFound
}

func (h *Handler) createKey(w http.ResponseWriter, r *http.Request) error {
	var req api.CreateKeyRequest
	if err := read(w, r, &req, false); err != nil {
		return err
	}
	act := authn.ActOf(r.Context())
	act.On("", req.Tenant)
	allow, err := networks(act, req.Allow)
	if err != nil {
		return err
	}
	act.Note("scopes", scopesNote(req.Scopes))
	if req.ExpiresAt != nil {
		act.Note("expires_at", req.ExpiresAt.UTC().Format(time.RFC3339))
	}
	text, k, err := h.deps.Issuer.CreateKey(r.Context(), authn.NewKey{
		Tenant: req.Tenant, Name: req.Name, Scopes: req.Scopes, Allow: allow, ExpiresAt: req.ExpiresAt,
	})
	answer := &api.NewKeyAnswer{Secret: text, Key: h.keyView(k)}
	if err = h.stored(&answer.Answer, err); err != nil {
		return err
	}
	h.done(r, &answer.Answer)
	return h.reply(w, r, http.StatusCreated, answer)
}

// networks reads a list of networks and notes it.
func networks(act *authn.Act, list []string) ([]netip.Prefix, error) {
	out, err := authn.ParseNetworks(list)
	if err != nil {
		return nil, &authn.InvalidError{Err: err}
	}
	act.Note("allow", strings.Join(authn.NetworkTexts(out), ","))
	return out, nil
}

// scopesNote keeps what somebody typed for a scope out of the audit log.
func scopesNote(list []string) string {
	known := authn.Scopes()
	if slices.ContainsFunc(list, func(s string) bool { return !slices.Contains(known, s) }) {
		return "(not all are scopes)"
	}
	return strings.Join(list, ",")
}

func (h *Handler) updateKey(w http.ResponseWriter, r *http.Request) error {
	var req api.UpdateKeyRequest
	if err := read(w, r, &req, false); err != nil {
		return err
	}
	act := authn.ActOf(r.Context())
	var allow []netip.Prefix
	if req.Allow != nil {
		var err error
		if allow, err = networks(act, *req.Allow); err != nil {
			return err
		}
		if len(allow) == 0 {
			act.Note("allow", "everywhere")
		}
	}
	if req.Scopes != nil {
		act.Note("scopes", scopesNote(*req.Scopes))
	}
	k, err := h.deps.Issuer.UpdateKey(r.Context(), r.PathValue("id"), func(k *authn.Key) {
		if req.Name != nil {
			k.Name = *req.Name
		}
		if req.Scopes != nil {
			k.Scopes = *req.Scopes
		}
		if req.Allow != nil {
			k.Allow = allow
		}
	})
	if errors.Is(err, authn.ErrSpent) {
		return api.Conflict("key_revoked", "the key is revoked").Because(err)
	}
	answer := &api.KeyAnswer{Key: h.keyView(k)}
	if err = h.stored(&answer.Answer, err); err != nil {
		return err
	}
	h.done(r, &answer.Answer)
	return h.reply(w, r, http.StatusOK, answer)
}

func (h *Handler) rotateKey(w http.ResponseWriter, r *http.Request) error {
	var req api.RotateKeyRequest
	if err := read(w, r, &req, true); err != nil {
		return err
	}
	overlap := defaultOverlap
	if req.Overlap != nil {
		var err error
		if overlap, err = time.ParseDuration(*req.Overlap); err != nil {
			return api.Unprocessable("bad_overlap", "overlap must be a duration such as \"24h\" or \"0s\"").At("overlap", "not a duration")
		}
	}
	authn.ActOf(r.Context()).Note("overlap", overlap.String())
	text, successor, old, err := h.deps.Issuer.Rotate(r.Context(), r.PathValue("id"), overlap)
	replaced := h.keyView(old)
	answer := &api.NewKeyAnswer{Secret: text, Key: h.keyView(successor), Replaces: &replaced}
	if err = h.stored(&answer.Answer, err); err != nil {
		return err
	}
	h.done(r, &answer.Answer)
	return h.reply(w, r, http.StatusCreated, answer)
}

func (h *Handler) revokeKey(w http.ResponseWriter, r *http.Request) error {
	k, err := h.deps.Issuer.Revoke(r.Context(), r.PathValue("id"))
	answer := &api.KeyAnswer{Key: h.keyView(k)}
	if err = h.stored(&answer.Answer, err); err != nil {
		return err
	}
	h.done(r, &answer.Answer)
	return h.reply(w, r, http.StatusOK, answer)
}
