package admin

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/authn"
)

// begin puts the act that a request asks for into its context, where the store
// finds it and writes it down together with the change.
func (h *Handler) begin(r *http.Request, name string) *http.Request {
	p, _ := h.deps.Principal(r)
	act := authn.NewAct(authn.Entry{
		At: h.deps.Now().UTC().Truncate(time.Millisecond), Actor: p.KeyID, Act: name,
		RequestID: h.deps.RequestID(r), Address: h.deps.Remote(r),
	})
	act.On(r.PathValue("id")+r.PathValue("name"), "")
	return r.WithContext(authn.WithAct(r.Context(), act))
}

// done enters an act that was done into the log, and into the audit log unless
// the store has done so. What cannot be recorded is said in the answer: the act
// itself stands.
func (h *Handler) done(r *http.Request, a *api.Answer) {
	act := authn.ActOf(r.Context())
	if err := h.enter(r.Context(), act); err != nil {
		a.Warnings = append(a.Warnings, "done, but it could not be written to the audit log; the gateway's own log has it")
	}
}

// failed enters an act that was refused or broke.
func (h *Handler) failed(r *http.Request, err error) {
	act := authn.ActOf(r.Context())
	code := "internal"
	var known *api.Error
	if errors.As(err, &known) {
		code = known.Code
	}
	act.Fail(code)
	_ = h.enter(r.Context(), act) // logged there; the answer is an error already
}

// enter writes the log line and, if the store has not, the entry. The caller's
// going away does not keep an act out of the audit log.
func (h *Handler) enter(ctx context.Context, act *authn.Act) error {
	e := act.Entry()
	h.deps.Log.LogAttrs(ctx, slog.LevelInfo, "admin", attrs(e)...)
	if act.Written() || h.deps.Trail == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordWithin)
	defer cancel()
	if err := h.deps.Trail.Append(ctx, e); err != nil {
		h.deps.Log.ErrorContext(ctx, "an admin act is missing from the audit log", slog.Any("error", err), slog.String("request_id", e.RequestID))
		return err
	}
	return nil
}

// recordWithin bounds the writing of an entry beside its act.
const recordWithin = 3 * time.Second

func attrs(e authn.Entry) []slog.Attr {
	out := []slog.Attr{
		slog.String("act", e.Act), slog.String("actor", e.Actor), slog.String("outcome", e.Outcome), slog.String("target", e.Target),
		slog.String("tenant", e.Tenant), slog.String("remote", e.Address), slog.String("request_id", e.RequestID),
	}
	var names []string
	for name := range e.Detail {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		out = append(out, slog.String(name, e.Detail[name]))
	}
	return out
}

// showAudit answers the audit log, newest first.
func (h *Handler) showAudit(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	cursor, limit, err := page(q)
	if err != nil {
		return err
	}
	var before int64
	if cursor != "" {
		if before, err = strconv.ParseInt(cursor, 10, 64); err != nil || before < 1 {
			return api.Unprocessable("bad_cursor", "cursor is not one that a page was answered with").At("cursor", "not a number")
		}
	}
	var since time.Time
	if text := q.Get("since"); text != "" {
		if since, err = time.Parse(time.RFC3339, text); err != nil {
			return api.Unprocessable("bad_date", "since must be a moment such as 2026-01-02T03:04:05Z").At("since", "not RFC 3339")
		}
	}
	entries, err := h.deps.Trail.Entries(r.Context(), since, before, limit+1)
	if err != nil {
		return err
	}
	answer := &api.AuditAnswer{Entries: []api.AuditEntry{}}
	if len(entries) > limit {
		entries = entries[:limit]
		answer.NextCursor = strconv.FormatInt(entries[limit-1].Seq, 10)
	}
	for _, e := range entries {
		answer.Entries = append(answer.Entries, AuditView(e))
	}
	return h.reply(w, r, http.StatusOK, answer)
}

// AuditView is an entry as it is shown.
func AuditView(e authn.Entry) api.AuditEntry {
	v := api.AuditEntry{
		Seq: e.Seq, At: e.At, Actor: e.Actor, Act: e.Act, Target: e.Target, Tenant: e.Tenant, Outcome: e.Outcome,
		RequestID: e.RequestID, Address: e.Address, Detail: e.Detail,
	}
	if v.Detail == nil {
		v.Detail = map[string]string{}
	}
	return v
}
