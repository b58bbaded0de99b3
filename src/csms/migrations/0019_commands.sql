-- Commands that somebody asked for, and what became of each. Rows age and go (retention.commands_days).

-- One command for many chargers. It goes on after a restart.
CREATE TABLE bulk_commands (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    command TEXT NOT NULL,
    body TEXT NOT NULL,                     -- JSON, without its secrets
    sealed TEXT NOT NULL DEFAULT '',        -- the body with its secrets, encrypted; '' where it has none, and when it is over
    chosen_by TEXT NOT NULL,                -- JSON: by what the chargers were chosen
    at_a_time INTEGER NOT NULL CHECK (at_a_time > 0),
    ttl_s REAL,
    timeout_s REAL,
    state TEXT NOT NULL CHECK (state IN ('running', 'done', 'cancelled')),
    asked_by_kind TEXT NOT NULL,
    asked_by TEXT NOT NULL,
    asked_at INTEGER NOT NULL,
    ended_at INTEGER
) STRICT;

CREATE INDEX bulk_commands_by_tenant ON bulk_commands (tenant, id);
CREATE INDEX bulk_commands_running ON bulk_commands (id) WHERE state = 'running';

-- queued: of a bulk, its turn has not come. under_way: sent, or in the charger's queue. ended: outcome says what became of it.
-- refused: we did not send it, note says why. failed: our mistake. lost: the server ended first, nobody knows.
CREATE TABLE commands (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    charger_id TEXT NOT NULL REFERENCES chargers (id),
    bulk_id INTEGER REFERENCES bulk_commands (id),
    command TEXT NOT NULL,
    body TEXT NOT NULL,                     -- JSON, without its secrets; '' where the bulk has it
    progress TEXT NOT NULL CHECK (progress IN ('queued', 'under_way', 'ended', 'refused', 'failed', 'lost', 'cancelled')),
    accepted INTEGER CHECK (accepted IN (0, 1)), -- what the charger said; null where nobody knows
    outcome TEXT,                           -- JSON: the outcome, and what its flow adds to it
    note TEXT NOT NULL DEFAULT '',
    asked_by_kind TEXT NOT NULL,
    asked_by TEXT NOT NULL,
    asked_at INTEGER NOT NULL,
    ended_at INTEGER
) STRICT;

CREATE INDEX commands_by_tenant ON commands (tenant, id);
CREATE INDEX commands_by_charger ON commands (charger_id, id);
CREATE INDEX commands_by_bulk ON commands (bulk_id, progress, id) WHERE bulk_id IS NOT NULL;
CREATE INDEX commands_open ON commands (id) WHERE progress IN ('queued', 'under_way');

-- The event log is read by what an event is about and by its type.
CREATE INDEX events_by_key ON events (tenant, key, sequence);
CREATE INDEX events_by_type ON events (tenant, type, sequence);
