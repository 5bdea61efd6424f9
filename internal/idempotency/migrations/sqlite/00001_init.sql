-- +goose Up
CREATE TABLE calls (
    tenant      TEXT NOT NULL,
    key         TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    status      INTEGER NOT NULL DEFAULT 0, -- 0 while the first call runs
    header      BLOB,
    body        BLOB,
    expires_at  INTEGER NOT NULL,
    PRIMARY KEY (tenant, key)
) WITHOUT ROWID;
CREATE INDEX calls_by_expiry ON calls (expires_at);

-- +goose Down
DROP TABLE calls;
