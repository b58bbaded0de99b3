-- Charging profiles: templates, where they are wanted, and what chargers hold.

-- content is the profile as JSON, with id 0 and no transaction; the columns beside it are for lists.
CREATE TABLE profile_templates (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    folded TEXT NOT NULL,
    description TEXT NOT NULL DEFAULT '',
    content TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    UNIQUE (tenant, id),
    UNIQUE (tenant, folded)
) STRICT;

-- Where a template is wanted: at one charger, at a station's, or at all of a model.
CREATE TABLE profile_assignments (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    template_id INTEGER NOT NULL,
    charger_id TEXT REFERENCES chargers (id) ON DELETE CASCADE,
    station_id INTEGER,
    model TEXT CHECK (length(model) BETWEEN 1 AND 255),
    evse INTEGER NOT NULL CHECK (evse BETWEEN 0 AND 999),
    again_at_boot INTEGER NOT NULL CHECK (again_at_boot IN (0, 1)),
    created_at INTEGER NOT NULL,
    CHECK (
        (charger_id IS NOT NULL AND station_id IS NULL AND model IS NULL)
        OR (charger_id IS NULL AND station_id IS NOT NULL AND model IS NULL)
        OR (charger_id IS NULL AND station_id IS NULL AND model IS NOT NULL)
    ),
    FOREIGN KEY (tenant, template_id) REFERENCES profile_templates (tenant, id),
    FOREIGN KEY (tenant, station_id) REFERENCES stations (tenant, id) ON DELETE CASCADE
) STRICT;

CREATE INDEX profile_assignments_by_template ON profile_assignments (tenant, template_id);
CREATE INDEX profile_assignments_by_charger ON profile_assignments (charger_id) WHERE charger_id IS NOT NULL;
CREATE INDEX profile_assignments_by_station ON profile_assignments (station_id) WHERE station_id IS NOT NULL;

-- Counts changes of templates and assignments: a charger that was aligned with an older mark has to be looked at again.
CREATE TABLE profile_marks (
    tenant INTEGER PRIMARY KEY REFERENCES tenants (id),
    mark INTEGER NOT NULL
) STRICT;

-- What smart charging knows of a charger: its counters, its limits (NULL or '' where it did not say), and what it was aligned with.
CREATE TABLE smart_chargers (
    charger_id TEXT PRIMARY KEY REFERENCES chargers (id) ON DELETE CASCADE,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    last_profile_id INTEGER NOT NULL DEFAULT 0,
    sends INTEGER NOT NULL DEFAULT 0,
    max_stack_level INTEGER,
    units TEXT NOT NULL DEFAULT '',
    max_periods INTEGER,
    max_installed INTEGER,
    limits_read_at INTEGER,
    aligned_mark INTEGER NOT NULL DEFAULT 0,
    aligned_station_id INTEGER,
    aligned_model TEXT NOT NULL DEFAULT '',
    charger_created_at INTEGER NOT NULL
) STRICT;

-- Every profile that was or shall be sent to a charger. try_at is when we try by ourselves to bring it there or away; NULL is never.
CREATE TABLE charger_profiles (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    charger_id TEXT NOT NULL REFERENCES chargers (id) ON DELETE CASCADE,
    evse INTEGER NOT NULL CHECK (evse BETWEEN 0 AND 999),
    profile_id INTEGER NOT NULL,
    purpose TEXT NOT NULL,
    stack_level INTEGER NOT NULL,
    valid_to INTEGER,
    content TEXT NOT NULL,
    sent TEXT NOT NULL DEFAULT '',
    template_id INTEGER,
    assignment_id INTEGER,
    transaction_id INTEGER,
    state TEXT NOT NULL CHECK (state IN ('wanted', 'installed', 'refused', 'uncertain', 'cleared')),
    status TEXT NOT NULL DEFAULT '',
    leaving INTEGER NOT NULL DEFAULT 0 CHECK (leaving IN (0, 1)),
    attempts INTEGER NOT NULL DEFAULT 0,
    try_at INTEGER,
    sent_no INTEGER NOT NULL DEFAULT 0,
    sent_at INTEGER,
    answered_at INTEGER,
    clearing_at INTEGER,
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL
) STRICT;

CREATE INDEX charger_profiles_by_charger ON charger_profiles (charger_id, state);
CREATE INDEX charger_profiles_due ON charger_profiles (try_at) WHERE try_at IS NOT NULL;
CREATE INDEX charger_profiles_by_assignment ON charger_profiles (assignment_id, charger_id) WHERE assignment_id IS NOT NULL;
CREATE INDEX charger_profiles_by_transaction ON charger_profiles (transaction_id) WHERE transaction_id IS NOT NULL;
CREATE INDEX charger_profiles_by_end ON charger_profiles (tenant, changed_at) WHERE state IN ('cleared', 'refused');
CREATE INDEX charger_profiles_by_validity ON charger_profiles (tenant, valid_to) WHERE valid_to IS NOT NULL AND state <> 'cleared';
