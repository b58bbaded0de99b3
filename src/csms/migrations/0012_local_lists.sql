-- The local authorization list of each charger that has one: what we believe is on it, and how that stands to what should be.
-- sending is what was under way when we last heard nothing (JSON: version, full, entries); the charger's version tells whether it took it.
CREATE TABLE local_lists (
    charger_id TEXT PRIMARY KEY REFERENCES chargers (id) ON DELETE CASCADE,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    mode TEXT NOT NULL DEFAULT '' CHECK (mode IN ('', 'auto', 'off')),
    state TEXT NOT NULL DEFAULT 'unknown' CHECK (state IN ('unknown', 'in_step', 'behind', 'disabled', 'unsupported', 'failed')),
    version INTEGER NOT NULL DEFAULT 0,
    heard_version INTEGER,
    needs_full INTEGER NOT NULL DEFAULT 1 CHECK (needs_full IN (0, 1)),
    sending TEXT NOT NULL DEFAULT '',
    left_out INTEGER NOT NULL DEFAULT 0,
    list_limit INTEGER,
    message_limit INTEGER,
    limits_at INTEGER,
    problem TEXT NOT NULL DEFAULT '',
    failures INTEGER NOT NULL DEFAULT 0,
    due_at INTEGER,
    synchronised_at INTEGER,
    changed_at INTEGER NOT NULL
) STRICT;

CREATE INDEX local_lists_due ON local_lists (tenant, due_at) WHERE due_at IS NOT NULL;

CREATE TABLE local_list_entries (
    charger_id TEXT NOT NULL REFERENCES local_lists (charger_id) ON DELETE CASCADE,
    folded TEXT NOT NULL,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    token TEXT NOT NULL,
    kind TEXT NOT NULL DEFAULT '',
    status TEXT NOT NULL,
    expires_at INTEGER,
    parent TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (charger_id, folded)
) STRICT;
