-- +goose Up
CREATE TABLE tenants (
    id          TEXT PRIMARY KEY,
    name        TEXT NOT NULL,
    tier        TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    disabled_at INTEGER
) WITHOUT ROWID;

-- Times are milliseconds since 1970. sha256 is the hash of the key's text; the
-- text itself is stored nowhere.
CREATE TABLE keys (
    id           TEXT PRIMARY KEY,
    tenant       TEXT NOT NULL REFERENCES tenants (id),
    tier         TEXT NOT NULL,
    name         TEXT NOT NULL,
    scopes       TEXT NOT NULL,
    sha256       BLOB NOT NULL CHECK (length(sha256) = 32),
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER,
    revoked_at   INTEGER,
    rotated_from TEXT NOT NULL,
    rotated_to   TEXT NOT NULL
) WITHOUT ROWID;

-- +goose Down
DROP TABLE keys;
DROP TABLE tenants;
