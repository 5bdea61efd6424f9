-- +goose Up
CREATE TABLE records (
    tenant     TEXT NOT NULL,
    collection TEXT NOT NULL,
    id         TEXT NOT NULL,
    value      BLOB NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, collection, id)
) WITHOUT ROWID;

CREATE TABLE events (
    seq      INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant   TEXT NOT NULL,
    stream   TEXT NOT NULL,
    event_id TEXT NOT NULL,
    value    BLOB NOT NULL,
    at       INTEGER NOT NULL,
    UNIQUE (tenant, stream, event_id)
);
CREATE INDEX events_by_stream ON events (tenant, stream, seq);

CREATE TABLE models (
    tenant     TEXT NOT NULL,
    name       TEXT NOT NULL,
    version    INTEGER NOT NULL,
    kind       TEXT NOT NULL,
    status     TEXT NOT NULL CHECK (status IN ('candidate', 'promoted', 'archived')),
    meta       BLOB NOT NULL,
    artifact   BLOB NOT NULL,
    sha256     TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, name, version)
);
CREATE UNIQUE INDEX models_one_promoted ON models (tenant, name) WHERE status = 'promoted';

-- +goose Down
DROP TABLE models;
DROP TABLE events;
DROP TABLE records;
