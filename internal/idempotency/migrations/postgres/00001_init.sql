-- +goose Up
CREATE TABLE omni_replays (
    tenant      text   NOT NULL,
    key         text   NOT NULL,
    fingerprint bytea  NOT NULL,
    holder      text   NOT NULL,           -- who runs, or ran, the call
    status      integer NOT NULL DEFAULT 0, -- 0 while the first call runs
    header      bytea,
    body        bytea,
    expires_at  bigint NOT NULL,           -- milliseconds since 1970
    PRIMARY KEY (tenant, key)
);
CREATE INDEX omni_replays_by_expiry ON omni_replays (expires_at);

-- +goose Down
DROP TABLE omni_replays;
