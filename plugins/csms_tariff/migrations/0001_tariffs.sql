-- Counts every change of a tenant's tariffs, so that a server knows at a glance whether what it has read still holds.
CREATE TABLE plugin_tariff_state (
    tenant INTEGER PRIMARY KEY REFERENCES tenants (id),
    revision INTEGER NOT NULL
) STRICT;

-- What does not change over versions. An archived tariff applies to nothing that starts later; its name may be used again.
CREATE TABLE plugin_tariff_tariffs (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    description TEXT NOT NULL,
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    tax_inclusive INTEGER NOT NULL CHECK (tax_inclusive IN (0, 1)),
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    archived_at INTEGER
) STRICT;

CREATE UNIQUE INDEX plugin_tariff_names ON plugin_tariff_tariffs (tenant, name) WHERE archived_at IS NULL;
CREATE INDEX plugin_tariff_tariffs_by_tenant ON plugin_tariff_tariffs (tenant, id);

-- rules is JSON (rules.py). A version in force is never changed; the next one's beginning ends it.
CREATE TABLE plugin_tariff_versions (
    tariff_id INTEGER NOT NULL REFERENCES plugin_tariff_tariffs (id),
    number INTEGER NOT NULL CHECK (number >= 1),
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    valid_from_at INTEGER NOT NULL,
    rules TEXT NOT NULL,
    note TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tariff_id, number),
    UNIQUE (tariff_id, valid_from_at)
) STRICT;

CREATE INDEX plugin_tariff_versions_by_tenant ON plugin_tariff_versions (tenant, tariff_id, number);

-- Where a tariff applies. driver_group '' is everybody. evse 0 and connector 0 where the level does not say.
CREATE TABLE plugin_tariff_assignments (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    tariff_id INTEGER NOT NULL REFERENCES plugin_tariff_tariffs (id),
    level TEXT NOT NULL CHECK (level IN ('tenant', 'station', 'charger', 'connector')),
    station_id INTEGER NOT NULL,            -- 0 where the level is another
    charger_id TEXT NOT NULL,               -- '' where the level is another
    evse INTEGER NOT NULL,
    connector INTEGER NOT NULL,
    driver_group TEXT NOT NULL,
    valid_from_at INTEGER NOT NULL,
    valid_until_at INTEGER CHECK (valid_until_at > valid_from_at),
    created_at INTEGER NOT NULL,
    UNIQUE (tenant, level, station_id, charger_id, evse, connector, driver_group, valid_from_at),
    CHECK ((level = 'station') = (station_id > 0)),
    CHECK ((level IN ('charger', 'connector')) = (charger_id <> '')),
    CHECK ((level = 'connector') = (evse > 0)),
    CHECK (evse > 0 OR connector = 0)
) STRICT;

CREATE INDEX plugin_tariff_assignments_by_tariff ON plugin_tariff_assignments (tariff_id, id);

CREATE TABLE plugin_tariff_calendars (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    created_at INTEGER NOT NULL,
    UNIQUE (tenant, name)
) STRICT;

CREATE TABLE plugin_tariff_holidays (
    calendar_id INTEGER NOT NULL REFERENCES plugin_tariff_calendars (id),
    day TEXT NOT NULL CHECK (length(day) = 10),
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    name TEXT NOT NULL,
    PRIMARY KEY (calendar_id, day)
) STRICT;

CREATE INDEX plugin_tariff_holidays_by_tenant ON plugin_tariff_holidays (tenant, calendar_id, day);

-- Promo codes; code is kept in capitals. percent and amount are decimals as text, one of them ''. tariff_id NULL is any tariff.
CREATE TABLE plugin_tariff_promo_codes (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    code TEXT NOT NULL CHECK (length(code) BETWEEN 2 AND 40),
    name TEXT NOT NULL,
    percent TEXT NOT NULL,
    amount TEXT NOT NULL,
    off TEXT NOT NULL CHECK (off IN ('energy', 'all')),
    below_minimum INTEGER NOT NULL CHECK (below_minimum IN (0, 1)),
    tariff_id INTEGER REFERENCES plugin_tariff_tariffs (id),
    valid_from_at INTEGER NOT NULL,
    valid_until_at INTEGER CHECK (valid_until_at > valid_from_at),
    max_uses INTEGER CHECK (max_uses > 0),
    max_uses_per_driver INTEGER CHECK (max_uses_per_driver > 0),
    created_at INTEGER NOT NULL,
    closed_at INTEGER,
    UNIQUE (tenant, code),
    CHECK ((percent = '') <> (amount = ''))
) STRICT;

-- One row per charge whose final price a code lowered: priced again, it counts no second time.
CREATE TABLE plugin_tariff_promo_uses (
    promo_code_id INTEGER NOT NULL REFERENCES plugin_tariff_promo_codes (id),
    transaction_id INTEGER NOT NULL,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    driver_id INTEGER,
    used_at INTEGER NOT NULL,
    PRIMARY KEY (promo_code_id, transaction_id)
) STRICT;

CREATE INDEX plugin_tariff_promo_uses_by_driver ON plugin_tariff_promo_uses (promo_code_id, driver_id);
CREATE INDEX plugin_tariff_promo_uses_by_tenant ON plugin_tariff_promo_uses (tenant, promo_code_id, transaction_id);

-- Codes that drivers entered, to be used with their charges.
CREATE TABLE plugin_tariff_promo_holders (
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    driver_id INTEGER NOT NULL,
    promo_code_id INTEGER NOT NULL REFERENCES plugin_tariff_promo_codes (id),
    added_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, driver_id, promo_code_id)
) STRICT;

-- Prices per kWh that were told from outside; price is a decimal as text.
CREATE TABLE plugin_tariff_prices (
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    source TEXT NOT NULL CHECK (length(source) BETWEEN 1 AND 50),
    from_at INTEGER NOT NULL,
    to_at INTEGER NOT NULL,
    price TEXT NOT NULL,
    told_by TEXT NOT NULL,
    told_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, source, from_at),
    CHECK (to_at > from_at)
) STRICT;

CREATE INDEX plugin_tariff_prices_by_age ON plugin_tariff_prices (from_at);
