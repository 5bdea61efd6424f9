-- +goose Up
-- day counts from 1970-01-01 (UTC); class is the first digit of the status.
CREATE TABLE usage (
    tenant     TEXT NOT NULL,
    day        INTEGER NOT NULL,
    route      TEXT NOT NULL,
    class      INTEGER NOT NULL,
    requests   INTEGER NOT NULL,
    units      INTEGER NOT NULL,
    latency_us INTEGER NOT NULL,
    histogram  BLOB NOT NULL,
    PRIMARY KEY (tenant, day, route, class)
) WITHOUT ROWID;
CREATE INDEX usage_by_day ON usage (day);

-- folded is how many bytes of a segment are in the sums above.
CREATE TABLE segments (
    name   TEXT PRIMARY KEY,
    folded INTEGER NOT NULL
) WITHOUT ROWID;

-- +goose Down
DROP TABLE segments;
DROP TABLE usage;
