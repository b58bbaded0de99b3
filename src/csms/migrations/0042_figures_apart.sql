-- Figures keep apart what cannot be added up: revenue in different currencies, and the hours of different time zones.

-- Revenue, the net of what was settled without taxes, of the periods and subjects that analytics_counts has.
CREATE TABLE analytics_revenue (
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    currency TEXT NOT NULL,
    period TEXT NOT NULL CHECK (period IN ('day', 'month')),
    scope TEXT NOT NULL CHECK (scope IN ('tenant', 'station', 'charger')),
    subject TEXT NOT NULL,
    begins TEXT NOT NULL,
    revenue_minor INTEGER NOT NULL,
    PRIMARY KEY (tenant, currency, period, scope, subject, begins)
) STRICT;

CREATE INDEX analytics_revenue_by_time ON analytics_revenue (tenant, currency, period, scope, begins);

-- The same by hours of the week, as analytics_hours has them.
CREATE TABLE analytics_hour_revenue (
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    currency TEXT NOT NULL,
    scope TEXT NOT NULL CHECK (scope IN ('tenant', 'station', 'charger')),
    subject TEXT NOT NULL,
    begins TEXT NOT NULL,
    weekday INTEGER NOT NULL CHECK (weekday BETWEEN 0 AND 6),
    hour INTEGER NOT NULL CHECK (hour BETWEEN 0 AND 23),
    revenue_minor INTEGER NOT NULL,
    PRIMARY KEY (tenant, currency, scope, subject, begins, weekday, hour)
) STRICT;

-- What was added up until now was told in the currency of the newest bill, and stays so.
INSERT INTO analytics_revenue (tenant, currency, period, scope, subject, begins, revenue_minor)
SELECT c.tenant, (SELECT b.currency FROM analytics_bills b WHERE b.tenant = c.tenant ORDER BY b.bill_id DESC LIMIT 1),
    c.period, c.scope, c.subject, c.begins, c.revenue_minor
FROM analytics_counts c WHERE c.revenue_minor <> 0 AND EXISTS (SELECT 1 FROM analytics_bills b WHERE b.tenant = c.tenant);

INSERT INTO analytics_hour_revenue (tenant, currency, scope, subject, begins, weekday, hour, revenue_minor)
SELECT h.tenant, (SELECT b.currency FROM analytics_bills b WHERE b.tenant = h.tenant ORDER BY b.bill_id DESC LIMIT 1),
    h.scope, h.subject, h.begins, h.weekday, h.hour, h.revenue_minor
FROM analytics_hours h WHERE h.revenue_minor <> 0 AND EXISTS (SELECT 1 FROM analytics_bills b WHERE b.tenant = h.tenant);

ALTER TABLE analytics_counts DROP COLUMN revenue_minor;
ALTER TABLE analytics_hours DROP COLUMN revenue_minor;

-- The time zone in which the hours of its charger and station were counted; '' is the tenant's.
ALTER TABLE analytics_transactions ADD COLUMN zone TEXT NOT NULL DEFAULT '';

-- Corrections left drivers behind on days on which they did not charge.
UPDATE analytics_counts SET drivers = drivers - (
    SELECT count(*) FROM analytics_drivers d WHERE d.tenant = analytics_counts.tenant AND d.period = analytics_counts.period
        AND d.begins = analytics_counts.begins AND d.transactions <= 0)
WHERE scope = 'tenant' AND drivers > 0;

DELETE FROM analytics_drivers WHERE transactions <= 0;
