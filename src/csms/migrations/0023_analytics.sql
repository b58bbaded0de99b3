-- Analytics: what happened, rolled up as it is told, so that a year is read from a few hundred rows.

-- Counts of a day or a month, in the tenant's time zone, of the tenant ('tenant', ''), a station, a charger, or a port (an EVSE).
CREATE TABLE analytics_counts (
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    period TEXT NOT NULL CHECK (period IN ('day', 'month')),
    scope TEXT NOT NULL CHECK (scope IN ('tenant', 'station', 'charger', 'port')),
    subject TEXT NOT NULL,                  -- '', the station's id, the charger's id, or CHARGER/EVSE
    begins TEXT NOT NULL,                   -- YYYY-MM-DD, its first day
    starts INTEGER NOT NULL DEFAULT 0,
    refused INTEGER NOT NULL DEFAULT 0,     -- starts of tokens that may not charge
    transactions INTEGER NOT NULL DEFAULT 0, -- that ended in it
    energy_wh INTEGER NOT NULL DEFAULT 0,
    charging_ms INTEGER NOT NULL DEFAULT 0, -- time with a transaction, each day its part
    faults INTEGER NOT NULL DEFAULT 0,
    disconnects INTEGER NOT NULL DEFAULT 0,
    down_ms INTEGER NOT NULL DEFAULT 0,     -- ports' time offline, faulted or out of service, each day its part
    drivers INTEGER NOT NULL DEFAULT 0,     -- different ones, of the tenant alone
    new_drivers INTEGER NOT NULL DEFAULT 0, -- who never charged before
    PRIMARY KEY (tenant, period, scope, subject, begins)
) STRICT;

CREATE INDEX analytics_counts_by_time ON analytics_counts (tenant, period, scope, begins);

-- Who charged in a day or a month.
CREATE TABLE analytics_drivers (
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    period TEXT NOT NULL CHECK (period IN ('day', 'month')),
    begins TEXT NOT NULL,
    driver_id INTEGER NOT NULL,
    transactions INTEGER NOT NULL DEFAULT 0,
    energy_wh INTEGER NOT NULL DEFAULT 0,
    charging_ms INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant, period, begins, driver_id)
) STRICT;

CREATE INDEX analytics_drivers_by_driver ON analytics_drivers (tenant, driver_id, period, begins);

-- Hours of the week, per month: when people charge.
CREATE TABLE analytics_hours (
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    scope TEXT NOT NULL CHECK (scope IN ('tenant', 'station', 'charger')),
    subject TEXT NOT NULL,
    begins TEXT NOT NULL,                   -- the first day of the month
    weekday INTEGER NOT NULL CHECK (weekday BETWEEN 0 AND 6),  -- 0 is Monday
    hour INTEGER NOT NULL CHECK (hour BETWEEN 0 AND 23),
    starts INTEGER NOT NULL DEFAULT 0,
    charging_ms INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant, scope, subject, begins, weekday, hour)
) STRICT;

-- What was counted of each transaction, so that a correction takes the old away and the same event twice changes nothing.
CREATE TABLE analytics_transactions (
    transaction_id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    charger_id TEXT NOT NULL,
    station_id INTEGER,
    evse INTEGER NOT NULL,
    driver_id INTEGER,
    refused INTEGER NOT NULL CHECK (refused IN (0, 1)),
    started_at INTEGER NOT NULL,
    ended_at INTEGER,
    energy_wh INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX analytics_transactions_by_driver ON analytics_transactions (tenant, driver_id, started_at) WHERE driver_id IS NOT NULL;

-- The ports that are known and whether they are down now. EVSE 0 is the charger's connection.
CREATE TABLE analytics_ports (
    charger_id TEXT NOT NULL,
    evse INTEGER NOT NULL,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    known_since_at INTEGER NOT NULL,
    offline INTEGER NOT NULL DEFAULT 0 CHECK (offline IN (0, 1)),
    status TEXT NOT NULL DEFAULT '',
    down_since_at INTEGER,
    why TEXT NOT NULL DEFAULT '',
    last_event_id INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (charger_id, evse)
) STRICT;

CREATE INDEX analytics_ports_by_tenant ON analytics_ports (tenant, charger_id, evse);

-- Every time that a port was down, once it is over.
CREATE TABLE outages (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    charger_id TEXT NOT NULL,
    evse INTEGER NOT NULL,
    from_at INTEGER NOT NULL,
    until_at INTEGER NOT NULL,
    why TEXT NOT NULL
) STRICT;

CREATE INDEX outages_by_charger ON outages (tenant, charger_id, from_at);
CREATE INDEX outages_by_time ON outages (tenant, id);

-- Time that does not count as down (NEVI: 23 CFR 680.116(b)(3)): scheduled maintenance, power cuts, vandalism, acts of nature.
CREATE TABLE uptime_exclusions (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    charger_id TEXT NOT NULL REFERENCES chargers (id) ON DELETE CASCADE,
    from_at INTEGER NOT NULL,
    until_at INTEGER NOT NULL,
    reason TEXT NOT NULL CHECK (reason IN ('maintenance', 'grid', 'network', 'vandalism', 'nature', 'other')),
    note TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    CHECK (from_at < until_at)
) STRICT;

CREATE INDEX uptime_exclusions_by_charger ON uptime_exclusions (tenant, charger_id, from_at);
