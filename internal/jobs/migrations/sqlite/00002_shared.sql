-- +goose Up
-- What stood inside spec and is asked for gets columns of its own, so that the
-- same statements serve SQLite and PostgreSQL.
ALTER TABLE jobs ADD COLUMN endpoint TEXT NOT NULL DEFAULT '';
ALTER TABLE jobs ADD COLUMN request_id TEXT NOT NULL DEFAULT '';
ALTER TABLE jobs ADD COLUMN idempotent BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE jobs ADD COLUMN body BLOB;
ALTER TABLE jobs ADD COLUMN run TEXT NOT NULL DEFAULT '';         -- which run of the job is the valid one
ALTER TABLE jobs ADD COLUMN lease_until INTEGER NOT NULL DEFAULT 0; -- when its gateway counts as dead, unless it says otherwise
ALTER TABLE jobs ADD COLUMN cancel BOOLEAN NOT NULL DEFAULT FALSE; -- the owner wants the run to end
ALTER TABLE jobs ADD COLUMN queue_id INTEGER NOT NULL DEFAULT 0;   -- its place in river_job
UPDATE jobs SET endpoint = coalesce(json_extract(spec, '$.endpoint'), ''), request_id = coalesce(json_extract(spec, '$.request_id'), ''),
    idempotent = coalesce(json_extract(spec, '$.idempotent'), FALSE);

CREATE TABLE webhooks (
    id             TEXT PRIMARY KEY,
    tenant         TEXT NOT NULL,
    url            TEXT NOT NULL,
    events         TEXT NOT NULL,
    secret         BLOB NOT NULL,
    previous       BLOB,               -- the secret before a rotation
    previous_until INTEGER NOT NULL DEFAULT 0,
    created_at     INTEGER NOT NULL,
    failing_since  INTEGER,            -- no delivery has succeeded since
    disabled_at    INTEGER
);
CREATE INDEX webhooks_by_tenant ON webhooks (tenant);
CREATE TABLE deliveries (
    id           TEXT PRIMARY KEY,
    webhook      TEXT NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    event        TEXT NOT NULL,
    payload      BLOB NOT NULL,
    status       TEXT NOT NULL,        -- pending, delivered, failed
    attempts     INTEGER NOT NULL DEFAULT 0,
    answer       INTEGER NOT NULL DEFAULT 0,
    problem      TEXT NOT NULL DEFAULT '',
    created_at   INTEGER NOT NULL,
    attempted_at INTEGER
);
CREATE INDEX deliveries_by_webhook ON deliveries (webhook, created_at);
CREATE INDEX deliveries_by_age ON deliveries (created_at);

-- +goose Down
DROP TABLE deliveries;
DROP TABLE webhooks;
ALTER TABLE jobs DROP COLUMN endpoint;
ALTER TABLE jobs DROP COLUMN request_id;
ALTER TABLE jobs DROP COLUMN idempotent;
ALTER TABLE jobs DROP COLUMN body;
ALTER TABLE jobs DROP COLUMN run;
ALTER TABLE jobs DROP COLUMN lease_until;
ALTER TABLE jobs DROP COLUMN cancel;
ALTER TABLE jobs DROP COLUMN queue_id;
