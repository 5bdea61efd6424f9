-- +goose Up
CREATE TABLE jobs (
    id          TEXT PRIMARY KEY,
    tenant      TEXT NOT NULL,
    status      TEXT NOT NULL CHECK (status IN ('pending', 'running', 'succeeded', 'failed', 'cancelled')),
    progress    DOUBLE PRECISION NOT NULL DEFAULT 0,
    spec        BYTEA NOT NULL,
    body        BYTEA,
    result      BYTEA,
    error       BYTEA,
    created_at  BIGINT NOT NULL,
    started_at  BIGINT,
    finished_at BIGINT,
    endpoint    TEXT NOT NULL,
    request_id  TEXT NOT NULL,
    idempotent  BOOLEAN NOT NULL,
    run         TEXT NOT NULL DEFAULT '',          -- which run of the job is the valid one
    lease_until BIGINT NOT NULL DEFAULT 0,         -- when its gateway counts as dead, unless it says otherwise
    cancel      BOOLEAN NOT NULL DEFAULT FALSE,    -- the owner wants the run to end
    queue_id    BIGINT NOT NULL DEFAULT 0          -- its place in river_job
);
CREATE INDEX jobs_by_tenant ON jobs (tenant, created_at);
CREATE INDEX jobs_by_end ON jobs (finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX jobs_unfinished ON jobs (status, lease_until) WHERE finished_at IS NULL;

CREATE TABLE webhooks (
    id             TEXT PRIMARY KEY,
    tenant         TEXT NOT NULL,
    url            TEXT NOT NULL,
    events         TEXT NOT NULL,
    secret         BYTEA NOT NULL,
    previous       BYTEA,              -- the secret before a rotation
    previous_until BIGINT NOT NULL DEFAULT 0,
    created_at     BIGINT NOT NULL,
    failing_since  BIGINT,             -- no delivery has succeeded since
    disabled_at    BIGINT
);
CREATE INDEX webhooks_by_tenant ON webhooks (tenant);
CREATE TABLE deliveries (
    id           TEXT PRIMARY KEY,
    webhook      TEXT NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    event        TEXT NOT NULL,
    payload      BYTEA NOT NULL,
    status       TEXT NOT NULL,        -- pending, delivered, failed
    attempts     BIGINT NOT NULL DEFAULT 0,
    answer       BIGINT NOT NULL DEFAULT 0,
    problem      TEXT NOT NULL DEFAULT '',
    created_at   BIGINT NOT NULL,
    attempted_at BIGINT
);
CREATE INDEX deliveries_by_webhook ON deliveries (webhook, created_at);
CREATE INDEX deliveries_by_age ON deliveries (created_at);

-- +goose Down
DROP TABLE deliveries;
DROP TABLE webhooks;
DROP TABLE jobs;
