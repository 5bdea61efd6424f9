package storetest

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/omni-run/omni/internal/authn"
)

// trailOf is the audit log that every store keeps.
func trailOf(t *testing.T, s authn.Store) authn.Trail {
	t.Helper()
	trail, ok := s.(authn.Trail)
	if !ok {
		t.Fatalf("%T keeps no audit log", s)
	}
	return trail
}

func entries(t *testing.T, s authn.Store, since time.Time, before int64, limit int) []authn.Entry {
	t.Helper()
	out, err := trailOf(t, s).Entries(t.Context(), since, before, limit)
	must(t, err)
	return out
}

func acts(list []authn.Entry) string {
	var out []string
	for _, e := range list {
		out = append(out, e.Act)
	}
	return strings.Join(out, " ")
}

func auditLog(t *testing.T, open Opener) {
	s := open(t)
	if got := entries(t, s, time.Time{}, 0, 10); len(got) != 0 {
		t.Fatalf("a new store holds %v", got)
	}
	for n := range 5 {
		must(t, trailOf(t, s).Append(t.Context(), authn.Entry{
			At: born.Add(time.Duration(n) * time.Hour), Actor: "master", Act: fmt.Sprint("act", n), Target: "x", Tenant: "acme",
			Outcome: "ok", RequestID: "r", Address: "::1", Detail: map[string]string{"scopes": "Ünïcode\n,\"x\""},
		}))
	}
	other := open(t)
	got := entries(t, other, time.Time{}, 0, 2)
	if acts(got) != "act4 act3" {
		t.Fatalf("newest first: %s", acts(got))
	}
	if got := entries(t, other, time.Time{}, got[1].Seq, 2); acts(got) != "act2 act1" {
		t.Errorf("next page: %s", acts(got))
	}
	if got := entries(t, other, born.Add(3*time.Hour), 0, 10); acts(got) != "act4 act3" {
		t.Errorf("since: %s", acts(got))
	}
	if e := got[1]; !e.At.Equal(born.Add(3*time.Hour)) || e.Actor != "master" || e.Target != "x" || e.Tenant != "acme" || e.Outcome != "ok" ||
		e.RequestID != "r" || e.Address != "::1" || e.Detail["scopes"] != "Ünïcode\n,\"x\"" || e.Seq >= got[0].Seq {
		t.Errorf("entry came back as %+v", e)
	}
}

// actAndEntry checks that each change leaves exactly one entry, by itself.
func actAndEntry(t *testing.T, open Opener) {
	s := open(t)
	issuer := &authn.Issuer{Store: s, Tiers: []string{"pro", "free"}}
	ctx := t.Context()
	var old, successor authn.Key
	for _, step := range []struct {
		act string
		do  func(a *authn.Act) error
	}{
		{"tenant.create", func(a *authn.Act) error {
			_, err := issuer.CreateTenant(authn.WithAct(ctx, a), authn.Tenant{ID: "acme", Tier: "pro"})
			return err
		}},
		{"tenant.update", func(a *authn.Act) error {
			_, err := issuer.UpdateTenant(authn.WithAct(ctx, a), "acme", func(t *authn.Tenant) { t.Tier = "free" })
			return err
		}},
		{"key.create", func(a *authn.Act) (err error) {
			_, old, err = issuer.CreateKey(authn.WithAct(ctx, a), authn.NewKey{Tenant: "acme"})
			return err
		}},
		{"key.rotate", func(a *authn.Act) (err error) {
			_, successor, _, err = issuer.Rotate(authn.WithAct(ctx, a), old.ID, time.Hour)
			return err
		}},
		{"key.revoke", func(a *authn.Act) error {
			_, err := issuer.Revoke(authn.WithAct(ctx, a), successor.ID)
			return err
		}},
	} {
		a := authn.NewAct(authn.Entry{At: born, Actor: "master", Act: step.act})
		must(t, step.do(a))
		if !a.Written() {
			t.Errorf("%s was not written down", step.act)
		}
	}
	got := entries(t, s, time.Time{}, 0, 100)
	if acts(got) != "key.revoke key.rotate key.create tenant.update tenant.create" {
		t.Fatalf("entries: %s", acts(got))
	}
	for i, target := range []string{successor.ID, old.ID, old.ID, "acme", "acme"} {
		if e := got[i]; e.Target != target || e.Tenant != "acme" || e.Outcome != authn.OutcomeOK || e.Actor != "master" {
			t.Errorf("%+v, want target %s", e, target)
		}
	}
	if n := len(entries(t, s, time.Time{}, 0, 2)); n != 2 {
		t.Errorf("%d entries, asked for 2", n)
	}
}

// failedAct checks that a change that is not stored leaves no entry that says
// otherwise.
func failedAct(t *testing.T, open Opener) {
	s := open(t)
	must(t, s.PutTenant(t.Context(), tenant("acme")))
	must(t, s.PutKey(t.Context(), key("acme", 1)))
	boom := errors.New("boom")
	a := authn.NewAct(authn.Entry{At: born, Actor: "master", Act: "key.rotate"})
	_, err := s.UpdateKey(authn.WithAct(t.Context(), a), key("acme", 1).ID, func(*authn.Key) (*authn.Key, error) { return nil, boom })
	wantErr(t, err, boom)
	_, err = s.UpdateKey(authn.WithAct(t.Context(), a), key("acme", 1).ID, func(*authn.Key) (*authn.Key, error) {
		twin := key("acme", 1)
		return &twin, nil
	})
	wantErr(t, err, authn.ErrExists)
	if got := entries(t, s, time.Time{}, 0, 10); len(got) != 0 || a.Written() {
		t.Errorf("a failed act left %+v", got)
	}
}
