-- What operators say of stations, chargers and connectors besides what chargers tell of themselves.

-- address (0002) holds the lines of the postal address, one under the other. opening_hours and contacts are JSON, read as a whole;
-- amenities are words between spaces, so that one is found by '% word %'.
ALTER TABLE stations ADD COLUMN status TEXT NOT NULL DEFAULT 'active'
    CHECK (status IN ('active', 'coming_soon', 'maintenance', 'decommissioned'));
ALTER TABLE stations ADD COLUMN city TEXT NOT NULL DEFAULT '';
ALTER TABLE stations ADD COLUMN state TEXT NOT NULL DEFAULT '';
ALTER TABLE stations ADD COLUMN postal_code TEXT NOT NULL DEFAULT '';
ALTER TABLE stations ADD COLUMN country TEXT NOT NULL DEFAULT '';           -- ISO 3166-1 alpha-2, '' where nobody said
ALTER TABLE stations ADD COLUMN directions TEXT NOT NULL DEFAULT '';
ALTER TABLE stations ADD COLUMN time_zone TEXT NOT NULL DEFAULT '';         -- '' is the tenant's
ALTER TABLE stations ADD COLUMN opening_hours TEXT NOT NULL DEFAULT '';     -- '' is always open
ALTER TABLE stations ADD COLUMN contacts TEXT NOT NULL DEFAULT '[]';
ALTER TABLE stations ADD COLUMN amenities TEXT NOT NULL DEFAULT '';

CREATE INDEX stations_by_status ON stations (tenant, status, id);
CREATE INDEX stations_by_city ON stations (tenant, city, id);
CREATE INDEX stations_by_age ON stations (tenant, created_at, id);
-- A search around a point reads a band of latitudes, and of it what lies between two longitudes.
CREATE INDEX stations_by_position ON stations (tenant, latitude, longitude, id) WHERE latitude IS NOT NULL;

-- Kinds of chargers, by the vendor and model that they report. The folded columns are what is compared.
CREATE TABLE charger_models (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    vendor TEXT NOT NULL CHECK (length(vendor) > 0),
    model TEXT NOT NULL CHECK (length(model) > 0),
    vendor_folded TEXT NOT NULL,
    model_folded TEXT NOT NULL,
    max_power_w INTEGER CHECK (max_power_w > 0),
    connectors TEXT NOT NULL DEFAULT '[]',                                  -- JSON, one per EVSE in their order
    quirks_note TEXT NOT NULL DEFAULT '',
    created_at INTEGER NOT NULL,
    UNIQUE (tenant, id),
    UNIQUE (tenant, vendor_folded, model_folded)
) STRICT;

-- model_id is what an operator said; where it is NULL the vendor and model that the charger reports find its entry. Dates are ISO 8601.
ALTER TABLE chargers ADD COLUMN model_id INTEGER REFERENCES charger_models (id);
ALTER TABLE chargers ADD COLUMN location TEXT NOT NULL DEFAULT '';
ALTER TABLE chargers ADD COLUMN note TEXT NOT NULL DEFAULT '';
ALTER TABLE chargers ADD COLUMN installed_on TEXT NOT NULL DEFAULT '';
ALTER TABLE chargers ADD COLUMN warranty_until TEXT NOT NULL DEFAULT '';

CREATE INDEX chargers_by_name ON chargers (tenant, name, id) WHERE removed_at IS NULL;
CREATE INDEX chargers_by_age ON chargers (tenant, created_at, id) WHERE removed_at IS NULL;
CREATE INDEX chargers_by_make ON chargers (tenant, vendor, model, id) WHERE removed_at IS NULL;
CREATE INDEX chargers_by_model_entry ON chargers (model_id) WHERE model_id IS NOT NULL;
CREATE INDEX chargers_archived ON chargers (tenant, id) WHERE removed_at IS NOT NULL;

-- What a connector is, one row for each that spoke of itself or that an operator described. qr_code is the unguessable code of its
-- sticker, unique in the installation, NULL until somebody asks for it.
CREATE TABLE connector_details (
    charger_id TEXT NOT NULL REFERENCES chargers (id) ON DELETE CASCADE,
    evse INTEGER NOT NULL CHECK (evse BETWEEN 1 AND 999),
    connector INTEGER NOT NULL CHECK (connector BETWEEN 1 AND 999),
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    label TEXT NOT NULL DEFAULT '',
    type TEXT NOT NULL DEFAULT '',                                          -- as OCPI names it: IEC_62196_T2, CHADEMO
    current_type TEXT NOT NULL DEFAULT '' CHECK (current_type IN ('', 'AC', 'DC')),
    format TEXT NOT NULL DEFAULT '' CHECK (format IN ('', 'socket', 'cable')),
    max_power_w INTEGER CHECK (max_power_w > 0),
    phases INTEGER CHECK (phases BETWEEN 1 AND 3),
    qr_code TEXT UNIQUE,
    added_at INTEGER NOT NULL,
    PRIMARY KEY (charger_id, evse, connector)
) STRICT;

INSERT INTO connector_details (charger_id, evse, connector, tenant, added_at)
SELECT charger_id, evse, connector, tenant, received_at FROM connectors WHERE evse > 0 AND connector > 0;

CREATE INDEX connector_details_by_tenant ON connector_details (tenant, charger_id, evse, connector);
CREATE INDEX connector_details_by_type ON connector_details (tenant, type, charger_id) WHERE type <> '';
CREATE INDEX connectors_by_status ON connectors (tenant, status, charger_id);
-- The history is listed from its newest row on.
CREATE INDEX connector_status_history_by_charger ON connector_status_history (charger_id, id);

-- What people did at a charger.
CREATE TABLE charger_service_records (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    charger_id TEXT NOT NULL REFERENCES chargers (id) ON DELETE CASCADE,
    kind TEXT NOT NULL CHECK (kind IN ('installation', 'inspection', 'maintenance', 'repair', 'replacement', 'calibration',
        'cleaning', 'other')),
    done_at INTEGER NOT NULL,
    done_by TEXT NOT NULL,
    note TEXT NOT NULL,
    amount_minor INTEGER CHECK (amount_minor >= 0),                         -- what it cost
    currency TEXT NOT NULL CHECK ((amount_minor IS NULL) = (currency = '')),
    created_at INTEGER NOT NULL
) STRICT;

CREATE INDEX charger_service_records_by_charger ON charger_service_records (charger_id, done_at, id);
CREATE INDEX charger_service_records_by_time ON charger_service_records (tenant, done_at, id);
