package pgstore_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/omni-run/omni/internal/authn"
	"github.com/omni-run/omni/internal/authn/pgstore"
	"github.com/omni-run/omni/internal/authn/storetest"
	"github.com/omni-run/omni/internal/postgres"
	"github.com/omni-run/omni/internal/postgres/postgrestest"
)

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

func open(t *testing.T, url string, change ...func(*pgstore.Options)) *pgstore.Store {
	t.Helper()
	o := pgstore.Options{URL: url, Watch: true, Log: quiet}
	for _, c := range change {
		c(&o)
	}
	s, err := pgstore.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// deaf is a store that hears no announcements, as behind a pooler.
func deaf(o *pgstore.Options) { o.Watch = false }

func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for stop := time.Now().Add(60 * time.Second); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(stop) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestStore(t *testing.T) {
	t.Parallel()
	server := postgrestest.Start(t)
	t.Run("contract", func(t *testing.T) {
		t.Parallel()
		storetest.Run(t, func(t *testing.T) storetest.Opener {
			url := server.NewDatabase(t)
			return func(t *testing.T) authn.Store { return open(t, url) }
		})
	})
	t.Run("contract without announcements", func(t *testing.T) {
		t.Parallel()
		storetest.Run(t, func(t *testing.T) storetest.Opener {
			url := server.NewDatabase(t)
			return func(t *testing.T) authn.Store { return open(t, url, deaf) }
		})
	})
	for name, test := range map[string]func(*testing.T, string){
		"a change is announced":        announced,
		"lost connection":              lostConnection,
		"rows changed by hand":         byHand,
		"the audit log is append-only": appendOnly,
		"migrated there and back":      thereAndBack,
		"a role that may only read":    readOnlyRole,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, server.NewDatabase(t))
		})
	}
}

func tenant(id string) authn.Tenant {
	return authn.Tenant{ID: id, Tier: "pro", CreatedAt: time.Now().UTC().Truncate(time.Millisecond)}
}

// settled waits until the store has begun to listen and read what it found.
func settled(t *testing.T, s *pgstore.Store) (known string) {
	t.Helper()
	<-s.Changes() // it listens now
	snap, err := s.Poll(t.Context(), "never seen")
	must(t, err)
	return snap.Version
}

func announced(t *testing.T, url string) {
	a, b := open(t, url), open(t, url)
	known := settled(t, b)
	must(t, a.PutTenant(t.Context(), tenant("acme")))
	<-b.Changes()
	snap, err := b.Poll(t.Context(), known)
	must(t, err)
	if snap == nil || len(snap.Tenants) != 1 {
		t.Fatalf("after the announcement: %+v", snap)
	}
}

func sql(t *testing.T, url, statement string) error {
	t.Helper()
	db, err := postgres.Open(t.Context(), postgres.Options{URL: url})
	must(t, err)
	defer db.Close()
	_, err = db.Exec(t.Context(), statement)
	return err
}

// lostConnection: nobody announced what happened while the connection was
// lost, and even an unchanged version is not believed afterwards.
func lostConnection(t *testing.T, url string) {
	s := open(t, url)
	known := settled(t, s)
	must(t, sql(t, url, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		WHERE application_name = 'omni-keys' AND datname = current_database() AND query = 'LISTEN omni_keys'`))
	<-s.Changes()
	until(t, "everything is read again", func() bool {
		snap, err := s.Poll(t.Context(), known)
		return err == nil && snap != nil && snap.Version == known
	})
	// It listens again: at the latest the second of these is an announcement.
	until(t, "announcements are heard again", func() bool {
		var heard int
		must(t, sql(t, url, `SELECT pg_notify('omni_keys', '')`))
		select {
		case <-s.Changes():
		case <-time.After(time.Second):
		}
		must(t, sql(t, url, `SELECT 1`))
		db, err := postgres.Open(t.Context(), postgres.Options{URL: url})
		must(t, err)
		defer db.Close()
		must(t, db.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity
			WHERE application_name = 'omni-keys' AND datname = current_database() AND query = 'LISTEN omni_keys'`).Scan(&heard))
		return heard == 1
	})
}

func byHand(t *testing.T, url string) {
	a, s := open(t, url), open(t, url, deaf)
	must(t, a.PutTenant(t.Context(), tenant("acme")))
	first, err := s.Poll(t.Context(), "")
	must(t, err)
	must(t, sql(t, url, "UPDATE omni_tenants SET disabled_at = now()"))
	second, err := s.Poll(t.Context(), first.Version)
	must(t, err)
	if second == nil || second.Tenants[0].DisabledAt == nil {
		t.Fatalf("a change by hand was not seen: %+v", second)
	}
	must(t, sql(t, url, "TRUNCATE omni_tenants CASCADE"))
	if third, err := s.Poll(t.Context(), second.Version); err != nil || third == nil || len(third.Tenants) != 0 {
		t.Fatalf("%+v, %v", third, err)
	}
	must(t, sql(t, url, "DELETE FROM omni_keys_version"))
	if _, err := s.Poll(t.Context(), second.Version); !errors.Is(err, authn.ErrContent) {
		t.Errorf("without its version row: %v", err)
	}
}

func appendOnly(t *testing.T, url string) {
	s := open(t, url)
	must(t, s.Append(t.Context(), authn.Entry{At: time.Now(), Actor: "master", Act: "x", Outcome: "ok"}))
	for _, statement := range []string{"UPDATE omni_audit SET actor = 'nobody'", "DELETE FROM omni_audit", "TRUNCATE omni_audit"} {
		if err := sql(t, url, statement); err == nil {
			t.Errorf("%s was let through", statement)
		}
	}
}

func thereAndBack(t *testing.T, url string) {
	s := open(t, url)
	must(t, s.PutTenant(t.Context(), tenant("acme")))
	db, err := postgres.Open(t.Context(), postgres.Options{URL: url})
	must(t, err)
	defer db.Close()
	files, err := fs.Sub(os.DirFS("."), "migrations")
	must(t, err)
	must(t, db.MigrateDown(t.Context(), files, "omni_keys_migrations"))
	var left int
	must(t, db.QueryRow(t.Context(), `SELECT (SELECT count(*) FROM pg_class WHERE relname LIKE 'omni%' AND relname NOT LIKE 'omni_keys_migrations%')
		+ (SELECT count(*) FROM pg_proc WHERE proname LIKE 'omni%')`).Scan(&left))
	if left != 0 {
		t.Errorf("%d things are left behind", left)
	}
	again := open(t, url)
	if snap, err := again.Poll(t.Context(), ""); err != nil || len(snap.Tenants) != 0 {
		t.Errorf("migrated again: %+v, %v", snap, err)
	}
}

func readOnlyRole(t *testing.T, url string) {
	must(t, open(t, url).PutTenant(t.Context(), tenant("acme")))
	s := open(t, url+"&options=-c%20default_transaction_read_only%3Don")
	if snap, err := s.Poll(t.Context(), ""); err != nil || len(snap.Tenants) != 1 {
		t.Fatalf("%+v, %v", snap, err)
	}
	if err := s.PutTenant(t.Context(), tenant("other")); !errors.Is(err, authn.ErrReadOnly) {
		t.Errorf("a write: %v", err)
	}
}

// TestTwoGatewaysThroughAnOutage kills the real server with SIGKILL while two
// gateways serve, and lets it come back.
func TestTwoGatewaysThroughAnOutage(t *testing.T) {
	t.Parallel()
	server := postgrestest.Start(t)
	url := server.NewDatabase(t)
	storeA, storeB := open(t, url), open(t, url)
	issuer := &authn.Issuer{Store: storeA, Tiers: []string{"pro"}}
	_, err := issuer.CreateTenant(t.Context(), authn.Tenant{ID: "acme", Tier: "pro"})
	must(t, err)
	kept, _, err := issuer.CreateKey(t.Context(), authn.NewKey{Tenant: "acme"})
	must(t, err)
	ended, endedKey, err := issuer.CreateKey(t.Context(), authn.NewKey{Tenant: "acme"})
	must(t, err)
	a, b := gateway(t, storeA, 0), gateway(t, storeB, 0)
	issuer.Refresh = a.Refresh
	c := gateway(t, open(t, url), time.Second) // may serve for a second on what it knew

	// Load: from here to the end no call with the good key may be refused.
	load := bear(t, kept, a, b)

	server.Kill()
	until(t, "both have noticed", func() bool { return a.Stats().StoreErr != nil && b.Stats().StoreErr != nil })
	if _, err := issuer.Revoke(t.Context(), endedKey.ID); !errors.Is(err, authn.ErrAway) {
		t.Errorf("revoking while the server is away: %v", err)
	}
	until(t, "a gateway's last good keys are too old", func() bool {
		_, err := c.Authenticate(t.Context(), kept)
		return errors.Is(err, authn.ErrUnavailable)
	})
	late := gateway(t, open(t, url), 0) // starts in the middle of it
	if _, err := late.Authenticate(t.Context(), kept); !errors.Is(err, authn.ErrUnavailable) {
		t.Errorf("a gateway that never read a key says %v", err)
	}
	load.more()
	must(t, server.Restart(t.Context()))
	until(t, "all have recovered by themselves", func() bool {
		for _, g := range []*authn.Authenticator{a, b, c, late} {
			if p, err := g.Authenticate(t.Context(), kept); err != nil || p.Tenant != "acme" || g.Stats().StoreErr != nil {
				return false
			}
		}
		return true
	})
	_, err = issuer.Revoke(t.Context(), endedKey.ID)
	must(t, err)
	if _, err := a.Authenticate(t.Context(), ended); !errors.Is(err, authn.ErrRevoked) {
		t.Errorf("the gateway that revoked says %v", err)
	}
	until(t, "the others refuse it", func() bool {
		for _, g := range []*authn.Authenticator{b, c, late} {
			if _, err := g.Authenticate(t.Context(), ended); !errors.Is(err, authn.ErrRevoked) {
				return false
			}
		}
		return true
	})
	load.more()
	load.end()
}

// TestAServerThatHangs: connections stay open and nothing answers. The last
// good keys serve.
func TestAServerThatHangs(t *testing.T) {
	t.Parallel()
	server := postgrestest.Start(t)
	url := server.NewDatabase(t)
	store := open(t, url)
	issuer := &authn.Issuer{Store: store, Tiers: []string{"pro"}}
	_, err := issuer.CreateTenant(t.Context(), authn.Tenant{ID: "acme", Tier: "pro"})
	must(t, err)
	text, _, err := issuer.CreateKey(t.Context(), authn.NewKey{Tenant: "acme"})
	must(t, err)
	g := gateway(t, store, 0)
	load := bear(t, text, g)
	must(t, server.Freeze())
	until(t, "it is noticed", func() bool { return errors.Is(g.Stats().StoreErr, authn.ErrAway) })
	load.more()
	must(t, server.Thaw())
	until(t, "it is over", func() bool { return g.Stats().StoreErr == nil })
	load.more()
	load.end()
}

func gateway(t *testing.T, s authn.Store, maxStale time.Duration) *authn.Authenticator {
	t.Helper()
	a, err := authn.New(t.Context(), authn.Options{Store: s, StartWithout: true, MaxStale: maxStale, Log: quiet})
	must(t, err)
	t.Cleanup(func() { must(t, a.Close()) })
	return a
}

// burden is a stream of calls none of which may fail.
type burden struct {
	t      *testing.T
	cancel context.CancelFunc
	wg     sync.WaitGroup
	calls  chan struct{}
}

func bear(t *testing.T, key string, gateways ...*authn.Authenticator) *burden {
	ctx, cancel := context.WithCancel(t.Context())
	b := &burden{t: t, cancel: cancel, calls: make(chan struct{})}
	for _, g := range gateways {
		b.wg.Go(func() {
			for ctx.Err() == nil {
				if _, err := g.Authenticate(ctx, key); err != nil {
					t.Errorf("a good key is refused: %v", err)
					return
				}
				select {
				case <-ctx.Done():
				case b.calls <- struct{}{}:
				case <-time.After(time.Millisecond):
				}
			}
		})
	}
	t.Cleanup(func() { cancel(); b.wg.Wait() })
	return b
}

// more waits for another hundred calls.
func (b *burden) more() {
	b.t.Helper()
	limit := time.After(60 * time.Second)
	for range 100 {
		select {
		case <-b.calls:
		case <-limit:
			b.t.Fatal("the load stands still")
		}
	}
}

func (b *burden) end() {
	b.cancel()
	b.wg.Wait()
}
