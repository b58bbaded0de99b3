-- Configuration of chargers, their availability, and resets: what is wanted, what was said, and how far apart those are.

-- What a charger last said of a variable. A secret's value is never kept, only that there is one.
CREATE TABLE configuration_values (
    charger_id TEXT NOT NULL REFERENCES chargers (id) ON DELETE CASCADE,
    folded TEXT NOT NULL,                   -- the variable's spelling, case-folded
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    variable TEXT NOT NULL,                 -- as the charger spells it
    known INTEGER NOT NULL CHECK (known IN (0, 1)),  -- 0: it says that it has no such variable
    value TEXT,
    readonly INTEGER CHECK (readonly IN (0, 1)),
    read_at INTEGER NOT NULL,
    PRIMARY KEY (charger_id, folded)
) STRICT;

-- What a charger's own configuration should be, before any template.
CREATE TABLE configuration_wishes (
    charger_id TEXT NOT NULL REFERENCES chargers (id) ON DELETE CASCADE,
    folded TEXT NOT NULL,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    variable TEXT NOT NULL,
    value TEXT NOT NULL,
    wished_at INTEGER NOT NULL,
    PRIMARY KEY (charger_id, folded)
) STRICT;

CREATE TABLE configuration_templates (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    folded TEXT NOT NULL,
    scope TEXT NOT NULL CHECK (scope IN ('all', 'model', 'station', 'chargers')),
    vendor TEXT NOT NULL,                   -- case-folded, as model; '' is every model of the vendor
    model TEXT NOT NULL,
    station_id INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    CHECK ((scope = 'model') = (vendor <> '')),
    CHECK (scope = 'model' OR model = ''),
    CHECK ((scope = 'station') = (station_id IS NOT NULL)),
    UNIQUE (tenant, folded),
    FOREIGN KEY (tenant, station_id) REFERENCES stations (tenant, id) ON DELETE CASCADE
) STRICT;

CREATE INDEX configuration_templates_by_station ON configuration_templates (station_id) WHERE station_id IS NOT NULL;

CREATE TABLE configuration_template_settings (
    template_id INTEGER NOT NULL REFERENCES configuration_templates (id) ON DELETE CASCADE,
    folded TEXT NOT NULL,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    variable TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (template_id, folded)
) STRICT;

CREATE TABLE configuration_template_chargers (
    template_id INTEGER NOT NULL REFERENCES configuration_templates (id) ON DELETE CASCADE,
    charger_id TEXT NOT NULL REFERENCES chargers (id) ON DELETE CASCADE,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    PRIMARY KEY (template_id, charger_id)
) STRICT;

CREATE INDEX configuration_template_chargers_by_charger ON configuration_template_chargers (charger_id);

-- Counts changes of templates: a charger that was aligned with an older mark has to be looked at again.
CREATE TABLE configuration_marks (
    tenant INTEGER PRIMARY KEY REFERENCES tenants (id),
    mark INTEGER NOT NULL
) STRICT;

-- How a charger stands to what is wanted of it, and what it was aligned with.
CREATE TABLE configuration_standings (
    charger_id TEXT PRIMARY KEY REFERENCES chargers (id) ON DELETE CASCADE,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    wanted INTEGER NOT NULL,                -- how many variables
    aligned_mark INTEGER NOT NULL,
    aligned_station_id INTEGER,
    aligned_vendor TEXT NOT NULL,
    aligned_model TEXT NOT NULL,
    charger_created_at INTEGER NOT NULL,
    reboot_since_at INTEGER,                -- it said that it needs a reboot to follow
    due_at INTEGER,
    failures INTEGER NOT NULL,
    problem TEXT NOT NULL,
    checked_at INTEGER
) STRICT;

CREATE INDEX configuration_standings_due ON configuration_standings (due_at) WHERE due_at IS NOT NULL;

-- Each variable that is wanted of a charger, out of which source, and what became of telling it.
CREATE TABLE configuration_keys (
    charger_id TEXT NOT NULL REFERENCES chargers (id) ON DELETE CASCADE,
    folded TEXT NOT NULL,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    variable TEXT NOT NULL,
    value TEXT NOT NULL,
    source TEXT NOT NULL,                   -- the template's name; '' for the charger's own
    state TEXT NOT NULL CHECK (
        state IN ('pending', 'uncertain', 'taken', 'in_step', 'reboot_required', 'rejected', 'not_supported', 'not_kept')
    ),
    answer TEXT NOT NULL,
    untold INTEGER NOT NULL CHECK (untold IN (0, 1)),  -- it was changed, and no event has told of it
    firmware TEXT NOT NULL,                 -- which the charger ran when it refused
    sent_at INTEGER,
    since_at INTEGER NOT NULL,
    PRIMARY KEY (charger_id, folded)
) STRICT;

CREATE INDEX configuration_keys_apart ON configuration_keys (tenant, charger_id) WHERE state <> 'in_step';

-- Which places should be in service. A window of maintenance that is running takes one out of service whatever is wished.
CREATE TABLE availability_wishes (
    charger_id TEXT NOT NULL REFERENCES chargers (id) ON DELETE CASCADE,
    evse INTEGER NOT NULL,
    connector INTEGER NOT NULL,             -- 0.0 is the charger as a whole
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    wished INTEGER NOT NULL CHECK (wished IN (0, 1)),   -- 1: in service
    reason TEXT NOT NULL,
    set_by TEXT NOT NULL,
    since_at INTEGER NOT NULL,
    operative INTEGER NOT NULL CHECK (operative IN (0, 1)),  -- what the charger is to be told now
    state TEXT NOT NULL CHECK (
        state IN ('pending', 'uncertain', 'accepted', 'scheduled', 'in_force', 'rejected', 'not_supported', 'unconfirmed')
    ),
    answer TEXT NOT NULL,
    sent_at INTEGER,
    failures INTEGER NOT NULL,
    due_at INTEGER,
    changed_at INTEGER NOT NULL,
    charger_created_at INTEGER NOT NULL,
    PRIMARY KEY (charger_id, evse, connector)
) STRICT;

CREATE INDEX availability_wishes_due ON availability_wishes (due_at) WHERE due_at IS NOT NULL;

CREATE TABLE maintenance_windows (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    charger_id TEXT NOT NULL REFERENCES chargers (id) ON DELETE CASCADE,
    evse INTEGER NOT NULL,
    connector INTEGER NOT NULL,
    from_at INTEGER NOT NULL,
    until_at INTEGER NOT NULL,
    reason TEXT NOT NULL,
    set_by TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('planned', 'running', 'over', 'cancelled')),
    next_at INTEGER,                        -- when it begins or ends; NULL when it is past
    created_at INTEGER NOT NULL,
    CHECK (from_at < until_at),
    CHECK ((next_at IS NULL) = (state IN ('over', 'cancelled')))
) STRICT;

CREATE INDEX maintenance_windows_next ON maintenance_windows (tenant, next_at) WHERE next_at IS NOT NULL;
CREATE INDEX maintenance_windows_by_charger ON maintenance_windows (charger_id, id);

CREATE TABLE charger_resets (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    charger_id TEXT NOT NULL REFERENCES chargers (id) ON DELETE CASCADE,
    kind TEXT NOT NULL CHECK (kind IN ('when_idle', 'immediately')),
    evse INTEGER,
    state TEXT NOT NULL CHECK (state IN ('sending', 'accepted', 'done', 'refused', 'failed')),
    answer TEXT NOT NULL,
    note TEXT NOT NULL,
    asked_at INTEGER NOT NULL,
    booted_at INTEGER,
    deadline_at INTEGER,
    closed_at INTEGER,
    CHECK ((closed_at IS NOT NULL) = (state IN ('done', 'refused', 'failed'))),
    CHECK ((deadline_at IS NULL) = (closed_at IS NOT NULL))
) STRICT;

CREATE INDEX charger_resets_by_charger ON charger_resets (tenant, charger_id, id);
CREATE INDEX charger_resets_by_deadline ON charger_resets (tenant, deadline_at) WHERE deadline_at IS NOT NULL;
