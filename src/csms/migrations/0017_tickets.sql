-- Support tickets: what drivers and operators write to each other. waiting says whose turn it is.

CREATE TABLE tickets (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    driver_id INTEGER NOT NULL,
    title TEXT NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
    state TEXT NOT NULL CHECK (state IN ('open', 'pending', 'resolved', 'closed')),
    priority TEXT NOT NULL CHECK (priority IN ('low', 'normal', 'high', 'urgent')),
    assignee_id INTEGER,                    -- a user of the tenant; NULL: nobody looks after it yet
    assignee TEXT NOT NULL DEFAULT '',
    transaction_id INTEGER,
    charger_id TEXT NOT NULL DEFAULT '',
    station_id INTEGER,
    opened_by TEXT NOT NULL CHECK (opened_by IN ('driver', 'staff')),
    messages INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    resolved_at INTEGER,
    closed_at INTEGER,
    CHECK ((closed_at IS NOT NULL) = (state = 'closed')),
    UNIQUE (tenant, id),
    FOREIGN KEY (tenant, driver_id) REFERENCES drivers (tenant, id)
) STRICT;

CREATE INDEX tickets_by_tenant ON tickets (tenant, state, changed_at, id);
CREATE INDEX tickets_by_change ON tickets (tenant, changed_at, id);
CREATE INDEX tickets_by_driver ON tickets (tenant, driver_id, id);
CREATE INDEX tickets_by_charger ON tickets (tenant, charger_id, id) WHERE charger_id <> '';
CREATE INDEX tickets_by_station ON tickets (tenant, station_id, id) WHERE station_id IS NOT NULL;
CREATE INDEX tickets_by_transaction ON tickets (tenant, transaction_id) WHERE transaction_id IS NOT NULL;
CREATE INDEX tickets_by_assignee ON tickets (tenant, assignee_id, id) WHERE assignee_id IS NOT NULL;
CREATE INDEX tickets_resolved ON tickets (tenant, resolved_at) WHERE state = 'resolved';

-- internal: a note that the driver does not see.
CREATE TABLE ticket_messages (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    ticket_id INTEGER NOT NULL,
    at INTEGER NOT NULL,
    author_kind TEXT NOT NULL CHECK (author_kind IN ('driver', 'staff', 'system')),
    author_id INTEGER,
    author TEXT NOT NULL,
    body TEXT NOT NULL,
    internal INTEGER NOT NULL DEFAULT 0 CHECK (internal IN (0, 1)),
    FOREIGN KEY (tenant, ticket_id) REFERENCES tickets (tenant, id)
) STRICT;

CREATE INDEX ticket_messages_by_ticket ON ticket_messages (tenant, ticket_id, id);
