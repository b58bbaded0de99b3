-- Uptime: what is excluded is counted as downtime is, and ports of chargers that were removed count until then.

-- Time that was down and does not count as down, each day its part; a part of down_ms.
ALTER TABLE analytics_counts ADD COLUMN excluded_ms INTEGER NOT NULL DEFAULT 0;

-- How long each port was down, without looking at a row.
CREATE INDEX analytics_counts_down ON analytics_counts (tenant, period, scope, begins, subject, down_ms, excluded_ms)
    WHERE scope = 'port' AND down_ms > 0;

-- Ports as long as their charger was there, once it is removed.
CREATE TABLE analytics_ports_gone (
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    charger_id TEXT NOT NULL,
    evse INTEGER NOT NULL,
    station_id INTEGER,                     -- where it stood
    from_at INTEGER NOT NULL,
    until_at INTEGER NOT NULL,
    PRIMARY KEY (charger_id, evse, from_at)
) STRICT;

CREATE INDEX analytics_ports_gone_by_time ON analytics_ports_gone (tenant, until_at);

-- An outage that went on when its charger was removed is not known in days: the port counts until it began.
INSERT INTO analytics_ports_gone (tenant, charger_id, evse, station_id, from_at, until_at)
SELECT p.tenant, p.charger_id, p.evse,
    (SELECT t.station_id FROM transactions t WHERE t.charger_id = p.charger_id AND t.tenant = p.tenant ORDER BY t.id DESC LIMIT 1),
    p.known_since_at, CASE WHEN p.down_since_at < c.removed_at THEN p.down_since_at ELSE c.removed_at END
FROM analytics_ports p JOIN chargers c ON c.id = p.charger_id AND c.tenant = p.tenant
WHERE p.evse > 0 AND c.removed_at IS NOT NULL
    AND p.known_since_at < CASE WHEN p.down_since_at < c.removed_at THEN p.down_since_at ELSE c.removed_at END;

DELETE FROM analytics_ports WHERE charger_id IN (SELECT id FROM chargers WHERE removed_at IS NOT NULL);

ALTER TABLE outages ADD COLUMN station_id INTEGER;                  -- where the charger stood
ALTER TABLE outages ADD COLUMN excluded TEXT NOT NULL DEFAULT '';   -- the parts that do not count as down, as JSON: [[from, until], ...]
-- What is excluded of it may be something else now, and is reckoned again.
ALTER TABLE outages ADD COLUMN recount INTEGER NOT NULL DEFAULT 0 CHECK (recount IN (0, 1));

UPDATE outages SET recount = 1
WHERE EXISTS (SELECT 1 FROM uptime_exclusions e WHERE e.tenant = outages.tenant AND e.charger_id = outages.charger_id
        AND e.from_at < outages.until_at AND e.until_at > outages.from_at)
    OR EXISTS (SELECT 1 FROM maintenance_windows w WHERE w.tenant = outages.tenant AND w.charger_id = outages.charger_id
        AND w.from_at < outages.until_at AND w.until_at > outages.from_at);

CREATE INDEX outages_recounted ON outages (tenant, id) WHERE recount = 1;
