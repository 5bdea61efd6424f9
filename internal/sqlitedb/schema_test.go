package sqlitedb_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/pressly/goose/v3"

	"github.com/omni-run/omni/internal/sqlitedb"
)

// release is a version of a program: the migrations it knows.
func release(steps ...string) fstest.MapFS {
	files := fstest.MapFS{}
	for i, step := range steps {
		files[fmt.Sprintf("%05d_step.sql", i+1)] = &fstest.MapFile{Data: []byte(step)}
	}
	return files
}

const (
	begins = "-- +goose Up\nCREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL);\n-- +goose Down\nDROP TABLE notes;\n"
	adds   = "-- +goose Up\nALTER TABLE notes ADD COLUMN colour TEXT NOT NULL DEFAULT 'white';\n-- +goose Down\nALTER TABLE notes DROP COLUMN colour;\n"
	breaks = "-- +goose Up\nALTER TABLE notes RENAME COLUMN text TO body;\nPRAGMA user_version = 3;\n-- +goose Down\nALTER TABLE notes RENAME COLUMN body TO text;\nPRAGMA user_version = 0;\n"
)

func open(t *testing.T, path string, r fs.FS) *sqlitedb.DB {
	t.Helper()
	db, err := sqlitedb.Open(t.Context(), path, r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func write(t *testing.T, db *sqlitedb.DB, query string) {
	t.Helper()
	if _, err := db.Write.ExecContext(t.Context(), query); err != nil {
		t.Fatal(err)
	}
}

// TestOldAndNewSideBySide: a release and the one before it write to one file at
// the same time, and the older one opens it again after the newer one.
func TestOldAndNewSideBySide(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "notes.db")
	old := open(t, path, release(begins))
	write(t, old, "INSERT INTO notes (text) VALUES ('before')")
	young := open(t, path, release(begins, adds))
	write(t, young, "INSERT INTO notes (text, colour) VALUES ('new', 'red')")
	write(t, old, "INSERT INTO notes (text) VALUES ('meanwhile')")
	back := open(t, path, release(begins))
	write(t, back, "INSERT INTO notes (text) VALUES ('rolled back')")
	var all string
	if err := young.Read.QueryRowContext(t.Context(), "SELECT group_concat(text || ' ' || colour, ', ') FROM notes").Scan(&all); err != nil {
		t.Fatal(err)
	}
	if want := "before white, new red, meanwhile white, rolled back white"; all != want {
		t.Errorf("%s, want %s", all, want)
	}
}

// TestNewerFileIsRefusedUntouched: what the older release cannot understand, it
// does not open, and the newer one finds it as it was.
func TestNewerFileIsRefusedUntouched(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "notes.db")
	write(t, open(t, path, release(begins, adds, breaks)), "INSERT INTO notes (body) VALUES ('kept')")
	for _, old := range []fs.FS{release(begins), release(begins, adds)} {
		_, err := sqlitedb.Open(t.Context(), path, old)
		if !errors.Is(err, sqlitedb.ErrNewer) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "from 3 on") {
			t.Errorf("opened by an older release: %v", err)
		}
	}
	var body string
	if err := open(t, path, release(begins, adds, breaks)).Read.QueryRowContext(t.Context(), "SELECT body FROM notes").Scan(&body); err != nil || body != "kept" {
		t.Errorf("%q, %v", body, err)
	}
}

// stores are the folders of SQLite migrations of the product.
func stores(t *testing.T) []string {
	t.Helper()
	var dirs []string
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".sql" || !strings.Contains(path, "migrations") {
			return err
		}
		if dir := filepath.Dir(path); !strings.Contains(dir, "postgres") && !strings.Contains(dir, "pgstore") && (len(dirs) == 0 || dirs[len(dirs)-1] != dir) {
			dirs = append(dirs, dir)
		}
		return nil
	})
	if err != nil || len(dirs) < 5 {
		t.Fatalf("%v, %v: want the migrations of every store", dirs, err)
	}
	return dirs
}

// TestEveryStoreMigratesBothWays takes each store's schema down and up again,
// step by step, and finds the same schema at each step.
func TestEveryStoreMigratesBothWays(t *testing.T) {
	t.Parallel()
	for _, dir := range stores(t) {
		t.Run(dir, func(t *testing.T) {
			t.Parallel()
			db := open(t, filepath.Join(t.TempDir(), "x.db"), nil)
			p, err := goose.NewProvider(goose.DialectSQLite3, db.Write, os.DirFS(dir))
			if err != nil {
				t.Fatal(err)
			}
			var seen []string // by version
			seen = append(seen, schema(t, db))
			for range p.ListSources() {
				if _, err := p.UpByOne(t.Context()); err != nil {
					t.Fatal(err)
				}
				seen = append(seen, schema(t, db))
			}
			for version := len(seen) - 2; version >= 0; version-- {
				if _, err := p.Down(t.Context()); err != nil {
					t.Fatalf("down to %d: %v", version, err)
				}
				if got := schema(t, db); got != seen[version] {
					t.Errorf("down to %d leaves\n%s\nwant\n%s", version, got, seen[version])
				}
			}
			if _, err := p.Up(t.Context()); err != nil {
				t.Fatalf("up again: %v", err)
			}
			if got := schema(t, db); got != seen[len(seen)-1] {
				t.Errorf("up again gives\n%s\nwant\n%s", got, seen[len(seen)-1])
			}
		})
	}
}

// schema lists every table's columns and every index.
func schema(t *testing.T, db *sqlitedb.DB) string {
	t.Helper()
	var all string
	err := db.Write.QueryRowContext(t.Context(), `SELECT coalesce(group_concat(line, char(10)), '') FROM (
		SELECT m.type || ' ' || m.name || ' ' || coalesce(c.name || ' ' || c.type || ' ' || c."notnull" || ' ' || coalesce(c.dflt_value, '-'), '') AS line
		FROM sqlite_schema m LEFT JOIN pragma_table_info(m.name) c
		WHERE m.name NOT LIKE 'sqlite_%' AND m.name NOT LIKE 'goose_%' ORDER BY 1)`).Scan(&all)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestBreakingMigrationsSaySo: after the first, a migration that takes
// something away tells older releases so, or they would fail in the middle.
func TestBreakingMigrationsSaySo(t *testing.T) {
	t.Parallel()
	takes := regexp.MustCompile(`(?i)\b(DROP|RENAME)\b`)
	for _, dir := range stores(t) {
		files, err := filepath.Glob(filepath.Join(dir, "*.sql"))
		if err != nil {
			t.Fatal(err)
		}
		for i, file := range files {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			up, _, _ := strings.Cut(string(raw), "-- +goose Down")
			if i > 0 && takes.MatchString(up) && !strings.Contains(up, fmt.Sprintf("PRAGMA user_version = %d;", i+1)) {
				t.Errorf("%s takes something away without PRAGMA user_version = %d", file, i+1)
			}
		}
	}
}
