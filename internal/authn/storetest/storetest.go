// Package storetest is the contract of authn.Store as tests. Every store runs
// it.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/omni-run/omni/internal/authn"
)

// Opener opens the store under test. Called again in one test it opens the
// same data once more, as another process would.
type Opener func(t *testing.T) authn.Store

// Run runs the contract. setup makes an empty place for the data of one test
// and returns how to open it.
func Run(t *testing.T, setup func(t *testing.T) Opener) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, Opener){
		"empty":                    empty,
		"rows come back":           roundTrip,
		"duplicates and strangers": duplicates,
		"bad rows are refused":     badRows,
		"a failed change":          failedChange,
		"poll only on change":      pollOnChange,
		"another opener":           secondOpener,
		"revoked elsewhere":        revokedElsewhere,
		"own limits":               ownLimits,
		"rotation":                 rotation,
		"racing writers":           racingWriters,
		"audit log":                auditLog,
		"an act and its entry":     actAndEntry,
		"a failed act":             failedAct,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, setup(t))
		})
	}
}

// born is a time that every store can hold exactly.
var born = time.Date(2026, 1, 2, 3, 4, 5, 6e6, time.UTC)

func tenant(id string) authn.Tenant {
	return authn.Tenant{ID: id, Name: "Ünïcode & Sons", Tier: "pro", CreatedAt: born}
}

// key makes a valid row; n tells rows apart.
func key(tenant string, n int) authn.Key {
	id := fmt.Sprintf("A%013d", n)
	return authn.Key{
		ID: id, Tenant: tenant, Tier: "pro", Name: "ci", Scopes: []string{"predict", "usage"},
		Hash: authn.HashKey(id), CreatedAt: born,
	}
}

func networks(list ...string) (out []netip.Prefix) {
	for _, n := range list {
		out = append(out, netip.MustParsePrefix(n))
	}
	return out
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantErr(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("got error %v, want %v", err, want)
	}
}

func load(t *testing.T, s authn.Store) *authn.Snapshot {
	t.Helper()
	snap, err := s.Poll(t.Context(), "")
	must(t, err)
	if snap == nil || snap.Version == "" {
		t.Fatalf("Poll with nothing known returned %v", snap)
	}
	return snap
}

func empty(t *testing.T, open Opener) {
	s := open(t)
	if snap := load(t, s); len(snap.Tenants)+len(snap.Keys) != 0 {
		t.Fatalf("a new store holds %v", snap)
	}
	_, err := s.UpdateTenant(t.Context(), "nobody", func(*authn.Tenant) error { return nil })
	wantErr(t, err, authn.ErrNotFound)
	_, err = s.UpdateKey(t.Context(), key("x", 1).ID, func(*authn.Key) (*authn.Key, error) { return nil, nil })
	wantErr(t, err, authn.ErrNotFound)
}

func roundTrip(t *testing.T, open Opener) {
	ctx, s := t.Context(), open(t)
	must(t, s.PutTenant(ctx, tenant("zeta")))
	must(t, s.PutTenant(ctx, tenant("acme")))
	k := key("acme", 2)
	expires := born.Add(time.Hour)
	k.ExpiresAt, k.RotatedFrom, k.Allow = &expires, key("acme", 9).ID, networks("10.0.0.0/8", "2001:db8::1/128")
	must(t, s.PutKey(ctx, k))
	must(t, s.PutKey(ctx, key("zeta", 1)))
	_, err := s.UpdateTenant(ctx, "zeta", func(t *authn.Tenant) error {
		t.Tier, t.DisabledAt = "free", &expires
		return nil
	})
	must(t, err)
	snap := load(t, s)
	if got, want := fmt.Sprint(ids(snap)), fmt.Sprint([]string{"acme", "zeta", key("", 1).ID, key("", 2).ID}); got != want {
		t.Fatalf("ids %s, want sorted %s", got, want)
	}
	if z := snap.Tenants[1]; z.Tier != "free" || z.Name != "Ünïcode & Sons" || !z.CreatedAt.Equal(born) || z.DisabledAt == nil || !z.DisabledAt.Equal(expires) {
		t.Fatalf("tenant came back as %+v", z)
	}
	got := snap.Keys[1]
	if got.Hash != k.Hash || got.Tenant != "acme" || got.Tier != "pro" || got.Name != "ci" || strings.Join(got.Scopes, ",") != "predict,usage" ||
		fmt.Sprint(got.Allow) != fmt.Sprint(k.Allow) || len(snap.Keys[0].Allow) != 0 ||
		!got.CreatedAt.Equal(born) || got.ExpiresAt == nil || !got.ExpiresAt.Equal(expires) || got.RevokedAt != nil || got.RotatedFrom != k.RotatedFrom || got.RotatedTo != "" {
		t.Fatalf("key came back as %+v, want %+v", got, k)
	}
}

func ids(s *authn.Snapshot) (out []string) {
	for _, t := range s.Tenants {
		out = append(out, t.ID)
	}
	for _, k := range s.Keys {
		out = append(out, k.ID)
	}
	return out
}

func duplicates(t *testing.T, open Opener) {
	ctx, s := t.Context(), open(t)
	must(t, s.PutTenant(ctx, tenant("acme")))
	wantErr(t, s.PutTenant(ctx, tenant("acme")), authn.ErrExists)
	must(t, s.PutKey(ctx, key("acme", 1)))
	wantErr(t, s.PutKey(ctx, key("acme", 1)), authn.ErrExists)
	wantErr(t, s.PutKey(ctx, key("nobody", 2)), authn.ErrNotFound)
}

func badRows(t *testing.T, open Opener) {
	ctx, s := t.Context(), open(t)
	must(t, s.PutTenant(ctx, tenant("acme")))
	before := load(t, s)
	for name, bad := range map[string]authn.Tenant{
		"master": tenant("master"), "demo": tenant("demo-tenant-1"), "id": tenant("No Spaces"),
		"tier": {ID: "x", Tier: "", CreatedAt: born}, "name": {ID: "x", Tier: "pro", Name: "a\nb", CreatedAt: born},
	} {
		if err := s.PutTenant(ctx, bad); err == nil {
			t.Errorf("tenant with a bad %s was stored", name)
		}
	}
	for name, spoil := range map[string]func(*authn.Key){
		"id":     func(k *authn.Key) { k.ID = "short" },
		"hash":   func(k *authn.Key) { k.Hash = authn.Hash{} },
		"scopes": func(k *authn.Key) { k.Scopes = nil },
		"scope":  func(k *authn.Key) { k.Scopes = []string{"predict everything"} },
		"allow":  func(k *authn.Key) { k.Allow = []netip.Prefix{netip.MustParsePrefix("10.1.2.3/8")} },
		"name":   func(k *authn.Key) { k.Name = strings.Repeat("x", 101) },
	} {
		k := key("acme", 1)
		spoil(&k)
		if err := s.PutKey(ctx, k); err == nil {
			t.Errorf("key with a bad %s was stored", name)
		}
	}
	if after, err := s.Poll(ctx, before.Version); err != nil || after != nil && len(after.Keys)+len(after.Tenants) != 1 {
		t.Fatalf("refused rows left something behind: %v, %v", after, err)
	}
}

func failedChange(t *testing.T, open Opener) {
	ctx, s := t.Context(), open(t)
	must(t, s.PutTenant(ctx, tenant("acme")))
	must(t, s.PutKey(ctx, key("acme", 1)))
	boom := errors.New("boom")
	_, err := s.UpdateTenant(ctx, "acme", func(t *authn.Tenant) error { t.Tier = "free"; return boom })
	wantErr(t, err, boom)
	_, err = s.UpdateKey(ctx, key("acme", 1).ID, func(k *authn.Key) (*authn.Key, error) { k.RevokedAt = &born; return nil, boom })
	wantErr(t, err, boom)
	// The successor's id is taken, so neither half may be stored.
	_, err = s.UpdateKey(ctx, key("acme", 1).ID, func(k *authn.Key) (*authn.Key, error) {
		k.RevokedAt = &born
		twin := key("acme", 1)
		return &twin, nil
	})
	wantErr(t, err, authn.ErrExists)
	snap := load(t, s)
	if snap.Tenants[0].Tier != "pro" || snap.Keys[0].RevokedAt != nil {
		t.Fatalf("a failed change was stored: %+v", snap)
	}
}

func pollOnChange(t *testing.T, open Opener) {
	ctx, s := t.Context(), open(t)
	known := load(t, s).Version
	until(t, "nothing is read, for nothing changed", func() bool {
		snap, err := s.Poll(ctx, known)
		if err != nil || snap != nil && snap.Version != known {
			t.Fatalf("nothing changed, Poll returned %v, %v", snap, err)
		}
		return snap == nil
	})
	must(t, s.PutTenant(ctx, tenant("acme")))
	snap, err := s.Poll(ctx, known)
	must(t, err)
	if snap == nil || len(snap.Tenants) != 1 || snap.Version == known {
		t.Fatalf("a change was not seen: %+v", snap)
	}
}

func secondOpener(t *testing.T, open Opener) {
	ctx, a, b := t.Context(), open(t), open(t)
	known := load(t, b).Version
	for n := 1; n <= 5; n++ {
		id := fmt.Sprint("t", n)
		must(t, a.PutTenant(ctx, tenant(id)))
		snap, err := b.Poll(ctx, known)
		must(t, err)
		if snap == nil || len(snap.Tenants) != n {
			t.Fatalf("after change %d the other opener sees %v", n, snap)
		}
		known = snap.Version
	}
	_, err := b.UpdateTenant(ctx, "t1", func(t *authn.Tenant) error { t.Tier = "free"; return nil })
	must(t, err)
	if got := load(t, a).Tenants[0].Tier; got != "free" {
		t.Fatalf("first opener sees tier %s", got)
	}
}

// authenticator starts one on the store, as a gateway does.
func authenticator(t *testing.T, s authn.Store) *authn.Authenticator {
	t.Helper()
	a, err := authn.New(t.Context(), authn.Options{Store: s, Poll: 20 * time.Millisecond, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	must(t, err)
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	return a
}

// revokedElsewhere is the promise of the contract: a key revoked through one
// process is refused by another, without anybody telling it.
func revokedElsewhere(t *testing.T, open Opener) {
	ctx, writer := t.Context(), open(t)
	gateway := authenticator(t, open(t))
	issuer := &authn.Issuer{Store: writer, Tiers: []string{"pro"}}
	_, err := issuer.CreateTenant(ctx, authn.Tenant{ID: "acme", Tier: "pro"})
	must(t, err)
	text, k, err := issuer.CreateKey(ctx, authn.NewKey{Tenant: "acme"})
	must(t, err)
	until(t, "the new key is valid", func() bool {
		p, err := gateway.Authenticate(ctx, text)
		return err == nil && p.Tenant == "acme" && p.Tier == "pro" && p.KeyID == k.ID
	})
	_, err = issuer.Revoke(ctx, k.ID)
	must(t, err)
	until(t, "the revoked key is refused", func() bool {
		_, err := gateway.Authenticate(ctx, text)
		return errors.Is(err, authn.ErrRevoked)
	})
}

// until waits for something that must become true; the limit only ends a test
// that would hang.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for stop := time.Now().Add(20 * time.Second); !done(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(stop) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

func rotation(t *testing.T, open Opener) {
	ctx, s := t.Context(), open(t)
	now := born
	issuer := &authn.Issuer{Store: s, Tiers: []string{"pro"}, Now: func() time.Time { return now }}
	_, err := issuer.CreateTenant(ctx, authn.Tenant{ID: "acme", Tier: "pro"})
	must(t, err)
	_, old, err := issuer.CreateKey(ctx, authn.NewKey{Tenant: "acme", Name: "n", Scopes: []string{"agi"}, Allow: networks("10.0.0.0/8")})
	must(t, err)
	_, successor, was, err := issuer.Rotate(ctx, old.ID, time.Hour)
	must(t, err)
	snap := load(t, s)
	if len(snap.Keys) != 2 {
		t.Fatalf("after a rotation there are %d keys", len(snap.Keys))
	}
	for _, k := range snap.Keys {
		switch k.ID {
		case old.ID:
			if k.ExpiresAt == nil || !k.ExpiresAt.Equal(now.Add(time.Hour)) || k.RotatedTo != successor.ID || !was.ExpiresAt.Equal(*k.ExpiresAt) {
				t.Errorf("old key is %+v", k)
			}
		case successor.ID:
			if k.ExpiresAt != nil || k.RotatedFrom != old.ID || k.Name != "n" || k.Scopes[0] != "agi" || len(k.Allow) != 1 {
				t.Errorf("successor is %+v", k)
			}
		default:
			t.Errorf("unexpected key %s", k.ID)
		}
	}
	_, _, _, err = issuer.Rotate(ctx, old.ID, time.Hour)
	wantErr(t, err, authn.ErrSpent)
}

// racingWriters checks that no change is lost when two openers write at once.
func racingWriters(t *testing.T, open Opener) {
	const each = 8
	ctx, first := t.Context(), open(t)
	must(t, first.PutTenant(ctx, tenant("acme")))
	var wg sync.WaitGroup
	for w, s := range []authn.Store{first, open(t)} {
		wg.Go(func() {
			for i := range each {
				if err := putKey(ctx, s, key("acme", w*100+i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if n := len(load(t, first).Keys); n != 2*each {
		t.Fatalf("%d keys were stored, %d are there", 2*each, n)
	}
}

func putKey(ctx context.Context, s authn.Store, k authn.Key) error {
	if err := s.PutKey(ctx, k); err != nil {
		return fmt.Errorf("key %s: %w", k.ID, err)
	}
	return nil
}
