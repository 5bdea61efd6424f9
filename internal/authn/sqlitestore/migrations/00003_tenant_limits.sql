-- +goose Up
-- A tenant's own limits; NULL is its tier's, and 0 is a value.
ALTER TABLE tenants ADD COLUMN requests_per_minute INTEGER;
ALTER TABLE tenants ADD COLUMN burst INTEGER;
ALTER TABLE tenants ADD COLUMN concurrent INTEGER;
ALTER TABLE tenants ADD COLUMN max_body INTEGER;
ALTER TABLE tenants ADD COLUMN monthly_units INTEGER;
ALTER TABLE tenants ADD COLUMN weight INTEGER;

-- +goose Down
ALTER TABLE tenants DROP COLUMN requests_per_minute;
ALTER TABLE tenants DROP COLUMN burst;
ALTER TABLE tenants DROP COLUMN concurrent;
ALTER TABLE tenants DROP COLUMN max_body;
ALTER TABLE tenants DROP COLUMN monthly_units;
ALTER TABLE tenants DROP COLUMN weight;
