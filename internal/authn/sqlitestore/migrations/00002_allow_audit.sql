-- +goose Up
-- Networks, separated by spaces; none means from everywhere.
ALTER TABLE keys ADD COLUMN allow TEXT NOT NULL DEFAULT '';

CREATE TABLE audit (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    at         INTEGER NOT NULL,
    actor      TEXT NOT NULL,
    act        TEXT NOT NULL,
    target     TEXT NOT NULL,
    tenant     TEXT NOT NULL,
    outcome    TEXT NOT NULL,
    request_id TEXT NOT NULL,
    address    TEXT NOT NULL,
    detail     TEXT NOT NULL
);

CREATE INDEX audit_at ON audit (at);

-- +goose StatementBegin
CREATE TRIGGER audit_keeps BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_stays BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
-- +goose StatementEnd

-- +goose Down
DROP TABLE audit;
ALTER TABLE keys DROP COLUMN allow;
