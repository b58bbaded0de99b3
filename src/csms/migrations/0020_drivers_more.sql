-- What the management API knows of drivers, tokens and transactions besides what charging itself needs.

ALTER TABLE drivers ADD COLUMN address TEXT NOT NULL DEFAULT '';
ALTER TABLE drivers ADD COLUMN language TEXT NOT NULL DEFAULT '';
ALTER TABLE drivers ADD COLUMN membership TEXT NOT NULL DEFAULT '';
ALTER TABLE drivers ADD COLUMN preferences TEXT NOT NULL DEFAULT '{}';  -- JSON, of texts by name
ALTER TABLE drivers ADD COLUMN note TEXT NOT NULL DEFAULT '';
ALTER TABLE drivers ADD COLUMN user_id INTEGER;                         -- who logs in as this driver

CREATE UNIQUE INDEX driver_users ON drivers (tenant, user_id) WHERE user_id IS NOT NULL AND removed_at IS NULL;
CREATE INDEX drivers_by_name ON drivers (tenant, name, id);
CREATE INDEX drivers_by_age ON drivers (tenant, created_at, id);

CREATE TABLE driver_groups (
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    driver_id INTEGER NOT NULL,
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 50),
    PRIMARY KEY (driver_id, name),
    FOREIGN KEY (tenant, driver_id) REFERENCES drivers (tenant, id) ON DELETE CASCADE
) STRICT;

CREATE INDEX driver_groups_by_name ON driver_groups (tenant, name, driver_id);

CREATE TABLE driver_favourites (
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    driver_id INTEGER NOT NULL,
    station_id INTEGER NOT NULL,
    added_at INTEGER NOT NULL,
    PRIMARY KEY (driver_id, station_id),
    FOREIGN KEY (tenant, driver_id) REFERENCES drivers (tenant, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant, station_id) REFERENCES stations (tenant, id) ON DELETE CASCADE
) STRICT;

CREATE INDEX driver_favourites_by_station ON driver_favourites (station_id);

ALTER TABLE vehicles ADD COLUMN battery_wh INTEGER CHECK (battery_wh > 0);
ALTER TABLE vehicles ADD COLUMN connector_types TEXT NOT NULL DEFAULT '';      -- separated by commas
ALTER TABLE vehicles ADD COLUMN is_default INTEGER NOT NULL DEFAULT 0 CHECK (is_default IN (0, 1));
CREATE UNIQUE INDEX vehicle_defaults ON vehicles (driver_id) WHERE is_default = 1;

ALTER TABLE tokens ADD COLUMN note TEXT NOT NULL DEFAULT '';            -- such as why it is blocked
ALTER TABLE tokens ADD COLUMN blocked_at INTEGER;
CREATE INDEX tokens_by_age ON tokens (tenant, created_at, id);
CREATE INDEX tokens_by_expiry ON tokens (tenant, expires_at, id) WHERE expires_at IS NOT NULL;
CREATE INDEX grants_by_tenant ON grants (tenant, id);

-- Where the charger stood when the transaction began; NULL where nowhere. Who may see only some stations sees by this.
ALTER TABLE transactions ADD COLUMN station_id INTEGER;
UPDATE transactions SET station_id = (SELECT c.station_id FROM chargers c WHERE c.id = transactions.charger_id);

-- Lists are in the order in which transactions began, or were asked for; with the usual filters, the newest first.
DROP INDEX transactions_by_tenant;
DROP INDEX transactions_by_token;
DROP INDEX transactions_by_state;
DROP INDEX transactions_open;
CREATE INDEX transactions_begun ON transactions (tenant, (COALESCE(started_at, created_at)), id);
CREATE INDEX transactions_begun_open ON transactions (tenant, (COALESCE(started_at, created_at)), id) WHERE closed_at IS NULL;
CREATE INDEX transactions_begun_by_charger ON transactions (tenant, charger_id, (COALESCE(started_at, created_at)), id);
CREATE INDEX transactions_begun_by_station ON transactions (tenant, station_id, (COALESCE(started_at, created_at)), id)
    WHERE station_id IS NOT NULL;
CREATE INDEX transactions_begun_by_token ON transactions (tenant, token_folded, (COALESCE(started_at, created_at)), id);
CREATE INDEX transactions_begun_by_driver ON transactions (tenant, driver_id, (COALESCE(started_at, created_at)), id)
    WHERE driver_id IS NOT NULL;
CREATE INDEX transactions_begun_by_state ON transactions (tenant, state, (COALESCE(started_at, created_at)), id);
CREATE INDEX transactions_begun_by_reason ON transactions (tenant, stop_reason, (COALESCE(started_at, created_at)), id)
    WHERE stop_reason <> '';
CREATE INDEX transactions_begun_unreported ON transactions (tenant, stop_source, (COALESCE(started_at, created_at)), id)
    WHERE stop_source <> '' AND stop_source <> 'reported';
-- To be found by the charger's own id, of which there are no two worth telling apart.
CREATE INDEX transactions_references ON transactions (tenant, reference) WHERE reference <> '';

CREATE INDEX quarantine_by_tenant ON quarantine (tenant, id);
