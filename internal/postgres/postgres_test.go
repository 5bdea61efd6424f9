package postgres_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/jackc/pgx/v5"

	"github.com/omni-run/omni/internal/postgres"
	"github.com/omni-run/omni/internal/postgres/postgrestest"
)

var migrations = fstest.MapFS{
	"00001_a.sql": {Data: []byte("-- +goose Up\nCREATE TABLE a (n int);\n-- +goose Down\nDROP TABLE a;\n")},
	"00002_b.sql": {Data: []byte("-- +goose Up\nINSERT INTO a VALUES (1);\n-- +goose Down\nDELETE FROM a;\n")},
}

func open(t *testing.T, url string) *postgres.DB {
	t.Helper()
	db, err := postgres.Open(t.Context(), postgres.Options{URL: url, Name: "omni-test", MaxConns: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}

func count(t *testing.T, db *postgres.DB, query string) (n int) {
	t.Helper()
	if err := db.QueryRow(t.Context(), query).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestServer(t *testing.T) {
	t.Parallel()
	server := postgrestest.Start(t)
	t.Run("migrations of several processes at once, there and back", func(t *testing.T) {
		url := server.NewDatabase(t)
		var wg sync.WaitGroup
		for range 4 {
			db := open(t, url)
			wg.Go(func() {
				if err := db.Migrate(t.Context(), migrations, "a_migrations"); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		db := open(t, url)
		if n := count(t, db, "SELECT count(*) FROM a"); n != 1 {
			t.Errorf("the second migration ran %d times", n)
		}
		if n := count(t, db, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"); n != 0 {
			t.Errorf("%d locks are left", n)
		}
		if err := db.MigrateDown(t.Context(), migrations, "a_migrations"); err != nil {
			t.Fatal(err)
		}
		if n := count(t, db, "SELECT count(*) FROM pg_tables WHERE tablename = 'a'"); n != 0 {
			t.Error("the table is still there")
		}
	})
	t.Run("a transaction that fails stores nothing", func(t *testing.T) {
		db := open(t, server.NewDatabase(t))
		if err := db.Migrate(t.Context(), migrations, "a_migrations"); err != nil {
			t.Fatal(err)
		}
		boom := errors.New("boom")
		err := db.Tx(t.Context(), pgx.TxOptions{}, func(tx pgx.Tx) error {
			_, err := tx.Exec(t.Context(), "INSERT INTO a VALUES (2)")
			return errors.Join(err, boom)
		})
		if !errors.Is(err, boom) || count(t, db, "SELECT count(*) FROM a") != 1 {
			t.Errorf("%v", err)
		}
	})
	t.Run("killed and restarted", func(t *testing.T) {
		db := open(t, server.NewDatabase(t))
		if err := db.Migrate(t.Context(), migrations, "a_migrations"); err != nil {
			t.Fatal(err)
		}
		server.Kill()
		if err := db.Ping(t.Context()); !postgres.Away(err) {
			t.Errorf("a killed server: %v", err)
		}
		if err := server.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := count(t, db, "SELECT count(*) FROM a"); n != 1 {
			t.Errorf("%d rows are left", n)
		}
		if err := db.QueryRow(t.Context(), "SELECT nonsense").Scan(new(int)); err == nil || postgres.Away(err) {
			t.Errorf("a wrong statement: %v", err)
		}
	})
}

func TestURLsAreNotRepeated(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]string{
		"scheme":   "mysql://u:hunter2@h/d",
		"no URL":   "host=h password=hunter2",
		"port":     "postgres://u:hunter2@h:99999999/d",
		"sslmode":  "postgres://u:hunter2@h/d?sslmode=hunter2",
		"escape":   "postgres://u:hunter2%zz@h/d",
		"no value": "",
	} {
		err := postgres.CheckURL(url)
		if !errors.Is(err, postgres.ErrURL) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := postgres.CheckURL("postgres://u:hunter2@h:5432/d?sslmode=verify-full&pool_max_conns=9"); err != nil {
		t.Error(err)
	}
}
