package authn_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/authn"
	"github.com/omni-run/omni/internal/authn/filestore"
)

// logbook collects log lines for a look through them.
type logbook struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func (l *logbook) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// faulty is a store whose polls can be made to fail or to hang.
type faulty struct {
	authn.Store
	mu    sync.Mutex
	err   error
	hang  bool
	polls int
}

func (f *faulty) set(err error, hang bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err, f.hang = err, hang
}

func (f *faulty) Poll(ctx context.Context, known string) (*authn.Snapshot, error) {
	f.mu.Lock()
	err, hang := f.err, f.hang
	f.polls++
	f.mu.Unlock()
	if hang {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, err
	}
	return f.Store.Poll(ctx, known)
}

// bundle is a gateway's keys with a tenant and one key in them.
type bundle struct {
	auth   *authn.Authenticator
	issuer *authn.Issuer
	store  *faulty
	log    *logbook
	text   string
	key    authn.Key
}

func setup(t *testing.T, change func(*authn.Options)) *bundle {
	t.Helper()
	file, err := filestore.Open(filepath.Join(t.TempDir(), "keys.json"), filestore.Options{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	b := &bundle{store: &faulty{Store: file}, log: &logbook{}}
	b.issuer = &authn.Issuer{Store: b.store, Tiers: []string{"free", "pro", "enterprise"}}
	if _, err := b.issuer.CreateTenant(t.Context(), authn.Tenant{ID: "acme", Tier: "pro"}); err != nil {
		t.Fatal(err)
	}
	if b.text, b.key, err = b.issuer.CreateKey(t.Context(), authn.NewKey{Tenant: "acme", Scopes: []string{"predict", "usage"}}); err != nil {
		t.Fatal(err)
	}
	o := authn.Options{Store: b.store, Log: b.log.logger()}
	if change != nil {
		change(&o)
	}
	if b.auth, err = authn.New(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	b.issuer.Refresh = b.auth.Refresh
	t.Cleanup(func() {
		if err := b.auth.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// wantReason checks that presented is refused for the reason, and that the
// caller is told nothing of it.
func (b *bundle) wantReason(t *testing.T, presented string, reason error) {
	t.Helper()
	p, err := b.auth.Authenticate(t.Context(), presented)
	if reason == nil {
		if err != nil {
			t.Fatalf("refused: %v", err)
		}
		return
	}
	if !errors.Is(err, reason) || p.Tenant != "" {
		t.Fatalf("got %+v, %v, want %v", p, err, reason)
	}
	var e *api.Error
	if !errors.As(err, &e) {
		t.Fatalf("%v is not an api error", err)
	}
	if want := "the credential is not a key that is valid here"; !errors.Is(reason, authn.ErrUnavailable) && (e.HTTP != 403 || e.Code != "invalid_key" || e.Message != want) {
		t.Fatalf("the caller is told %d %s %q", e.HTTP, e.Code, e.Message)
	}
}

func TestAuthenticate(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	p, err := b.auth.Authenticate(t.Context(), b.text)
	if err != nil || p.Tenant != "acme" || p.Tier != "pro" || p.KeyID != b.key.ID || p.Master {
		t.Fatalf("%+v, %v", p, err)
	}
	for scope, want := range map[string]bool{"predict": true, "usage": true, "agi": false, "*": false, "": false} {
		if p.Allows(scope) != want {
			t.Errorf("Allows(%q) = %v", scope, !want)
		}
	}
	other, _, err := b.issuer.CreateKey(t.Context(), authn.NewKey{Tenant: "acme"})
	if err != nil {
		t.Fatal(err)
	}
	b.wantReason(t, other, nil)
	b.wantReason(t, "", authn.ErrMalformed)
	b.wantReason(t, "invalid-key-12345", authn.ErrMalformed)
	b.wantReason(t, strings.Repeat("x", 1<<20), authn.ErrMalformed)
	b.wantReason(t, b.text[:len(b.text)-1]+"!", authn.ErrMalformed)

	// A key made elsewhere is well-formed and unknown here.
	stranger, _, err := setup(t, nil).issuer.CreateKey(t.Context(), authn.NewKey{Tenant: "acme"})
	if err != nil {
		t.Fatal(err)
	}
	b.wantReason(t, stranger, authn.ErrUnknown)
	s := b.auth.Stats()
	if s.Hits != 2 || s.Misses != 1 || s.Malformed != 4 || s.Unknown != 1 || s.Keys != 2 || s.Tenants != 1 {
		t.Errorf("stats %+v", s)
	}
}

func TestTierOfTheTenantRules(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	if _, err := b.issuer.UpdateTenant(t.Context(), "acme", func(t *authn.Tenant) { t.Tier = "enterprise" }); err != nil {
		t.Fatal(err)
	}
	if p, err := b.auth.Authenticate(t.Context(), b.text); err != nil || p.Tier != "enterprise" {
		t.Fatalf("%+v, %v", p, err)
	}
	now := time.Now()
	if _, err := b.issuer.UpdateTenant(t.Context(), "acme", func(t *authn.Tenant) { t.DisabledAt = &now }); err != nil {
		t.Fatal(err)
	}
	b.wantReason(t, b.text, authn.ErrDisabled)
}

func TestExpiryAndRotation(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	now := time.Now()
	clock := func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	b := setup(t, func(o *authn.Options) { o.Now = clock })
	b.issuer.Now = clock
	successor, _, _, err := b.issuer.Rotate(t.Context(), b.key.ID, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	b.wantReason(t, b.text, nil)
	b.wantReason(t, successor, nil)
	mu.Lock()
	now = now.Add(time.Hour)
	mu.Unlock()
	b.wantReason(t, b.text, authn.ErrExpired)
	b.wantReason(t, successor, nil)
}

func TestMasterKey(t *testing.T) {
	t.Parallel()
	const master = "correct-horse-battery"
	b := setup(t, func(o *authn.Options) { o.MasterKey = master })
	p, err := b.auth.Authenticate(t.Context(), master)
	if err != nil || !p.Master || p.Tenant != "master" || !p.Allows("anything") {
		t.Fatalf("%+v, %v", p, err)
	}
	b.wantReason(t, master+"x", authn.ErrMalformed)
	b.wantReason(t, master[1:], authn.ErrMalformed)
	for name, bad := range map[string]string{
		"short": "0123456789abcde", "space": "0123456789 abcdef", "control": "0123456789\nabcdef", "not ASCII": "0123456789abcdefé",
		"long": strings.Repeat("x", 257), "demo": "demo-enterprise-key-abcdef",
	} {
		_, err := authn.New(t.Context(), authn.Options{MasterKey: bad, Log: b.log.logger()})
		if err == nil || strings.Contains(err.Error(), bad) {
			t.Errorf("master key with %s: error %v", name, err)
		}
	}
}

func TestOptionsAreChecked(t *testing.T) {
	t.Parallel()
	log := (&logbook{}).logger()
	for name, o := range map[string]authn.Options{
		"nobody could call": {Log: log},
		"no log":            {Development: true},
		"slow poll":         {Development: true, Log: log, Poll: time.Second},
		"negative patience": {Development: true, Log: log, Patience: -1},
		"stale below poll":  {Development: true, Log: log, MaxStale: time.Millisecond},
	} {
		if a, err := authn.New(t.Context(), o); err == nil {
			t.Errorf("%s: accepted", name)
			_ = a.Close()
		}
	}
}

var demoKeys = map[string]authn.Principal{
	"demo-free-key-12345":        {Tenant: "demo-tenant-1", Tier: "free"},
	"demo-pro-key-67890":         {Tenant: "demo-tenant-2", Tier: "pro"},
	"demo-enterprise-key-abcdef": {Tenant: "demo-tenant-3", Tier: "enterprise"},
}

func TestDemoKeys(t *testing.T) {
	t.Parallel()
	dev := setup(t, func(o *authn.Options) { o.Development = true })
	production := setup(t, nil)
	for key, want := range demoKeys {
		p, err := dev.auth.Authenticate(t.Context(), key)
		if err != nil || p.Tenant != want.Tenant || p.Tier != want.Tier || p.Master || !p.Allows("predict") {
			t.Errorf("%s in development: %+v, %v", key, p, err)
		}
		production.wantReason(t, key, authn.ErrMalformed)
	}
}

// Even a store in which somebody put the demo keys does not make them valid.
func TestStoredDemoKeysAreRefused(t *testing.T) {
	t.Parallel()
	snap := &authn.Snapshot{Version: "1"}
	for key, p := range demoKeys {
		snap.Tenants = append(snap.Tenants, authn.Tenant{ID: p.Tenant, Tier: p.Tier})
		for _, id := range []string{key, "demo-free", "A0000000000001"} {
			snap.Keys = append(snap.Keys, authn.Key{ID: id, Tenant: p.Tenant, Tier: p.Tier, Scopes: []string{"*"}, Hash: authn.HashKey(key)})
		}
	}
	b := &bundle{log: &logbook{}}
	var err error
	b.auth, err = authn.New(t.Context(), authn.Options{Store: fixed{snap}, Log: b.log.logger()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.auth.Close() })
	for key := range demoKeys {
		b.wantReason(t, key, authn.ErrMalformed)
	}
	if n := b.auth.Stats().Keys; n != 0 {
		t.Errorf("%d keys of reserved tenants are in force", n)
	}
}

// fixed is a store that holds one snapshot.
type fixed struct{ snap *authn.Snapshot }

func (f fixed) Poll(_ context.Context, known string) (*authn.Snapshot, error) {
	if known == f.snap.Version {
		return nil, nil
	}
	return f.snap, nil
}
func (fixed) PutTenant(context.Context, authn.Tenant) error { return authn.ErrReadOnly }
func (fixed) PutKey(context.Context, authn.Key) error       { return authn.ErrReadOnly }
func (fixed) Close() error                                  { return nil }
func (fixed) UpdateTenant(context.Context, string, func(*authn.Tenant) error) (authn.Tenant, error) {
	return authn.Tenant{}, authn.ErrReadOnly
}

func (fixed) UpdateKey(context.Context, string, func(*authn.Key) (*authn.Key, error)) (authn.Key, error) {
	return authn.Key{}, authn.ErrReadOnly
}

func TestOutageServesLastGoodKeysForABoundedTime(t *testing.T) {
	t.Parallel()
	// The bubble's clock is virtual: five minutes pass at once.
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, nil)
		b.store.set(errors.New("connection refused"), false)
		time.Sleep(5*time.Minute - time.Second)
		b.wantReason(t, b.text, nil)
		time.Sleep(2 * time.Second)
		b.wantReason(t, b.text, authn.ErrUnavailable)
		if s := b.auth.Stats(); s.StoreErr == nil || s.StoreErrors < 100 || s.Age < 5*time.Minute || s.Unavailable != 1 {
			t.Errorf("stats %+v", s)
		}
		b.wantReason(t, "nonsense", authn.ErrMalformed)
		if n := strings.Count(b.log.String(), "cannot be read"); n < 2 || n > 6 {
			t.Errorf("an outage of five minutes is logged %d times, want one a minute", n)
		}
		b.store.set(nil, false)
		time.Sleep(time.Second)
		b.wantReason(t, b.text, nil)
	})
}

func TestBadContentKeepsLastGoodKeysWithoutLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, nil)
		b.store.set(authn.ErrContent, false)
		time.Sleep(time.Hour)
		b.wantReason(t, b.text, nil)
		if s := b.auth.Stats(); !errors.Is(s.StoreErr, authn.ErrContent) {
			t.Errorf("stats %+v do not show the bad content", s)
		}
	})
}

func TestHangingStoreDoesNotHangCallers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, nil)
		b.store.set(nil, true)
		time.Sleep(10 * time.Second)
		start := time.Now()
		for range 100 {
			b.wantReason(t, b.text, nil)
		}
		if waited := time.Since(start); waited != 0 {
			t.Errorf("100 calls waited %v for a store known to hang", waited)
		}
	})
}

// On a platform that stalls background work the caller's own request finds
// the revocation.
func TestStalledPollIsMadeUpForOnTheRequest(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	now := time.Now()
	b := setup(t, func(o *authn.Options) {
		o.Now = func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	})
	b.wantReason(t, b.text, nil)
	// Stopping the poll is what freezing the process does to it.
	if err := b.auth.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := (&authn.Issuer{Store: b.store}).Revoke(t.Context(), b.key.ID); err != nil {
		t.Fatal(err)
	}
	b.wantReason(t, b.text, nil)
	for _, step := range []time.Duration{time.Second, -time.Hour} {
		mu.Lock()
		now = now.Add(step)
		mu.Unlock()
		b.wantReason(t, b.text, authn.ErrRevoked)
	}
}

func TestStartFailsWithoutAGoodSnapshot(t *testing.T) {
	t.Parallel()
	store := &faulty{err: errors.New("no route to host")}
	if _, err := authn.New(t.Context(), authn.Options{Store: store, Log: (&logbook{}).logger()}); err == nil {
		t.Fatal("started without knowing any key")
	}
}

func TestNoSecretInLogsOrErrors(t *testing.T) {
	t.Parallel()
	const master = "correct-horse-battery"
	b := setup(t, func(o *authn.Options) { o.MasterKey, o.Development = master, true })
	presented := []string{b.text, master, "demo-pro-key-67890", b.text[:len(b.text)-1] + "!", master + "x"}
	b.store.set(errors.New("gone"), false)
	var said strings.Builder
	for _, p := range presented {
		if _, err := b.auth.Authenticate(t.Context(), p); err != nil {
			said.WriteString(err.Error())
		}
	}
	_ = b.auth.Refresh(t.Context())
	b.store.set(nil, false)
	successor, _, _, err := b.issuer.Rotate(t.Context(), b.key.ID, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range []func() error{
		func() error { _, err := b.issuer.Revoke(t.Context(), b.text); return err },
		func() error { _, _, _, err := b.issuer.Rotate(t.Context(), b.text, 0); return err },
	} {
		if err := change(); err == nil {
			t.Error("a key's text was taken for an id")
		} else {
			said.WriteString(err.Error())
		}
	}
	said.WriteString(b.log.String())
	if said.Len() == 0 {
		t.Fatal("nothing was said, so the test proves nothing")
	}
	secretOf := func(key string) string { return key[len(key)-30:] }
	for _, secret := range []string{secretOf(b.text), secretOf(successor), master, "67890"} {
		if strings.Contains(said.String(), secret) {
			t.Errorf("a secret is in the log or an error")
		}
	}
}

func TestAuthenticateDoesNotAllocate(t *testing.T) {
	b := setup(t, func(o *authn.Options) { o.MasterKey = "correct-horse-battery" })
	ctx := t.Context()
	if n := testing.AllocsPerRun(500, func() {
		if _, err := b.auth.Authenticate(ctx, b.text); err != nil {
			t.Error(err)
		}
	}); n > 0 {
		t.Errorf("%v allocations a call, want none", n)
	}
}

func BenchmarkAuthenticate(b *testing.B) {
	file, err := filestore.Open(filepath.Join(b.TempDir(), "keys.json"), filestore.Options{Create: true})
	if err != nil {
		b.Fatal(err)
	}
	issuer := &authn.Issuer{Store: file, Tiers: []string{"pro"}}
	if _, err := issuer.CreateTenant(b.Context(), authn.Tenant{ID: "acme", Tier: "pro"}); err != nil {
		b.Fatal(err)
	}
	text, _, err := issuer.CreateKey(b.Context(), authn.NewKey{Tenant: "acme"})
	if err != nil {
		b.Fatal(err)
	}
	a, err := authn.New(b.Context(), authn.Options{Store: file, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = a.Close() }()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := a.Authenticate(b.Context(), text); err != nil {
			b.Fatal(err)
		}
	}
}
