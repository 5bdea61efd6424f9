package filestore_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/omni-run/omni/internal/authn"
	"github.com/omni-run/omni/internal/authn/filestore"
)

// TestTornLine: a crash in the middle of a line costs that line alone.
func TestTornLine(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	s := open(t, path+".keys", filestore.Options{Create: true, Audit: path})
	entry := func(act string) authn.Entry {
		return authn.Entry{At: time.Now(), Actor: "master", Act: act, Outcome: authn.OutcomeOK}
	}
	if err := s.Append(t.Context(), entry("one")); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, string(whole)+string(whole[:len(whole)/2]))
	if err := s.Append(t.Context(), entry("two")); err != nil {
		t.Fatal(err)
	}
	got, err := s.Entries(t.Context(), time.Time{}, 0, 10)
	if err != nil || len(got) != 2 || got[0].Act != "two" || got[1].Act != "one" || got[0].Seq <= got[1].Seq {
		t.Fatalf("%+v, %v", got, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, want 600 (%v)", info.Mode(), err)
	}
}

// TestWhatCannotBeRecordedIsNotDone: where the audit log cannot be opened, the
// key file stays as it is.
func TestWhatCannotBeRecordedIsNotDone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, filepath.Join(dir, "keys.json"), filestore.Options{Create: true, Audit: filepath.Join(dir, "no", "such", "folder", "audit.jsonl")})
	act := authn.NewAct(authn.Entry{Actor: "master", Act: "tenant.create"})
	if err := s.PutTenant(authn.WithAct(t.Context(), act), authn.Tenant{ID: "acme", Tier: "pro"}); err == nil || act.Written() {
		t.Errorf("%v, written %v", err, act.Written())
	}
	if snap, err := s.Poll(t.Context(), ""); err != nil || len(snap.Tenants) != 0 {
		t.Errorf("%+v, %v", snap, err)
	}
	bare := open(t, filepath.Join(dir, "bare.json"), filestore.Options{Create: true})
	if _, err := bare.Entries(t.Context(), time.Time{}, 0, 1); !errors.Is(err, filestore.ErrNoTrail) {
		t.Errorf("a store without an audit log: %v", err)
	}
}
