-- Who charges. A removed driver keeps the row, because transactions name it.
CREATE TABLE drivers (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    email TEXT NOT NULL DEFAULT '',
    email_folded TEXT NOT NULL DEFAULT '',
    phone TEXT NOT NULL DEFAULT '',
    reference TEXT NOT NULL DEFAULT '',
    status TEXT NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'blocked')),
    created_at INTEGER NOT NULL,
    removed_at INTEGER,
    UNIQUE (tenant, id)
) STRICT;

CREATE UNIQUE INDEX driver_emails ON drivers (tenant, email_folded) WHERE email_folded <> '' AND removed_at IS NULL;
CREATE UNIQUE INDEX driver_references ON drivers (tenant, reference) WHERE reference <> '' AND removed_at IS NULL;

CREATE TABLE vehicles (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    driver_id INTEGER NOT NULL,
    name TEXT NOT NULL DEFAULT '',
    plate TEXT NOT NULL DEFAULT '',
    vin TEXT NOT NULL DEFAULT '',
    make TEXT NOT NULL DEFAULT '',
    model TEXT NOT NULL DEFAULT '',
    created_at INTEGER NOT NULL,
    CHECK (name <> '' OR plate <> '' OR vin <> ''),
    FOREIGN KEY (tenant, driver_id) REFERENCES drivers (tenant, id)
) STRICT;

CREATE INDEX vehicles_by_driver ON vehicles (driver_id, id);
CREATE UNIQUE INDEX vehicle_plates ON vehicles (tenant, plate) WHERE plate <> '';
CREATE UNIQUE INDEX vehicle_vins ON vehicles (tenant, vin) WHERE vin <> '';

-- Tokens that share a fate. parent is what chargers are told (parentIdTag, groupIdToken): one member may stop what another started.
CREATE TABLE token_groups (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    parent TEXT NOT NULL CHECK (length(parent) BETWEEN 1 AND 20),
    parent_folded TEXT NOT NULL,
    status TEXT NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'blocked')),
    created_at INTEGER NOT NULL,
    UNIQUE (tenant, id),
    UNIQUE (tenant, name),
    UNIQUE (tenant, parent_folded)
) STRICT;

-- value is kept as issued, folded is what is compared. max_transactions: NULL is the general rule, 0 no limit.
-- A removed token keeps the row, because transactions name it. Its value may be issued again.
CREATE TABLE tokens (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    value TEXT NOT NULL CHECK (length(value) BETWEEN 1 AND 255),
    folded TEXT NOT NULL,
    kind TEXT NOT NULL DEFAULT '',
    label TEXT NOT NULL DEFAULT '',
    token_group_id INTEGER,
    driver_id INTEGER,
    status TEXT NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'blocked')),
    valid_from INTEGER,
    expires_at INTEGER,
    max_transactions INTEGER CHECK (max_transactions >= 0),
    created_at INTEGER NOT NULL,
    removed_at INTEGER,
    UNIQUE (tenant, id),
    CHECK (valid_from IS NULL OR expires_at IS NULL OR valid_from < expires_at),
    FOREIGN KEY (tenant, token_group_id) REFERENCES token_groups (tenant, id),
    FOREIGN KEY (tenant, driver_id) REFERENCES drivers (tenant, id)
) STRICT;

CREATE UNIQUE INDEX token_values ON tokens (tenant, folded) WHERE removed_at IS NULL;
CREATE INDEX tokens_by_group ON tokens (token_group_id, folded) WHERE token_group_id IS NOT NULL AND removed_at IS NULL;
CREATE INDEX tokens_by_driver ON tokens (driver_id, folded) WHERE driver_id IS NOT NULL AND removed_at IS NULL;

-- Who may charge where. Without a grant a token may charge at every open station. With grants (for itself, its group or its driver)
-- only where one of them says. A station whose access is granted takes only those with a grant for it.
CREATE TABLE grants (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    token_id INTEGER,
    token_group_id INTEGER,
    driver_id INTEGER,
    station_id INTEGER,
    station_group_id INTEGER,
    created_at INTEGER NOT NULL,
    CHECK (CASE WHEN token_id IS NULL THEN 0 ELSE 1 END + CASE WHEN token_group_id IS NULL THEN 0 ELSE 1 END
        + CASE WHEN driver_id IS NULL THEN 0 ELSE 1 END = 1),
    CHECK ((station_id IS NULL) <> (station_group_id IS NULL)),
    FOREIGN KEY (tenant, token_id) REFERENCES tokens (tenant, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant, token_group_id) REFERENCES token_groups (tenant, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant, driver_id) REFERENCES drivers (tenant, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant, station_id) REFERENCES stations (tenant, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant, station_group_id) REFERENCES station_groups (tenant, id) ON DELETE CASCADE
) STRICT;

CREATE UNIQUE INDEX grants_once ON grants (tenant, (COALESCE(token_id, 0)), (COALESCE(token_group_id, 0)), (COALESCE(driver_id, 0)),
    (COALESCE(station_id, 0)), (COALESCE(station_group_id, 0)));
CREATE INDEX grants_by_token ON grants (token_id) WHERE token_id IS NOT NULL;
CREATE INDEX grants_by_token_group ON grants (token_group_id) WHERE token_group_id IS NOT NULL;
CREATE INDEX grants_by_driver ON grants (driver_id) WHERE driver_id IS NOT NULL;
CREATE INDEX grants_by_station ON grants (station_id) WHERE station_id IS NOT NULL;
CREATE INDEX grants_by_station_group ON grants (station_group_id) WHERE station_group_id IS NOT NULL;
