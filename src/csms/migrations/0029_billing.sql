-- Billing: what transactions cost, how that was settled, and what stops the running ones at their limits.

-- What whoever started a transaction asked for: limits, and the payment that it was started by. A remote start that another transaction
-- takes over keeps its wishes under its own id.
CREATE TABLE charge_wishes (
    transaction_id INTEGER PRIMARY KEY REFERENCES transactions (id),
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    amount_minor INTEGER CHECK (amount_minor > 0),
    energy_wh INTEGER CHECK (energy_wh > 0),
    duration_s INTEGER CHECK (duration_s > 0),
    promo_code TEXT NOT NULL DEFAULT '',
    payment_id INTEGER,
    created_at INTEGER NOT NULL
) STRICT;

CREATE INDEX charge_wishes_by_payment ON charge_wishes (tenant, payment_id) WHERE payment_id IS NOT NULL;

-- A charge is told how long its place was kept; what ended is found by when it did.
CREATE INDEX reservations_by_transaction ON reservations (transaction_id) WHERE transaction_id IS NOT NULL;
CREATE INDEX transactions_completed ON transactions (tenant, closed_at, id) WHERE state = 'completed';

-- What a tenant wants of billing; without a row everything is as usual.
CREATE TABLE billing_settings (
    tenant INTEGER PRIMARY KEY REFERENCES tenants (id),
    enabled INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    prepaid_wallets INTEGER NOT NULL CHECK (prepaid_wallets IN (0, 1)),
    minimum_minor INTEGER NOT NULL CHECK (minimum_minor >= 0),
    hold_minor INTEGER NOT NULL CHECK (hold_minor >= 0),
    hold_energy_wh INTEGER NOT NULL CHECK (hold_energy_wh >= 0),
    stop_at_funds INTEGER NOT NULL CHECK (stop_at_funds IN (0, 1)),
    limit_minor INTEGER CHECK (limit_minor > 0),
    limit_energy_wh INTEGER CHECK (limit_energy_wh > 0),
    limit_duration_s INTEGER CHECK (limit_duration_s > 0),
    low_balance_minor INTEGER NOT NULL CHECK (low_balance_minor >= 0),
    invoice_mode TEXT NOT NULL CHECK (invoice_mode IN ('each', 'monthly', 'manual')),
    changed_at INTEGER NOT NULL
) STRICT;

-- One bill per transaction, number 0, and one for each correction. What a settled bill says never changes; only what of it is open does.
CREATE TABLE bills (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    transaction_id INTEGER NOT NULL REFERENCES transactions (id),
    number INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('charge', 'correction')),
    state TEXT NOT NULL CHECK (state IN ('UNBILLED', 'PRICED', 'SETTLED', 'BILLING_FAILED', 'NOT_BILLABLE')),
    note TEXT NOT NULL DEFAULT '',          -- why it is in that state
    driver_id INTEGER,
    charger_id TEXT NOT NULL,
    station_id INTEGER,
    payment_id INTEGER,                     -- the payment that the charge was started by
    basis TEXT NOT NULL DEFAULT '',         -- what of the transaction was priced: by this a correction is known
    started_at INTEGER NOT NULL,
    ended_at INTEGER NOT NULL,
    energy_wh INTEGER NOT NULL,             -- of a correction the difference, as all its amounts
    currency TEXT NOT NULL DEFAULT '',
    net_minor INTEGER NOT NULL DEFAULT 0,
    tax_minor INTEGER NOT NULL DEFAULT 0,
    total_minor INTEGER NOT NULL DEFAULT 0,
    tariff TEXT NOT NULL DEFAULT '',
    price TEXT NOT NULL DEFAULT '',         -- JSON, of the charge as a whole: of a correction, too
    taxes TEXT NOT NULL DEFAULT '[]',       -- JSON: this bill's own part
    shares TEXT NOT NULL DEFAULT '[]',
    uses TEXT NOT NULL DEFAULT '[]',        -- JSON: what it took of allowances
    covered TEXT NOT NULL DEFAULT '',       -- JSON: what they paid of the charge as a whole
    prepaid_minor INTEGER NOT NULL DEFAULT 0,   -- the four ways in which it was settled: they add up to the total
    wallet_minor INTEGER NOT NULL DEFAULT 0,
    owed_minor INTEGER NOT NULL DEFAULT 0,
    waived_minor INTEGER NOT NULL DEFAULT 0,    -- there is nobody who could owe it
    open_minor INTEGER NOT NULL DEFAULT 0,      -- what of ``owed_minor`` is not paid, corrected or written off
    written_off_minor INTEGER NOT NULL DEFAULT 0,   -- of a correction below zero: so much less was lost
    closed_by TEXT NOT NULL DEFAULT '',     -- who wrote it off
    attempts INTEGER NOT NULL DEFAULT 0,
    error TEXT NOT NULL DEFAULT '',
    due_at INTEGER,                         -- when it is to be priced; NULL: not by itself
    unpriced INTEGER NOT NULL DEFAULT 0 CHECK (unpriced IN (0, 1)), -- nobody has a price for it yet
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    priced_at INTEGER,
    settled_at INTEGER,
    paid_at INTEGER,                        -- when nothing of it was open any more
    UNIQUE (tenant, id),
    UNIQUE (tenant, transaction_id, number),
    CHECK (net_minor + tax_minor = total_minor),
    CHECK (state <> 'SETTLED' OR prepaid_minor + wallet_minor + owed_minor + waived_minor = total_minor),
    CHECK (open_minor >= 0)
) STRICT;

CREATE INDEX bills_due ON bills (due_at, id) WHERE due_at IS NOT NULL;
CREATE INDEX bills_unpriced ON bills (tenant, id) WHERE unpriced = 1;
CREATE INDEX bills_open ON bills (tenant, driver_id, id) WHERE open_minor > 0;
CREATE INDEX bills_by_tenant ON bills (tenant, id);
CREATE INDEX bills_by_state ON bills (tenant, state, id);
CREATE INDEX bills_by_driver ON bills (tenant, driver_id, id) WHERE driver_id IS NOT NULL;
CREATE INDEX bills_by_charger ON bills (tenant, charger_id, id);
CREATE INDEX bills_by_station ON bills (tenant, station_id, id) WHERE station_id IS NOT NULL;
CREATE INDEX bills_by_end ON bills (tenant, ended_at, id);

-- What was paid of debts after they were settled, once each: by a payment, or out of the wallet when something came.
CREATE TABLE bill_payments (
    tenant INTEGER NOT NULL,
    bill_id INTEGER NOT NULL,
    source TEXT NOT NULL,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    at INTEGER NOT NULL,
    PRIMARY KEY (tenant, bill_id, source),
    FOREIGN KEY (tenant, bill_id) REFERENCES bills (tenant, id)
) STRICT;

-- Up to when every transaction that had ended has its bill. What ended before there was any billing is not billed by itself.
CREATE TABLE billing_marks (
    tenant INTEGER PRIMARY KEY REFERENCES tenants (id),
    reached_at INTEGER NOT NULL
) STRICT;

INSERT INTO billing_marks (tenant, reached_at)
SELECT tenant, max(closed_at) FROM transactions WHERE state = 'completed' GROUP BY tenant;

-- Running transactions as the watch last saw them: what they cost, when to look again, and how often we asked for their stop.
CREATE TABLE charge_watches (
    transaction_id INTEGER PRIMARY KEY REFERENCES transactions (id),
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    look_at INTEGER NOT NULL,
    hold_minor INTEGER,                     -- NULL: not tried yet
    cost_minor INTEGER,
    currency TEXT NOT NULL DEFAULT '',
    priced_at INTEGER,
    reached TEXT NOT NULL DEFAULT '',       -- the limit that was reached
    asks INTEGER NOT NULL DEFAULT 0,
    asked_at INTEGER,
    error TEXT NOT NULL DEFAULT ''
) STRICT;

CREATE INDEX charge_watches_due ON charge_watches (tenant, look_at);

-- Drivers who were told that their wallet is low, until it is not any more.
CREATE TABLE low_wallets (
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    driver_id INTEGER NOT NULL,
    told_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, driver_id)
) STRICT;

-- Revenue on the analytics: the net of what was settled, without taxes.
ALTER TABLE analytics_counts ADD COLUMN revenue_minor INTEGER NOT NULL DEFAULT 0;
ALTER TABLE analytics_hours ADD COLUMN revenue_minor INTEGER NOT NULL DEFAULT 0;

CREATE TABLE analytics_bills (
    bill_id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    driver_id INTEGER,
    month TEXT NOT NULL,                    -- the first day of that in which the charge ended
    currency TEXT NOT NULL,
    revenue_minor INTEGER NOT NULL
) STRICT;

CREATE INDEX analytics_bills_by_tenant ON analytics_bills (tenant, bill_id);
CREATE INDEX analytics_bills_by_driver ON analytics_bills (tenant, driver_id, month) WHERE driver_id IS NOT NULL;
