// Package postgres opens PostgreSQL the way every store of Omni wants it: a
// small pool that connects when it is first used, survives the death of the
// server, and never waits long for one that is away; and migrations that
// several processes may run at the same time.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Options says how a database is reached.
type Options struct {
	// URL such as postgres://user:password@host:5432/database?sslmode=verify-full.
	// Options after the question mark win over those below. Required.
	URL string
	// Name is shown to the database's administrator as application_name.
	Name string
	// MaxConns bounds the pool; default 4.
	MaxConns int32
	// ConnectTimeout bounds the making of one connection; default 5 s.
	ConnectTimeout time.Duration
}

// DB is a pool of connections, and how to make one beside it.
type DB struct {
	*pgxpool.Pool
	single *pgx.ConnConfig
}

// ErrURL says that a URL cannot be used. It does not repeat the URL, which may
// hold a password.
var ErrURL = errors.New("postgres: the URL is not of the form postgres://user:password@host:5432/database")

// Open makes a pool. It connects to nothing: the first query does.
func Open(ctx context.Context, o Options) (*DB, error) {
	c, err := o.config()
	if err != nil {
		return nil, err
	}
	pool, err := pgxpool.NewWithConfig(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("making a pool of PostgreSQL connections: %w", err)
	}
	return &DB{Pool: pool, single: c.ConnConfig.Copy()}, nil
}

// CheckURL returns ErrURL for a URL that Open would not take.
func CheckURL(raw string) error {
	_, err := Options{URL: raw}.config()
	return err
}

func (o Options) config() (*pgxpool.Config, error) {
	u, err := url.Parse(o.URL)
	if err != nil || (u.Scheme != "postgres" && u.Scheme != "postgresql") {
		return nil, ErrURL
	}
	c, err := pgxpool.ParseConfig(o.URL)
	if err != nil {
		return nil, ErrURL // pgx repeats parts of the URL
	}
	given := u.Query()
	if !given.Has("pool_max_conns") {
		c.MaxConns = 4
		if o.MaxConns > 0 {
			c.MaxConns = o.MaxConns
		}
	}
	if !given.Has("connect_timeout") {
		c.ConnConfig.ConnectTimeout = 5 * time.Second
		if o.ConnectTimeout > 0 {
			c.ConnConfig.ConnectTimeout = o.ConnectTimeout
		}
	}
	if o.Name != "" && !given.Has("application_name") {
		c.ConnConfig.RuntimeParams["application_name"] = o.Name
	}
	return c, nil
}

// Connect makes a connection of its own beside the pool, for what holds one
// for long, such as LISTEN. The caller closes it.
func (db *DB) Connect(ctx context.Context) (*pgx.Conn, error) {
	return pgx.ConnectConfig(ctx, db.single.Copy())
}

// Tx runs f in one transaction, committed when f returns nil.
func (db *DB) Tx(ctx context.Context, o pgx.TxOptions, f func(tx pgx.Tx) error) error {
	return pgx.BeginTxFunc(ctx, db.Pool, o, f)
}

// Away reports whether err says that the server could not be reached, broke
// off, or is starting or stopping: what time may cure, unlike a wrong password
// or a missing table.
func Away(err error) bool {
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		class := refused.Code[:min(2, len(refused.Code))]
		return slices.Contains([]string{"08", "53", "57", "58"}, class) // connection, resources, operator, system
	}
	return err != nil
}

// Full reports whether err says that the server's disk takes no more.
func Full(err error) bool {
	var refused *pgconn.PgError
	return errors.As(err, &refused) && refused.Code == "53100"
}
