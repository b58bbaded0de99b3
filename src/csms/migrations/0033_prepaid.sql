-- Charges that are paid for before they start, by whoever scanned the connector's code: what was wanted, and how far it has come.

CREATE TABLE prepaid_charges (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    payment_id INTEGER NOT NULL,
    secret_hash TEXT NOT NULL UNIQUE,       -- of the word by which its payer follows it
    code TEXT NOT NULL,                     -- the connector's, as it was scanned
    charger_id TEXT NOT NULL REFERENCES chargers (id),
    evse INTEGER NOT NULL,
    connector INTEGER NOT NULL,
    driver_id INTEGER,                      -- NULL: a guest
    token TEXT NOT NULL,                    -- what it is charged with: a guest's is made for this charge alone
    token_kind TEXT NOT NULL,
    promo_code TEXT NOT NULL DEFAULT '',
    energy_wh INTEGER NOT NULL CHECK (energy_wh > 0),   -- what the money will do for, as it was reckoned last
    state TEXT NOT NULL CHECK (state IN ('waiting', 'paid', 'starting', 'charging', 'finished', 'given_back', 'unpaid')),
    note TEXT NOT NULL DEFAULT '',          -- why it is in that state, for people
    transaction_id INTEGER,
    tries INTEGER NOT NULL DEFAULT 0,       -- how often the charger was asked to start
    to_wallet_minor INTEGER NOT NULL DEFAULT 0,         -- of the rest what was too little to send
    start_until_at INTEGER,                 -- when it is given up to ask, and the money goes back
    look_at INTEGER,                        -- when a job looks at it; NULL: it is over, or waits for its money
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    paid_at INTEGER,
    ended_at INTEGER,
    UNIQUE (tenant, payment_id)
) STRICT;

CREATE INDEX prepaid_charges_due ON prepaid_charges (look_at, id) WHERE look_at IS NOT NULL;
CREATE INDEX prepaid_charges_going_on ON prepaid_charges (tenant, charger_id, evse) WHERE state IN ('paid', 'starting', 'charging');
CREATE INDEX prepaid_charges_by_driver ON prepaid_charges (tenant, driver_id) WHERE driver_id IS NOT NULL;
