package postgres

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"time"

	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
)

// Migrate runs the migrations (goose SQL files in the root of files) that the
// database lacks. table remembers which have run; each store has its own, so
// that several stores can share a database. Processes that migrate the same
// table at the same time queue up behind a lock of the server.
func (db *DB) Migrate(ctx context.Context, files fs.FS, table string) error {
	return db.migrate(ctx, files, table, func(p *goose.Provider) error {
		_, err := p.Up(ctx)
		return err
	})
}

// MigrateDown takes all migrations back, and with them what the tables hold.
func (db *DB) MigrateDown(ctx context.Context, files fs.FS, table string) error {
	return db.migrate(ctx, files, table, func(p *goose.Provider) error {
		_, err := p.DownTo(ctx, 0)
		return err
	})
}

func (db *DB) migrate(ctx context.Context, files fs.FS, table string, run func(*goose.Provider) error) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("migrating the database (%s): %w", table, err)
		}
	}()
	unlock, err := db.lock(ctx, table)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	plain := stdlib.OpenDBFromPool(db.Pool)
	defer func() { err = errors.Join(err, plain.Close()) }()
	p, err := goose.NewProvider(goose.DialectPostgres, plain, files, goose.WithTableName(table))
	if err != nil {
		return err
	}
	return run(p)
}

// lock waits for the server's lock of that name. It belongs to a connection of
// its own, so that the server frees it when this process dies. (goose has one
// of its own, which asks again every few seconds instead of waiting in line.)
func (db *DB) lock(ctx context.Context, name string) (unlock func() error, err error) {
	conn, err := db.Connect(ctx)
	if err != nil {
		return nil, err
	}
	closed := func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		return conn.Close(ctx)
	}
	id := fnv.New64a()
	_, _ = id.Write([]byte(name))                                                               // a hash's Write never fails
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1)", int64(id.Sum64())); err != nil { //nolint:gosec // any 64 bits will do
		return nil, errors.Join(err, closed())
	}
	return closed, nil
}
