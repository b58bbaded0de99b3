-- Transactions, the messages they are made of, meter readings, and what could not be understood.

CREATE TABLE transactions (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    charger_id TEXT NOT NULL REFERENCES chargers (id),
    evse INTEGER NOT NULL,
    connector INTEGER NOT NULL,
    reference TEXT NOT NULL,                -- the charger's own transaction id (OCPP 2.x), '' in 1.6
    state TEXT NOT NULL,
    token TEXT NOT NULL,                    -- as heard; '' while no token was shown
    token_folded TEXT NOT NULL,             -- tokens compare case-insensitively
    token_kind TEXT NOT NULL,
    token_id INTEGER,
    driver_id INTEGER,
    token_status TEXT NOT NULL,             -- what the charger was told about its token when it started; '' without one
    started_at INTEGER,                     -- NULL until a remote start is followed by a transaction
    started_at_raw TEXT NOT NULL,           -- what the charger said, where its clock could not be trusted
    received_at INTEGER,
    meter_start_wh INTEGER,
    stopped_at INTEGER,
    stopped_at_raw TEXT NOT NULL,
    meter_stop_wh INTEGER,
    energy_wh INTEGER,
    energy_basis TEXT NOT NULL,
    stop_reason TEXT NOT NULL,
    stop_source TEXT NOT NULL,
    stop_token TEXT NOT NULL,
    last_meter_wh INTEGER,
    last_meter_at INTEGER,
    charging_state TEXT NOT NULL,
    start_seq_no INTEGER,                   -- of the event that said it started; NULL while only later ones came (2.x)
    last_seq_no INTEGER,
    last_event_at INTEGER,                  -- the newest TransactionEvent (2.x) or connector status (1.6) that counted
    remote_start_id INTEGER,                -- the id under which we asked the charger to start it
    reservation_id INTEGER,
    offline INTEGER NOT NULL,
    doubted_at INTEGER,                     -- when a boot or a free connector made us doubt that it runs
    deadline_at INTEGER,                    -- of pending_start and pending_reconciliation
    note TEXT NOT NULL,                     -- why it failed or expired, or what an operator wrote
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    closed_at INTEGER,                      -- when we learned of its end
    CHECK (id BETWEEN 1 AND 2147483647),
    CHECK (state IN ('pending_start', 'running', 'suspended', 'pending_stop', 'pending_reconciliation', 'completed', 'failed', 'expired')),
    CHECK (energy_basis IN ('', 'register', 'steps', 'unknown')),
    CHECK (stop_source IN ('', 'reported', 'estimated', 'operator')),
    CHECK (energy_wh IS NULL OR energy_wh >= 0),
    CHECK ((closed_at IS NOT NULL) = (state IN ('completed', 'failed', 'expired'))),
    CHECK ((state = 'completed') = (stop_source <> '')),
    FOREIGN KEY (tenant, token_id) REFERENCES tokens (tenant, id),
    FOREIGN KEY (tenant, driver_id) REFERENCES drivers (tenant, id)
) STRICT;

-- A time that was not trusted is the time we received it, which may be the same as another start's own.
CREATE UNIQUE INDEX transactions_by_start
    ON transactions (tenant, charger_id, evse, token_folded, started_at, meter_start_wh, started_at_raw) WHERE reference = '';
CREATE UNIQUE INDEX transactions_by_reference ON transactions (tenant, charger_id, reference) WHERE reference <> '';
-- Without statistics SQLite counts the columns that a query fixes: closed_at makes these two win over those of all transactions, and a
-- time right after the tenant would win over everything.
CREATE INDEX transactions_open_by_charger ON transactions (tenant, charger_id, closed_at, evse) WHERE closed_at IS NULL;
CREATE INDEX transactions_open_by_token ON transactions (tenant, token_folded, closed_at) WHERE closed_at IS NULL;
CREATE INDEX transactions_by_deadline ON transactions (tenant, state, deadline_at) WHERE deadline_at IS NOT NULL;
CREATE INDEX transactions_by_place ON transactions (tenant, charger_id, evse, started_at);
-- For lists, the newest first.
CREATE INDEX transactions_by_tenant ON transactions (tenant, id);
CREATE INDEX transactions_by_charger ON transactions (tenant, charger_id, id);
CREATE INDEX transactions_by_token ON transactions (tenant, token_folded, id);
CREATE INDEX transactions_by_state ON transactions (tenant, state, id);
CREATE INDEX transactions_open ON transactions (tenant, id) WHERE closed_at IS NULL;
CREATE INDEX transactions_by_age ON transactions (tenant, created_at);

-- Every TransactionEvent (2.x) once, with what the transaction is made from; late ones are put in order from here.
CREATE TABLE transaction_events (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    transaction_id INTEGER NOT NULL REFERENCES transactions (id),
    seq_no INTEGER NOT NULL,
    kind TEXT NOT NULL,
    occurred_at INTEGER NOT NULL,
    said_at TEXT NOT NULL,                  -- the moment as the charger said it, even where it could not be trusted
    received_at INTEGER NOT NULL,
    evse INTEGER NOT NULL,
    connector INTEGER NOT NULL,
    token TEXT NOT NULL,
    token_kind TEXT NOT NULL,
    token_id INTEGER,
    driver_id INTEGER,
    token_status TEXT NOT NULL,
    charging_state TEXT NOT NULL,
    cause TEXT NOT NULL,                    -- OCPP's triggerReason
    stop_reason TEXT NOT NULL,
    meter_wh INTEGER,
    reservation_id INTEGER,
    remote_start_id INTEGER,
    offline INTEGER NOT NULL,
    CHECK (kind IN ('started', 'updated', 'ended'))
) STRICT;

-- A transaction is one charger's one reference, so an event is one (charger, reference, seq_no). But a number that a charger uses twice
-- for different things (firmware that restarts or never counts) must not lose the second thing: what happened and when are part of the
-- key. A repeated message repeats both.
CREATE UNIQUE INDEX transaction_events_once ON transaction_events (transaction_id, seq_no, kind, said_at);

-- One row per charger, place and moment. The common measurands have columns; samples keeps every value as heard, exact, as JSON.
-- It is written with every meter message: two indexes, and no foreign keys. Retention deletes from the lowest id.
CREATE TABLE meter_readings (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL,
    charger_id TEXT NOT NULL,
    evse INTEGER NOT NULL,
    connector INTEGER NOT NULL,
    transaction_id INTEGER,
    sampled_at INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    sampled_at_raw TEXT NOT NULL,
    energy_wh INTEGER,                      -- imported, at the outlet: the register that transactions are billed by
    power_w REAL,
    soc_percent REAL,
    samples TEXT NOT NULL
) STRICT;

CREATE UNIQUE INDEX meter_readings_once ON meter_readings (tenant, charger_id, evse, sampled_at, connector);
CREATE INDEX meter_readings_by_transaction ON meter_readings (transaction_id, sampled_at) WHERE transaction_id IS NOT NULL;

-- Later stops of a transaction whose stop was already reported: acknowledged, and kept for audit.
CREATE TABLE late_stops (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    transaction_id INTEGER NOT NULL REFERENCES transactions (id),
    received_at INTEGER NOT NULL,
    stopped_at INTEGER NOT NULL,
    stopped_at_raw TEXT NOT NULL,
    meter_stop_wh INTEGER,
    stop_reason TEXT NOT NULL,
    report TEXT NOT NULL,
    digest TEXT NOT NULL,
    UNIQUE (transaction_id, digest)
) STRICT;

-- Transaction messages that could not be matched or read: answered, kept as heard, and shown to an operator.
CREATE TABLE quarantine (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    charger_id TEXT NOT NULL REFERENCES chargers (id),
    kind TEXT NOT NULL,
    problem TEXT NOT NULL,
    heard_transaction TEXT NOT NULL,
    report TEXT NOT NULL,
    digest TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    last_received_at INTEGER NOT NULL,
    times INTEGER NOT NULL,
    resolved_at INTEGER,
    note TEXT NOT NULL,
    UNIQUE (tenant, charger_id, digest)
) STRICT;

CREATE INDEX quarantine_unresolved ON quarantine (tenant, id) WHERE resolved_at IS NULL;
