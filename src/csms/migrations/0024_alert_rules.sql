-- What a tenant wants of the rules that watch for standing conditions, where it is not the usual.
CREATE TABLE alert_rules (
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    kind TEXT NOT NULL,
    enabled INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    severity TEXT NOT NULL CHECK (severity IN ('info', 'warning', 'error', 'critical')),
    threshold REAL NOT NULL,
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, kind)
) STRICT;

CREATE INDEX alerts_open_by_kind ON alerts (tenant, kind, id) WHERE resolved_at IS NULL;
