-- Money, and what plans include, in double entry. Movements and entries only grow; what changes is running balances, settings, ends of holds.

-- What a driver has in one currency, as a whole: of the wallet and what is held of it, and what they owe.
CREATE TABLE wallets (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    driver_id INTEGER NOT NULL,
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    status TEXT NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'frozen')),
    credit_limit_minor INTEGER CHECK (credit_limit_minor >= 0),     -- NULL is the tenant's
    balance_minor INTEGER NOT NULL DEFAULT 0,                       -- what is held is part of it
    held_minor INTEGER NOT NULL DEFAULT 0 CHECK (held_minor >= 0),
    owed_minor INTEGER NOT NULL DEFAULT 0,
    lines INTEGER NOT NULL DEFAULT 0 CHECK (lines >= 0),            -- how many wallet_lines it has
    opened_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,                                    -- when money last moved, or an operator changed it
    UNIQUE (tenant, id),
    UNIQUE (tenant, driver_id, currency),
    FOREIGN KEY (tenant, driver_id) REFERENCES drivers (tenant, id)
) STRICT;

CREATE INDEX wallets_by_balance ON wallets (tenant, balance_minor, id);
CREATE INDEX wallets_by_debt ON wallets (tenant, owed_minor, id);
CREATE INDEX wallets_by_change ON wallets (tenant, changed_at, id);

-- balance is running, and every entry moves it on; or, where through is not NULL, the sum of the entries of movements up to that one:
-- such an account many settlements touch at once, and none waits for another.
CREATE TABLE ledger_accounts (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    kind TEXT NOT NULL CHECK (kind IN ('wallet', 'held', 'prepayment', 'receivable', 'allowance', 'gateway', 'revenue', 'tax', 'partner',
        'adjustments', 'granted', 'roundings')),
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

CREATE UNIQUE INDEX ledger_accounts_once ON ledger_accounts (tenant, kind, unit, name, (COALESCE(driver_id, 0)));
CREATE INDEX ledger_accounts_by_driver ON ledger_accounts (driver_id, kind, id) WHERE driver_id IS NOT NULL;
CREATE INDEX ledger_accounts_in_use ON ledger_accounts (tenant, unit, kind, balance) WHERE balance <> 0;
CREATE INDEX ledger_accounts_summed ON ledger_accounts (tenant, id) WHERE through IS NOT NULL;

CREATE TABLE ledger_movements (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    key TEXT NOT NULL CHECK (length(key) BETWEEN 1 AND 200),        -- one key moves once
    kind TEXT NOT NULL CHECK (kind IN ('TOP_UP', 'CHARGE_DEDUCT', 'REFUND', 'ADJUSTMENT', 'HOLD', 'RELEASE', 'PAYOUT', 'PAYMENT',
        'PLAN_FEE', 'GRANT', 'USE', 'EXPIRY', 'CORRECTION', 'SHARE')),
    at INTEGER NOT NULL,
    description TEXT NOT NULL,
    reference_kind TEXT NOT NULL,
    reference_id TEXT NOT NULL,
    made_by TEXT NOT NULL,
    legs INTEGER NOT NULL CHECK (legs >= 2),                        -- how many entries it has
    UNIQUE (tenant, id),
    UNIQUE (tenant, key)
) STRICT;

CREATE INDEX ledger_movements_by_kind ON ledger_movements (tenant, kind, id);
CREATE INDEX ledger_movements_by_reference ON ledger_movements (tenant, reference_kind, reference_id, id) WHERE reference_id <> '';

-- Credit above zero, debit below. number counts the entries of a running balance, so that no two can follow the same one.
CREATE TABLE ledger_entries (
    movement_id INTEGER NOT NULL,
    line INTEGER NOT NULL CHECK (line > 0),
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    account_id INTEGER NOT NULL,
    amount INTEGER NOT NULL CHECK (amount <> 0),
    number INTEGER CHECK (number > 0),
    balance_after INTEGER,
    PRIMARY KEY (movement_id, line),
    CHECK ((number IS NULL) = (balance_after IS NULL)),
    FOREIGN KEY (tenant, movement_id) REFERENCES ledger_movements (tenant, id),
    FOREIGN KEY (tenant, account_id) REFERENCES ledger_accounts (tenant, id)
) STRICT;

CREATE INDEX ledger_entries_by_account ON ledger_entries (account_id, movement_id, amount);
CREATE UNIQUE INDEX ledger_entries_in_order ON ledger_entries (account_id, number) WHERE number IS NOT NULL;

-- What each movement did to a wallet: its statement. The same order as of the movements.
CREATE TABLE wallet_lines (
    wallet_id INTEGER NOT NULL,
    number INTEGER NOT NULL CHECK (number > 0),
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    driver_id INTEGER NOT NULL,
    movement_id INTEGER NOT NULL,
    at INTEGER NOT NULL,
    amount_minor INTEGER NOT NULL,
    held_minor INTEGER NOT NULL,
    owed_minor INTEGER NOT NULL,
    balance_after_minor INTEGER NOT NULL,
    held_after_minor INTEGER NOT NULL CHECK (held_after_minor >= 0),
    owed_after_minor INTEGER NOT NULL,
    PRIMARY KEY (wallet_id, number),
    UNIQUE (wallet_id, movement_id),
    FOREIGN KEY (tenant, wallet_id) REFERENCES wallets (tenant, id),
    FOREIGN KEY (tenant, movement_id) REFERENCES ledger_movements (tenant, id)
) STRICT;

CREATE INDEX wallet_lines_by_driver ON wallet_lines (driver_id, at, movement_id);
CREATE INDEX wallet_lines_by_movement ON wallet_lines (movement_id);

-- Money of a wallet that something may come to. What is left of it is the balance of its account.
CREATE TABLE wallet_holds (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    key TEXT NOT NULL CHECK (length(key) BETWEEN 1 AND 100),
    driver_id INTEGER NOT NULL,
    account_id INTEGER NOT NULL UNIQUE,
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    reference_kind TEXT NOT NULL,
    reference_id TEXT NOT NULL,
    description TEXT NOT NULL,
    made_at INTEGER NOT NULL,
    expires_at INTEGER,
    released_at INTEGER,
    UNIQUE (tenant, key),
    FOREIGN KEY (tenant, driver_id) REFERENCES drivers (tenant, id),
    FOREIGN KEY (tenant, account_id) REFERENCES ledger_accounts (tenant, id)
) STRICT;

CREATE INDEX wallet_holds_by_driver ON wallet_holds (driver_id, id);
CREATE INDEX wallet_holds_open ON wallet_holds (driver_id, id) WHERE released_at IS NULL;
CREATE INDEX wallet_holds_due ON wallet_holds (tenant, expires_at) WHERE released_at IS NULL AND expires_at IS NOT NULL;

-- What a plan includes. What is left of it is the balance of its account.
CREATE TABLE allowances (
    account_id INTEGER NOT NULL,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    driver_id INTEGER NOT NULL,
    granted INTEGER NOT NULL CHECK (granted > 0),
    granted_at INTEGER NOT NULL,
    expires_at INTEGER,
    ended_at INTEGER,                                               -- when what was left expired or was taken back
    PRIMARY KEY (account_id),
    FOREIGN KEY (tenant, driver_id) REFERENCES drivers (tenant, id),
    FOREIGN KEY (tenant, account_id) REFERENCES ledger_accounts (tenant, id)
) STRICT;

CREATE INDEX allowances_by_driver ON allowances (driver_id, account_id) WHERE ended_at IS NULL;
CREATE INDEX allowances_due ON allowances (tenant, expires_at) WHERE ended_at IS NULL AND expires_at IS NOT NULL;

-- The sum of an account's entries up to a movement, and how many they were since the checkpoint before.
CREATE TABLE ledger_checkpoints (
    account_id INTEGER NOT NULL,
    movement_id INTEGER NOT NULL,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    balance INTEGER NOT NULL,
    entries INTEGER NOT NULL CHECK (entries > 0),
    made_at INTEGER NOT NULL,
    PRIMARY KEY (account_id, movement_id),
    FOREIGN KEY (tenant, account_id) REFERENCES ledger_accounts (tenant, id)
) STRICT;

CREATE INDEX ledger_checkpoints_by_tenant ON ledger_checkpoints (tenant, account_id, movement_id);
