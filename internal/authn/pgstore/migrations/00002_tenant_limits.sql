-- +goose Up
-- A tenant's own limits; NULL is its tier's, and 0 is a value.
ALTER TABLE omni_tenants
    ADD COLUMN requests_per_minute bigint,
    ADD COLUMN burst bigint,
    ADD COLUMN concurrent bigint,
    ADD COLUMN max_body bigint,
    ADD COLUMN monthly_units bigint,
    ADD COLUMN weight bigint;

-- +goose Down
ALTER TABLE omni_tenants
    DROP COLUMN requests_per_minute,
    DROP COLUMN burst,
    DROP COLUMN concurrent,
    DROP COLUMN max_body,
    DROP COLUMN monthly_units,
    DROP COLUMN weight;
