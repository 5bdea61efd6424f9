package pgstore_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/omni-run/omni/internal/authn"
	"github.com/omni-run/omni/internal/authn/pgstore"
	"github.com/omni-run/omni/internal/postgres/postgrestest"
)

func benchStore(b *testing.B, url string) *pgstore.Store {
	b.Helper()
	s, err := pgstore.Open(b.Context(), pgstore.Options{URL: url, Watch: true, Log: quiet})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	return s
}

func fill(b *testing.B, server *postgrestest.Server, url string, n int) {
	b.Helper()
	if err := benchStore(b, url).PutTenant(b.Context(), authn.Tenant{ID: "acme", Tier: "pro", CreatedAt: time.Now()}); err != nil {
		b.Fatal(err)
	}
	server.Exec(b, url, fmt.Sprintf(`INSERT INTO omni_keys SELECT 'A' || lpad(n::text, 13, '0'), 'acme', 'pro', '', '{*}', '{}',
		sha256(n::text::bytea), now(), NULL, NULL, '', '' FROM generate_series(1, %d) n`, n))
}

// BenchmarkReload measures what a change costs a gateway with many keys.
func BenchmarkReload(b *testing.B) {
	server := postgrestest.Start(b)
	for _, n := range []int{1000, 20_000} {
		b.Run(fmt.Sprint(n, " keys"), func(b *testing.B) {
			url := server.NewDatabase(b)
			fill(b, server, url, n)
			s := benchStore(b, url)
			for b.Loop() {
				snap, err := s.Poll(b.Context(), "")
				if err != nil || len(snap.Keys) != n {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkUnchanged measures a poll that finds nothing new.
func BenchmarkUnchanged(b *testing.B) {
	server := postgrestest.Start(b)
	s := benchStore(b, server.NewDatabase(b))
	snap, err := s.Poll(b.Context(), "")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := s.Poll(b.Context(), snap.Version); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRevokedElsewhere measures how long after its revocation through one
// gateway, as that one answers, a key is still valid at another.
func BenchmarkRevokedElsewhere(b *testing.B) {
	server := postgrestest.Start(b)
	for _, n := range []int{10, 20_000} {
		b.Run(fmt.Sprint(n, " keys"), func(b *testing.B) {
			url := server.NewDatabase(b)
			fill(b, server, url, n)
			issuer := &authn.Issuer{Store: benchStore(b, url), Tiers: []string{"pro"}}
			other, err := authn.New(b.Context(), authn.Options{Store: benchStore(b, url), Log: quiet})
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = other.Close() }()
			var longest time.Duration
			for b.Loop() {
				b.StopTimer()
				text, k, err := issuer.CreateKey(b.Context(), authn.NewKey{Tenant: "acme"})
				if err != nil {
					b.Fatal(err)
				}
				for err = authn.ErrUnknown; err != nil; time.Sleep(time.Millisecond) {
					_, err = other.Authenticate(b.Context(), text)
				}
				time.Sleep(150 * time.Millisecond) // past the rest after the last announcement
				if _, err := issuer.Revoke(b.Context(), k.ID); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
				begun := time.Now()
				for err == nil {
					_, err = other.Authenticate(b.Context(), text)
					time.Sleep(100 * time.Microsecond)
				}
				longest = max(longest, time.Since(begun))
			}
			b.ReportMetric(float64(longest.Milliseconds()), "longest-ms")
		})
	}
}
