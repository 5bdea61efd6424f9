package authn

import (
	"context"
	"strings"
	"sync"
	"time"
)

// Entry is one line of the audit log: who did what to whom, and what came of
// it. It never holds a key, a part of its secret, or its hash.
type Entry struct {
	// Seq grows with each entry of a store; the store gives it.
	Seq int64     `json:"seq"`
	At  time.Time `json:"at"`
	// Actor is "master", or "local:" and a user of the machine for what the
	// command line did to the store itself.
	Actor string `json:"actor"`
	// Act is what was done, such as "key.revoke".
	Act string `json:"act"`
	// Target is the id of the tenant, key or worker it was done to; empty when
	// what was given is not an id.
	Target string `json:"target,omitempty"`
	// Tenant is whose key it is.
	Tenant string `json:"tenant,omitempty"`
	// Outcome is "ok" or the code of the error that was answered.
	Outcome   string            `json:"outcome"`
	RequestID string            `json:"request_id,omitempty"`
	Address   string            `json:"address,omitempty"`
	Detail    map[string]string `json:"detail,omitempty"`
}

// OutcomeOK is the outcome of an act that was done.
const OutcomeOK = "ok"

// Trail is the append-only audit log that a store keeps beside its rows. A
// change made in the name of an [Act] is written together with its entry.
type Trail interface {
	// Append writes an entry.
	Append(ctx context.Context, e Entry) error
	// Entries returns at most limit entries, the newest first: those not older
	// than since and, unless before is 0, with a smaller Seq than before.
	Entries(ctx context.Context, since time.Time, before int64, limit int) ([]Entry, error)
}

// Act is something an administrator is about to do. WithAct gives it to the
// store, which completes it and writes it down in the same step as the change.
type Act struct {
	mu      sync.Mutex
	entry   Entry
	written bool
}

// NewAct begins an act. Its outcome is OK until Fail says otherwise.
func NewAct(e Entry) *Act {
	e.Outcome = OutcomeOK
	return &Act{entry: e}
}

// On names what the act is done to. Text that is not an id is left out, for it
// may be a key put in the wrong place.
func (a *Act) On(target, tenant string) {
	if a == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.entry.Target, a.entry.Tenant = idOnly(target), idOnly(tenant)
}

// Note adds a detail. What is too long for one, or looks like a key, is left
// out.
func (a *Act) Note(name, value string) {
	if a == nil || value == "" {
		return
	}
	if len(value) > maxDetail || strings.Contains(value, keyPrefix) {
		value = "(left out)"
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.entry.Detail == nil {
		a.entry.Detail = map[string]string{}
	}
	a.entry.Detail[name] = value
}

// Fail sets the code of the error that ended the act.
func (a *Act) Fail(code string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.entry.Outcome = code
}

// Entry is the act as it stands.
func (a *Act) Entry() Entry {
	a.mu.Lock()
	defer a.mu.Unlock()
	e := a.entry
	e.Detail = make(map[string]string, len(a.entry.Detail))
	for k, v := range a.entry.Detail {
		e.Detail[k] = v
	}
	return e
}

// Written reports whether a store has written the act down.
func (a *Act) Written() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.written
}

// Wrote says that the store has committed the act's entry.
func (a *Act) Wrote() {
	if a == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.written = true
}

type actKey struct{}

// WithAct returns a context in which changes to a store are this act's.
func WithAct(ctx context.Context, a *Act) context.Context {
	return context.WithValue(ctx, actKey{}, a)
}

// ActOf returns the act in whose name a change is made, or nil.
func ActOf(ctx context.Context) *Act {
	a, _ := ctx.Value(actKey{}).(*Act)
	return a
}

// maxDetail bounds one detail: a list of 64 networks fits.
const maxDetail = 4096

// maxID bounds the ids of an entry; a worker's name is the longest.
const maxID = 64

func idOnly(s string) string {
	if len(s) > maxID || strings.HasPrefix(s, keyPrefix) {
		return ""
	}
	for i := range len(s) {
		c := s[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && c != '.' && c != '_' && c != '-' {
			return ""
		}
	}
	return s
}
