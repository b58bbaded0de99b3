-- Where tenants have events sent, and what became of each.

CREATE TABLE webhooks (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    url TEXT NOT NULL CHECK (length(url) BETWEEN 1 AND 2000),
    events TEXT NOT NULL,                   -- JSON: patterns of event types
    stations TEXT NOT NULL,                 -- JSON: ids; with chargers empty, too, it is all
    chargers TEXT NOT NULL,
    secret TEXT NOT NULL,                   -- sealed; '' of one that was removed, whose deliveries are still here
    previous_secret TEXT NOT NULL DEFAULT '',
    previous_until INTEGER,                 -- until when the one before signs as well
    state TEXT NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'paused', 'removed')),
    paused_at INTEGER,
    pause_reason TEXT NOT NULL DEFAULT '',
    failures INTEGER NOT NULL DEFAULT 0,    -- in a row
    failing_since_at INTEGER,
    rest_until INTEGER NOT NULL DEFAULT 0,  -- nothing is sent before: the receiver is down
    last_error TEXT NOT NULL DEFAULT '',
    delivered_at INTEGER,
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    UNIQUE (tenant, id)
) STRICT;

CREATE UNIQUE INDEX webhook_names ON webhooks (tenant, name) WHERE state <> 'removed';

CREATE TABLE webhook_deliveries (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL,
    webhook_id INTEGER NOT NULL,
    event_id INTEGER,                       -- NULL for a test; the event may be gone by now
    event_type TEXT NOT NULL,
    event_key TEXT NOT NULL,                -- first attempts of one key go in order
    charger_id TEXT NOT NULL DEFAULT '',
    state TEXT NOT NULL CHECK (state IN ('waiting', 'delivered', 'failed')),
    due_at INTEGER NOT NULL,                -- 0 before the first attempt
    attempts INTEGER NOT NULL DEFAULT 0,
    status INTEGER,                         -- of the last answer
    error TEXT NOT NULL DEFAULT '',
    answer TEXT NOT NULL DEFAULT '',        -- its beginning
    took_ms INTEGER,
    attempted_at INTEGER,
    created_at INTEGER NOT NULL,
    FOREIGN KEY (tenant, webhook_id) REFERENCES webhooks (tenant, id)
) STRICT;

CREATE UNIQUE INDEX webhook_deliveries_once ON webhook_deliveries (webhook_id, event_id);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (webhook_id, due_at, id) WHERE state = 'waiting';
CREATE INDEX webhook_deliveries_by_webhook ON webhook_deliveries (tenant, webhook_id, id);
CREATE INDEX webhook_deliveries_by_state ON webhook_deliveries (tenant, webhook_id, state, id);
CREATE INDEX webhook_deliveries_by_type ON webhook_deliveries (tenant, webhook_id, event_type, id);
