-- Alerts: what somebody should look at, each once while it lasts.

CREATE TABLE alerts (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    kind TEXT NOT NULL CHECK (length(kind) > 0),
    severity TEXT NOT NULL CHECK (severity IN ('info', 'warning', 'error', 'critical')),
    subject TEXT NOT NULL,                  -- what it is about, such as charger:C1; with kind it tells an alert from others
    charger_id TEXT NOT NULL,               -- '' where it concerns none; no reference, for alerts outlive what they are about
    message TEXT NOT NULL,
    detail TEXT NOT NULL,                   -- JSON, of its latest occurrence
    event_id INTEGER NOT NULL,              -- the last event that it heard; an older one is a repeat of the delivery
    times INTEGER NOT NULL CHECK (times > 0),
    raised_at INTEGER NOT NULL,
    last_raised_at INTEGER NOT NULL,
    acknowledged_at INTEGER,
    acknowledged_by TEXT NOT NULL,
    resolved_at INTEGER,
    resolved_by TEXT NOT NULL,              -- '' where it resolved by itself
    note TEXT NOT NULL
) STRICT;

CREATE UNIQUE INDEX alerts_open ON alerts (tenant, kind, subject) WHERE resolved_at IS NULL;
CREATE INDEX alerts_by_subject ON alerts (tenant, kind, subject, id);
-- For lists, the newest first.
CREATE INDEX alerts_by_tenant ON alerts (tenant, id);
CREATE INDEX alerts_by_charger ON alerts (tenant, charger_id, id) WHERE charger_id <> '';
CREATE INDEX alerts_open_by_tenant ON alerts (tenant, id) WHERE resolved_at IS NULL;
