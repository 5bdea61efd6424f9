package filestore

import (
	"errors"
	"reflect"
	"testing"

	"github.com/omni-run/omni/internal/authn"
)

// FuzzDecode checks that any content either is refused as ErrContent or holds
// only valid rows and survives being written and read again.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"version":1,"tenants":[],"keys":[]}`))
	f.Add([]byte(`{"version":1,"tenants":[{"id":"acme","tier":"pro","created_at":"2026-01-02T03:04:05Z"}],"keys":[{"id":"A0000000000001","tenant":"acme","tier":"pro","scopes":["*"],"sha256":"abababababababababababababababababababababababababababababababab","created_at":"2026-01-02T03:04:05Z"}]}`))
	f.Add([]byte(`{"version":1`))
	f.Fuzz(func(t *testing.T, content []byte) {
		snap, err := decode(content)
		if err != nil {
			if !errors.Is(err, authn.ErrContent) {
				t.Fatalf("error %v is not ErrContent", err)
			}
			return
		}
		written, err := encode(snap)
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		again, err := decode(written)
		if err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
		if len(again.Keys) != len(snap.Keys) || len(again.Tenants) != len(snap.Tenants) {
			t.Fatal("rows were lost")
		}
		for i := range snap.Keys {
			if !reflect.DeepEqual(again.Keys[i].Hash, snap.Keys[i].Hash) || again.Keys[i].ID != snap.Keys[i].ID {
				t.Fatalf("key %d changed", i)
			}
		}
	})
}
