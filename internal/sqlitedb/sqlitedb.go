// Package sqlitedb opens SQLite files the way every store of Omni wants them:
// write-ahead log, one writer, several readers, migrated to the newest schema.
package sqlitedb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"runtime"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// DB is one SQLite file. Write holds a single connection, so that writers
// queue in the process instead of failing with "database is locked"; Read
// holds several and never blocks on the writer.
type DB struct {
	Write *sql.DB
	Read  *sql.DB
}

// Open opens or creates the file at path and runs the migrations (goose SQL
// files in the root of migrations) that it lacks; a file that a newer version
// of the program made is used or refused as migrate says. Commits survive the death of
// the process at any instant; with the write-ahead log in its normal mode a
// power cut may lose the last few commits, never the file.
func Open(ctx context.Context, path string, migrations fs.FS) (*DB, error) {
	return OpenWaiting(ctx, path, migrations, 5*time.Second)
}

// OpenWaiting is Open for a file whose writers wait only so long for another
// process to give up its lock, instead of five seconds. Since they share one
// connection, each that waits keeps all others from trying; where there are
// many, and they try again by themselves, a short wait serves them better.
func OpenWaiting(ctx context.Context, path string, migrations fs.FS, wait time.Duration) (*DB, error) {
	if err := private(path); err != nil {
		return nil, fmt.Errorf("opening %s: %w", path, err)
	}
	write, err := sql.Open("sqlite", dsn(path, "immediate", wait))
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", path, err)
	}
	write.SetMaxOpenConns(1)
	read, err := sql.Open("sqlite", dsn(path, "deferred", wait))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening %s: %w", path, err), write.Close())
	}
	read.SetMaxOpenConns(max(2, runtime.GOMAXPROCS(0)))
	db := &DB{Write: write, Read: read}
	if err := db.migrate(ctx, migrations); err != nil {
		return nil, errors.Join(fmt.Errorf("migrating %s: %w", path, err), db.Close())
	}
	return db, nil
}

// private creates the file for its owner alone; SQLite gives its companions
// the same mode.
func private(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

func dsn(path, txlock string, wait time.Duration) string {
	q := url.Values{}
	q.Set("_txlock", txlock)
	for _, p := range []string{fmt.Sprintf("busy_timeout(%d)", wait.Milliseconds()), "journal_mode(wal)", "synchronous(normal)", "foreign_keys(on)", "trusted_schema(off)"} {
		q.Add("_pragma", p)
	}
	return (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: q.Encode()}).String()
}

// Tx runs f in one write transaction, committed when f returns nil.
func (db *DB) Tx(ctx context.Context, f func(tx *sql.Tx) error) error {
	tx, err := db.Write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := f(tx); err != nil {
		return errors.Join(err, ignoreDone(tx.Rollback()))
	}
	return tx.Commit()
}

func ignoreDone(err error) error {
	if errors.Is(err, sql.ErrTxDone) {
		return nil
	}
	return err
}

// Close closes both pools; the last writer checkpoints the log.
func (db *DB) Close() error { return errors.Join(db.Read.Close(), db.Write.Close()) }

// IsFull reports whether err says that the disk takes no more. SQLite knows a
// full disk by name; a quota or a limit on the file's size it calls an error
// while writing.
func IsFull(err error) bool {
	var e *sqlite.Error
	return hasCode(err, sqlite3.SQLITE_FULL) || (errors.As(err, &e) && e.Code() == sqlite3.SQLITE_IOERR_WRITE)
}

// IsBusy reports whether err says that another process holds the file's lock.
func IsBusy(err error) bool {
	return hasCode(err, sqlite3.SQLITE_BUSY) || hasCode(err, sqlite3.SQLITE_LOCKED)
}

func hasCode(err error, code int) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && e.Code()&0xff == code
}
