package sqlitestore_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/omni-run/omni/internal/authn"
	"github.com/omni-run/omni/internal/authn/sqlitestore"
	"github.com/omni-run/omni/internal/authn/storetest"
)

func open(t testing.TB, path string) *sqlitestore.Store {
	t.Helper()
	s, err := sqlitestore.Open(t.Context(), path)
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

func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) storetest.Opener {
		path := filepath.Join(t.TempDir(), "keys.db")
		return func(t *testing.T) authn.Store { return open(t, path) }
	})
}

func TestFileIsPrivate(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys.db")
	open(t, path)
	for _, name := range []string{path, path + "-wal"} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if mode := info.Mode().Perm(); mode != 0o600 {
			t.Errorf("%s has mode %o, want 600", filepath.Base(name), mode)
		}
	}
}

func TestReplacedOrRemovedFileIsAnOutage(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys.db")
	s := open(t, path)
	snap, err := s.Poll(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path, path+".old"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Poll(t.Context(), snap.Version); err == nil {
		t.Error("a removed database is polled without an error")
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Poll(t.Context(), snap.Version); err == nil {
		t.Error("a replaced database is polled without an error")
	}
	if err := os.Rename(path+".old", path); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Poll(t.Context(), ""); err != nil {
		t.Errorf("the database is back: %v", err)
	}
}
