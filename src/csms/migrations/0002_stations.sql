-- Whose data a row is. The default tenant is the first row, so its id is 1 (core/ids.py).
CREATE TABLE tenants (
    id INTEGER PRIMARY KEY,
    slug TEXT NOT NULL UNIQUE CHECK (length(slug) BETWEEN 1 AND 64),
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    time_zone TEXT NOT NULL CHECK (length(time_zone) > 0),
    created_at INTEGER NOT NULL
) STRICT;

INSERT INTO tenants (slug, name, currency, time_zone, created_at) VALUES ('default', 'Default', 'INR', 'Asia/Kolkata', 0);

-- Stations that share a rule, such as one campus. A grant may name them instead of a station.
CREATE TABLE station_groups (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    created_at INTEGER NOT NULL,
    UNIQUE (tenant, id),
    UNIQUE (tenant, name)
) STRICT;

-- access: open lets every token of the tenant charge here, granted only those with a grant (0003).
CREATE TABLE stations (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    address TEXT NOT NULL DEFAULT '',
    latitude REAL CHECK (latitude BETWEEN -90 AND 90),
    longitude REAL CHECK (longitude BETWEEN -180 AND 180),
    access TEXT NOT NULL DEFAULT 'open' CHECK (access IN ('open', 'granted')),
    station_group_id INTEGER,
    created_at INTEGER NOT NULL,
    UNIQUE (tenant, id),
    UNIQUE (tenant, name),
    FOREIGN KEY (tenant, station_group_id) REFERENCES station_groups (tenant, id)
) STRICT;

CREATE INDEX stations_by_group ON stations (station_group_id) WHERE station_group_id IS NOT NULL;

-- approval is what the operator decided, registration what we last told the charger (empty: it never booted here).
-- A removed charger keeps its row, because transactions name it. Added again, it starts over in the same row.
CREATE TABLE chargers (
    id TEXT PRIMARY KEY CHECK (length(id) BETWEEN 1 AND 255),
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    station_id INTEGER,
    name TEXT NOT NULL DEFAULT '',
    approval TEXT NOT NULL CHECK (approval IN ('accepted', 'pending', 'rejected')),
    registration TEXT NOT NULL DEFAULT '' CHECK (registration IN ('', 'accepted', 'pending', 'rejected')),
    vendor TEXT NOT NULL DEFAULT '',
    model TEXT NOT NULL DEFAULT '',
    serial TEXT NOT NULL DEFAULT '',
    duplicate_serial TEXT NOT NULL DEFAULT '',
    firmware TEXT NOT NULL DEFAULT '',
    iccid TEXT NOT NULL DEFAULT '',
    imsi TEXT NOT NULL DEFAULT '',
    meter_type TEXT NOT NULL DEFAULT '',
    meter_serial TEXT NOT NULL DEFAULT '',
    mac TEXT NOT NULL DEFAULT '',
    boot_reason TEXT NOT NULL DEFAULT '',
    booted_at INTEGER,
    protocol TEXT NOT NULL DEFAULT '',
    heartbeat_interval_s INTEGER CHECK (heartbeat_interval_s > 0),
    answers_pings INTEGER CHECK (answers_pings IN (0, 1)),
    subprotocol_fallback TEXT NOT NULL DEFAULT '',
    clock_drift_ms INTEGER,
    connection_id TEXT NOT NULL DEFAULT '',
    connected_at INTEGER,
    remote_address TEXT NOT NULL DEFAULT '',
    created_at INTEGER NOT NULL,
    removed_at INTEGER,
    CHECK (serial = '' OR duplicate_serial = ''),
    CHECK ((connection_id = '') = (connected_at IS NULL)),
    FOREIGN KEY (tenant, station_id) REFERENCES stations (tenant, id)
) STRICT;

CREATE INDEX chargers_by_tenant ON chargers (tenant, id) WHERE removed_at IS NULL;
CREATE INDEX chargers_by_station ON chargers (station_id, id) WHERE station_id IS NOT NULL;
CREATE INDEX chargers_by_approval ON chargers (tenant, approval, id) WHERE approval <> 'accepted' AND removed_at IS NULL;
CREATE INDEX chargers_connected ON chargers (tenant, id) WHERE connection_id <> '';
-- Of two boxes that report one serial number the first keeps it, and the other has it in duplicate_serial.
CREATE UNIQUE INDEX charger_serials ON chargers (tenant, vendor, serial) WHERE serial <> '' AND removed_at IS NULL;

-- The key that a charger shows (HTTP Basic), salted and hashed. A table of its own, so that no list or export of chargers has it.
CREATE TABLE charger_keys (
    charger_id TEXT PRIMARY KEY REFERENCES chargers (id) ON DELETE CASCADE,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    sealed TEXT NOT NULL CHECK (length(sealed) > 0),
    origin TEXT NOT NULL CHECK (origin IN ('given', 'first_use')),
    created_at INTEGER NOT NULL
) STRICT;

-- When a charger was last heard. Apart from chargers, for it is written in batches that must not wait for what else changes there.
CREATE TABLE charger_seen (
    charger_id TEXT PRIMARY KEY REFERENCES chargers (id) ON DELETE CASCADE,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    last_seen_at INTEGER
) STRICT;

CREATE TABLE evses (
    charger_id TEXT NOT NULL REFERENCES chargers (id) ON DELETE CASCADE,
    evse INTEGER NOT NULL CHECK (evse BETWEEN 1 AND 999),
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    label TEXT NOT NULL DEFAULT '',
    added_at INTEGER NOT NULL,
    PRIMARY KEY (charger_id, evse)
) STRICT;

-- The present status of every place that spoke of itself: (0, 0) is the charger as a whole, (n, 0) an EVSE as a whole.
CREATE TABLE connectors (
    charger_id TEXT NOT NULL REFERENCES chargers (id) ON DELETE CASCADE,
    evse INTEGER NOT NULL CHECK (evse BETWEEN 0 AND 999),
    connector INTEGER NOT NULL CHECK (connector BETWEEN 0 AND 999),
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    status TEXT NOT NULL CHECK (status IN ('Available', 'Preparing', 'Charging', 'SuspendedEV', 'SuspendedEVSE', 'Finishing',
        'Reserved', 'Unavailable', 'Faulted', 'Occupied', 'Unknown')),
    status_raw TEXT NOT NULL DEFAULT '',
    error_code TEXT NOT NULL DEFAULT '',
    info TEXT NOT NULL DEFAULT '',
    vendor_id TEXT NOT NULL DEFAULT '',
    vendor_error_code TEXT NOT NULL DEFAULT '',
    reported_at INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    since_at INTEGER NOT NULL,
    PRIMARY KEY (charger_id, evse, connector)
) STRICT;

-- One row per change. applied is 0 for what came too late to be the present status, such as an offline queue sent again.
CREATE TABLE connector_status_history (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    charger_id TEXT NOT NULL REFERENCES chargers (id) ON DELETE CASCADE,
    evse INTEGER NOT NULL,
    connector INTEGER NOT NULL,
    status TEXT NOT NULL,
    status_raw TEXT NOT NULL DEFAULT '',
    error_code TEXT NOT NULL DEFAULT '',
    info TEXT NOT NULL DEFAULT '',
    vendor_id TEXT NOT NULL DEFAULT '',
    vendor_error_code TEXT NOT NULL DEFAULT '',
    reported_at INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    applied INTEGER NOT NULL CHECK (applied IN (0, 1))
) STRICT;

CREATE INDEX connector_status_history_by_time ON connector_status_history (charger_id, reported_at);

-- Every frame, both ways. It is written twice per message: one index, and no foreign keys, for it also outlives its charger.
-- A call and its answer share connection_id and message_id and lie close together in time. Retention deletes from the lowest id.
CREATE TABLE frames (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL,
    charger_id TEXT NOT NULL,
    connection_id TEXT NOT NULL,
    at INTEGER NOT NULL,
    direction TEXT NOT NULL CHECK (direction IN ('in', 'out')),
    kind TEXT NOT NULL CHECK (kind IN ('call', 'result', 'error', 'unreadable')),
    message_id TEXT NOT NULL,
    action TEXT NOT NULL,
    text TEXT NOT NULL,
    took_ms REAL,
    problem TEXT NOT NULL
) STRICT;

CREATE INDEX frames_by_charger ON frames (charger_id, at);

-- What a charger does wrong, counted: one row per charger, rule and field, with one example.
CREATE TABLE oddities (
    charger_id TEXT NOT NULL REFERENCES chargers (id) ON DELETE CASCADE,
    rule TEXT NOT NULL,
    field TEXT NOT NULL,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    count INTEGER NOT NULL CHECK (count > 0),
    example TEXT NOT NULL,
    first_seen_at INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    PRIMARY KEY (charger_id, rule, field)
) STRICT;

CREATE INDEX oddities_by_tenant ON oddities (tenant, charger_id);
