-- What the gateway keeps, disputes, credit notes that bills know of, and tax codes of fees.

-- Movements of two more kinds, and the HSN or SAC of what a fee was for. (The tables are made anew: their kinds are checked.)
CREATE TABLE ledger_movements_new (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    key TEXT NOT NULL CHECK (length(key) BETWEEN 1 AND 200),        -- one key moves once
    kind TEXT NOT NULL CHECK (kind IN ('TOP_UP', 'CHARGE_DEDUCT', 'REFUND', 'ADJUSTMENT', 'HOLD', 'RELEASE', 'PAYOUT', 'PAYMENT',
        'PLAN_FEE', 'GRANT', 'USE', 'EXPIRY', 'CORRECTION', 'SHARE', 'GATEWAY_FEE', 'CHARGEBACK')),
    at INTEGER NOT NULL,
    description TEXT NOT NULL,
    reference_kind TEXT NOT NULL,
    reference_id TEXT NOT NULL,
    made_by TEXT NOT NULL,
    legs INTEGER NOT NULL CHECK (legs >= 2),                        -- how many entries it has
    tax_code TEXT NOT NULL DEFAULT '' CHECK (length(tax_code) <= 20),
    UNIQUE (tenant, id),
    UNIQUE (tenant, key)
) STRICT;

INSERT INTO ledger_movements_new (id, tenant, key, kind, at, description, reference_kind, reference_id, made_by, legs)
SELECT id, tenant, key, kind, at, description, reference_kind, reference_id, made_by, legs FROM ledger_movements ORDER BY id;

DROP TABLE ledger_movements;
ALTER TABLE ledger_movements_new RENAME TO ledger_movements;
CREATE INDEX ledger_movements_by_kind ON ledger_movements (tenant, kind, id);
CREATE INDEX ledger_movements_by_reference ON ledger_movements (tenant, reference_kind, reference_id, id) WHERE reference_id <> '';

-- expense: what the tenant spends or loses, such as what a gateway keeps. input_tax: the tax on that.
CREATE TABLE ledger_accounts_new (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    kind TEXT NOT NULL CHECK (kind IN ('wallet', 'held', 'prepayment', 'receivable', 'allowance', 'gateway', 'revenue', 'tax', 'partner',
        'adjustments', 'granted', 'roundings', 'expense', 'input_tax')),
    unit TEXT NOT NULL CHECK (length(unit) = 3 OR unit IN ('WH', 'TX')),
    name TEXT NOT NULL CHECK (length(name) <= 100),
    driver_id INTEGER,
    balance INTEGER NOT NULL DEFAULT 0,
    entries INTEGER NOT NULL DEFAULT 0 CHECK (entries >= 0),        -- how many a running balance counts; of others 0
    through INTEGER CHECK (through >= 0),
    opened_at INTEGER NOT NULL,
    UNIQUE (tenant, id),
    CHECK ((driver_id IS NOT NULL) = (kind IN ('wallet', 'held', 'receivable', 'allowance'))),
    CHECK ((through IS NULL) = (kind IN ('wallet', 'held', 'receivable', 'allowance', 'prepayment'))),
    CHECK (balance >= 0 OR kind NOT IN ('held', 'prepayment', 'allowance')),
    CHECK (unit NOT IN ('WH', 'TX') OR kind IN ('allowance', 'granted')),
    FOREIGN KEY (tenant, driver_id) REFERENCES drivers (tenant, id)
) STRICT;

INSERT INTO ledger_accounts_new (id, tenant, kind, unit, name, driver_id, balance, entries, through, opened_at)
SELECT id, tenant, kind, unit, name, driver_id, balance, entries, through, opened_at FROM ledger_accounts ORDER BY id;

DROP TABLE ledger_accounts;
ALTER TABLE ledger_accounts_new RENAME TO ledger_accounts;
CREATE UNIQUE INDEX ledger_accounts_once ON ledger_accounts (tenant, kind, unit, name, (COALESCE(driver_id, 0)));
CREATE INDEX ledger_accounts_by_driver ON ledger_accounts (driver_id, kind, id) WHERE driver_id IS NOT NULL;
CREATE INDEX ledger_accounts_in_use ON ledger_accounts (tenant, unit, kind, balance) WHERE balance <> 0;
CREATE INDEX ledger_accounts_summed ON ledger_accounts (tenant, id) WHERE through IS NOT NULL;

-- What a gateway keeps of an attempt: the tax that is part of it, and when it was put into the ledger.
ALTER TABLE gateway_payments ADD COLUMN fee_tax_minor INTEGER;
ALTER TABLE gateway_payments ADD COLUMN fee_booked_at INTEGER;

-- Payers who asked their bank for their money back, as the gateway tells it.
CREATE TABLE payment_disputes (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL,
    gateway_id INTEGER NOT NULL,
    payment_id INTEGER NOT NULL,
    attempt_id INTEGER NOT NULL,            -- the gateway payment that it is about
    dispute_ref TEXT NOT NULL CHECK (dispute_ref <> ''),    -- the gateway's id
    state TEXT NOT NULL CHECK (state IN ('open', 'under_review', 'won', 'lost', 'closed')),
    phase TEXT NOT NULL,                    -- the gateway's word: chargeback, fraud, arbitration ...
    reason TEXT NOT NULL,
    amount_minor INTEGER NOT NULL,
    currency TEXT NOT NULL,
    respond_by_at INTEGER,
    booked_minor INTEGER NOT NULL DEFAULT 0,    -- what of it is lost in the ledger
    booked_to TEXT NOT NULL DEFAULT '',     -- against what: wallet, receivable, expense
    looks INTEGER NOT NULL DEFAULT 0,
    look_at INTEGER,                        -- when the gateway is asked next; NULL: it is over
    raised_at INTEGER,
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    ended_at INTEGER,
    UNIQUE (tenant, id),
    UNIQUE (gateway_id, dispute_ref),
    FOREIGN KEY (tenant, payment_id) REFERENCES payments (tenant, id),
    FOREIGN KEY (tenant, attempt_id) REFERENCES gateway_payments (tenant, id)
) STRICT;

CREATE INDEX payment_disputes_by_payment ON payment_disputes (tenant, payment_id, id);
CREATE INDEX payment_disputes_due ON payment_disputes (look_at) WHERE look_at IS NOT NULL;
ALTER TABLE payment_notices ADD COLUMN dispute_ref TEXT NOT NULL DEFAULT '';

-- What credit notes by hand gave back of a bill.
ALTER TABLE bills ADD COLUMN credited_minor INTEGER NOT NULL DEFAULT 0;         -- with tax
ALTER TABLE bills ADD COLUMN credited_tax_minor INTEGER NOT NULL DEFAULT 0;
ALTER TABLE bills ADD COLUMN credited_taxes TEXT NOT NULL DEFAULT '[]';         -- JSON, as taxes
ALTER TABLE bills ADD COLUMN credited_open_minor INTEGER NOT NULL DEFAULT 0;    -- of it what was still owed
ALTER TABLE bills ADD COLUMN credited_lost_minor INTEGER NOT NULL DEFAULT 0;    -- and what was written off
