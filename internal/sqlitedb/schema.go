package sqlitedb

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
)

// ErrNewer says that a newer version of the program changed the file in a way
// that this one cannot work with.
var ErrNewer = errors.New("the file was made by a newer version of the program")

// A file's schema may be newer than the program: after an upgrade that was
// taken back, or while old and new run side by side. That is no obstacle as
// long as the newer migrations only added to the schema, which is how they are
// to be written. One that takes something away or gives it another meaning says
// so by
//
//	PRAGMA user_version = N;
//
// in its Up part, N being its own number, and by the former value in its Down
// part: a program that knows no migration N then leaves the file alone.
func (db *DB) migrate(ctx context.Context, migrations fs.FS) error {
	if migrations == nil {
		return db.Write.PingContext(ctx)
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, db.Write, migrations)
	if err != nil {
		return err
	}
	current, known, err := p.GetVersions(ctx)
	if err != nil {
		return err
	}
	if current <= known {
		_, err = p.Up(ctx)
		return err
	}
	var needed int64
	if err := db.Write.QueryRowContext(ctx, "PRAGMA user_version").Scan(&needed); err != nil {
		return fmt.Errorf("reading what the schema demands: %w", err)
	}
	if needed > known {
		return fmt.Errorf("%w: its schema is %d and can be used from %d on, but this version knows %d; run the newer version, or put back the copy from before the upgrade", ErrNewer, current, needed, known)
	}
	return nil
}
