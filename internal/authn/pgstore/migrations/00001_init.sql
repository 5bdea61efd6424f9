-- +goose Up
-- Ids sort by bytes whatever the database's language.
CREATE TABLE omni_tenants (
    id          text COLLATE "C" PRIMARY KEY,
    name        text NOT NULL,
    tier        text NOT NULL,
    created_at  timestamptz NOT NULL,
    disabled_at timestamptz
);

-- sha256 is the hash of the key's text; the text itself is stored nowhere.
CREATE TABLE omni_keys (
    id           text COLLATE "C" PRIMARY KEY,
    tenant       text COLLATE "C" NOT NULL REFERENCES omni_tenants (id),
    tier         text NOT NULL,
    name         text NOT NULL,
    scopes       text[] NOT NULL,
    allow        text[] NOT NULL,
    sha256       bytea NOT NULL CHECK (octet_length(sha256) = 32),
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz,
    revoked_at   timestamptz,
    rotated_from text NOT NULL,
    rotated_to   text NOT NULL
);

-- The name of the content: another after each change, by whatever hand, and
-- never one that was there before, not even after a restore from a backup.
CREATE TABLE omni_keys_version (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    version   uuid NOT NULL
);
INSERT INTO omni_keys_version (version) VALUES (gen_random_uuid());

-- +goose StatementBegin
CREATE FUNCTION omni_keys_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE omni_keys_version SET version = gen_random_uuid();
    PERFORM pg_notify('omni_keys', '');
    RETURN NULL;
END
$$;
-- +goose StatementEnd

CREATE TRIGGER omni_tenants_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON omni_tenants
    FOR EACH STATEMENT EXECUTE FUNCTION omni_keys_changed();
CREATE TRIGGER omni_keys_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON omni_keys
    FOR EACH STATEMENT EXECUTE FUNCTION omni_keys_changed();

CREATE TABLE omni_audit (
    seq        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at         timestamptz NOT NULL,
    actor      text NOT NULL,
    act        text NOT NULL,
    target     text NOT NULL,
    tenant     text NOT NULL,
    outcome    text NOT NULL,
    request_id text NOT NULL,
    address    text NOT NULL,
    detail     jsonb NOT NULL
);
CREATE INDEX omni_audit_at ON omni_audit (at);

-- +goose StatementBegin
CREATE FUNCTION omni_audit_keeps() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is append-only';
END
$$;
-- +goose StatementEnd
CREATE TRIGGER omni_audit_keeps BEFORE UPDATE OR DELETE OR TRUNCATE ON omni_audit
    FOR EACH STATEMENT EXECUTE FUNCTION omni_audit_keeps();

-- +goose Down
DROP TABLE omni_audit;
DROP FUNCTION omni_audit_keeps();
DROP TABLE omni_keys;
DROP TABLE omni_tenants;
DROP TABLE omni_keys_version;
DROP FUNCTION omni_keys_changed();
