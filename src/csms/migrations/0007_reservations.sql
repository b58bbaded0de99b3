-- Reservations: what we asked chargers to keep free, for whom, and what became of it. Chargers are told the id (OCPP 1.6 §5.13).

CREATE TABLE reservations (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    charger_id TEXT NOT NULL REFERENCES chargers (id),
    evse INTEGER NOT NULL,                  -- 0: no connector in particular, but one is kept free
    connector INTEGER NOT NULL,
    token TEXT NOT NULL,
    token_folded TEXT NOT NULL,             -- tokens compare case-insensitively
    token_kind TEXT NOT NULL,
    token_id INTEGER,
    driver_id INTEGER,
    parent TEXT NOT NULL,                   -- the token's group, whose tokens may all use it; '' without one
    expires_at INTEGER NOT NULL,
    state TEXT NOT NULL,
    asks INTEGER NOT NULL,                  -- how often we asked the charger; only the answer to the latest question counts
    ask_at INTEGER,                         -- when to ask again, while we do not know what stands
    answer TEXT NOT NULL,                   -- what became of the last question
    shown INTEGER NOT NULL,                 -- whether the charger said Reserved since it took it
    replaced TEXT NOT NULL,                 -- JSON of what stands until the charger takes a change; '' without one
    transaction_id INTEGER,                 -- that used it
    note TEXT NOT NULL,                     -- why it ended
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    made_at INTEGER,                        -- when the charger first said that it keeps the place free
    ended_at INTEGER,
    CHECK (id BETWEEN 1 AND 2147483647),
    CHECK (evse >= 0 AND connector >= 0 AND (evse > 0 OR connector = 0)),
    CHECK (state IN ('pending', 'active', 'cancelling', 'used', 'cancelled', 'expired', 'released', 'refused')),
    CHECK (shown IN (0, 1)),
    CHECK ((ended_at IS NOT NULL) = (state IN ('used', 'cancelled', 'expired', 'released', 'refused'))),
    CHECK (ask_at IS NULL OR ended_at IS NULL),
    CHECK ((transaction_id IS NOT NULL) = (state = 'used')),
    FOREIGN KEY (tenant, token_id) REFERENCES tokens (tenant, id),
    FOREIGN KEY (tenant, driver_id) REFERENCES drivers (tenant, id)
) STRICT;

-- Looked up with every start and every status.
CREATE INDEX reservations_open_by_charger ON reservations (tenant, charger_id, ended_at) WHERE ended_at IS NULL;
CREATE INDEX reservations_by_expiry ON reservations (tenant, expires_at) WHERE ended_at IS NULL;
CREATE INDEX reservations_to_ask ON reservations (ask_at) WHERE ask_at IS NOT NULL;
-- For lists, the newest first.
CREATE INDEX reservations_by_tenant ON reservations (tenant, id);
CREATE INDEX reservations_by_charger ON reservations (tenant, charger_id, id);
CREATE INDEX reservations_by_token ON reservations (tenant, token_folded, id);
