package sqlitestore_test

import (
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/pressly/goose/v3"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/authn"
	"github.com/omni-run/omni/internal/sqlitedb"
)

// TestOldDatabase: keys made before networks and the audit log came are valid
// afterwards, and the way back loses nothing else.
func TestOldDatabase(t *testing.T) {
	t.Parallel()
	first, err := os.ReadFile("migrations/00001_init.sql")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "keys.db")
	old, err := sqlitedb.Open(t.Context(), path, fstest.MapFS{"00001_init.sql": {Data: first}})
	if err != nil {
		t.Fatal(err)
	}
	hash := authn.HashKey("x")
	for statement, args := range map[string][]any{
		"INSERT INTO tenants VALUES ('acme', '', 'pro', 1, NULL)":                                              nil,
		"INSERT INTO keys VALUES ('A0000000000001', 'acme', 'pro', 'ci', 'predict', ?, 1, NULL, NULL, '', '')": {hash[:]},
	} {
		// The order does not matter to the test, so neither does the constraint.
		if _, err := old.Write.ExecContext(t.Context(), "PRAGMA foreign_keys = off"); err != nil {
			t.Fatal(err)
		}
		if _, err := old.Write.ExecContext(t.Context(), statement, args...); err != nil {
			t.Fatal(err)
		}
	}
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	snap, err := open(t, path).Poll(t.Context(), "")
	if err != nil || len(snap.Keys) != 1 || snap.Keys[0].Hash != hash || len(snap.Keys[0].Allow) != 0 {
		t.Fatalf("%+v, %v", snap, err)
	}
	if snap.Tenants[0].Limits != (api.TenantLimits{}) {
		t.Errorf("a tenant from before own limits has some: %+v", snap.Tenants[0])
	}
	db, err := sqlitedb.Open(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	p, err := goose.NewProvider(goose.DialectSQLite3, db.Write, os.DirFS("migrations"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.DownTo(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	var keys, tables int
	if err := db.Read.QueryRowContext(t.Context(), "SELECT (SELECT count(*) FROM keys), (SELECT count(*) FROM sqlite_schema WHERE name LIKE 'audit%')").Scan(&keys, &tables); err != nil {
		t.Fatal(err)
	}
	if keys != 1 || tables != 0 {
		t.Errorf("on the way back %d keys and %d things of the audit log are left", keys, tables)
	}
	if _, err := p.DownTo(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
}

func TestAuditLogIsAppendOnly(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys.db")
	if err := open(t, path).Append(t.Context(), authn.Entry{Actor: "master", Act: "x", Outcome: "ok"}); err != nil {
		t.Fatal(err)
	}
	db, err := sqlitedb.Open(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, statement := range []string{"UPDATE audit SET actor = 'nobody'", "DELETE FROM audit"} {
		if _, err := db.Write.ExecContext(t.Context(), statement); err == nil {
			t.Errorf("%s was let through", statement)
		}
	}
}
