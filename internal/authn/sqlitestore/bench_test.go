package sqlitestore_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/omni-run/omni/internal/authn"
)

// BenchmarkReload measures what a change costs a gateway with many keys.
func BenchmarkReload(b *testing.B) {
	for _, n := range []int{1000, 20_000} {
		b.Run(fmt.Sprint(n, " keys"), func(b *testing.B) {
			s := fill(b, filepath.Join(b.TempDir(), "keys.db"), n)
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
	s := fill(b, filepath.Join(b.TempDir(), "keys.db"), 10)
	snap, err := s.Poll(b.Context(), "")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if again, err := s.Poll(b.Context(), snap.Version); err != nil || again != nil {
			b.Fatal(again, err)
		}
	}
}

func fill(b *testing.B, path string, n int) authn.Store {
	b.Helper()
	s := open(b, path)
	if err := s.PutTenant(b.Context(), authn.Tenant{ID: "acme", Tier: "pro"}); err != nil {
		b.Fatal(err)
	}
	for i := range n {
		id := fmt.Sprintf("A%013d", i)
		k := authn.Key{ID: id, Tenant: "acme", Tier: "pro", Scopes: []string{"*"}, Hash: authn.HashKey(id)}
		if err := s.PutKey(b.Context(), k); err != nil {
			b.Fatal(err)
		}
	}
	return s
}
