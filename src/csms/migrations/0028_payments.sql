-- Money that comes in and goes back through payment gateways. What was sent is written before it is sent, and what became of it after.

-- A tenant's accounts at gateways. closed: takes no new payments; what it took before is still looked after.
CREATE TABLE payment_gateways (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    provider TEXT NOT NULL,                 -- by its plugin's name: razorpay
    key_id TEXT NOT NULL,
    key_sealed TEXT NOT NULL,
    webhook_sealed TEXT NOT NULL,           -- '' where no webhooks come
    base_url TEXT NOT NULL,
    live INTEGER NOT NULL CHECK (live IN (0, 1)),
    is_default INTEGER NOT NULL CHECK (is_default IN (0, 1)),
    state TEXT NOT NULL CHECK (state IN ('active', 'closed')),
    notice_token TEXT NOT NULL UNIQUE,      -- of the path that its webhooks come to
    mark TEXT NOT NULL,                     -- what our references begin with: no other installation has them
    notices_forged INTEGER NOT NULL DEFAULT 0,
    forged_at INTEGER,                      -- when the last forged one came
    checked_at INTEGER,
    check_result TEXT NOT NULL DEFAULT '',
    check_failed INTEGER CHECK (check_failed IN (0, 1)),
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    UNIQUE (tenant, id)
) STRICT;

CREATE UNIQUE INDEX payment_gateway_names ON payment_gateways (tenant, name) WHERE state = 'active';
CREATE UNIQUE INDEX payment_gateway_default ON payment_gateways (tenant) WHERE is_default = 1;

CREATE TABLE payment_settings (
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    least_top_up_minor INTEGER NOT NULL CHECK (least_top_up_minor > 0),
    most_top_up_minor INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (tenant),
    CHECK (most_top_up_minor >= least_top_up_minor)
) STRICT;

CREATE TABLE saved_methods (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL,
    driver_id INTEGER NOT NULL,
    gateway_id INTEGER NOT NULL,
    sealed TEXT NOT NULL,                   -- the gateway's token; '' of one that was removed
    fingerprint TEXT NOT NULL,              -- by which the same token is known again
    method TEXT NOT NULL,
    shown TEXT NOT NULL,
    is_preferred INTEGER NOT NULL CHECK (is_preferred IN (0, 1)),
    created_at INTEGER NOT NULL,
    used_at INTEGER,
    removed_at INTEGER,
    UNIQUE (tenant, id),
    FOREIGN KEY (tenant, gateway_id) REFERENCES payment_gateways (tenant, id)
) STRICT;

CREATE UNIQUE INDEX saved_methods_once ON saved_methods (tenant, driver_id, gateway_id, fingerprint) WHERE removed_at IS NULL;
CREATE UNIQUE INDEX saved_methods_preferred ON saved_methods (tenant, driver_id) WHERE is_preferred = 1 AND removed_at IS NULL;

CREATE TABLE mandates (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL,
    driver_id INTEGER NOT NULL,
    gateway_id INTEGER NOT NULL,
    reference TEXT NOT NULL,                -- who asked for it gave it, and asks once by it
    mandate_ref TEXT NOT NULL DEFAULT '',   -- the gateway's id; '' while it has not answered
    state TEXT NOT NULL,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    currency TEXT NOT NULL,
    wanted TEXT NOT NULL,                   -- JSON: all that was wanted, without the customer
    pay_url TEXT NOT NULL DEFAULT '',
    paid_count INTEGER NOT NULL DEFAULT 0,
    next_charge_at INTEGER,
    ends_at INTEGER,
    wanted_change TEXT NOT NULL DEFAULT '', -- pause, resume or cancel, which the gateway has not confirmed
    error TEXT NOT NULL DEFAULT '',
    reference_kind TEXT NOT NULL,
    reference_id TEXT NOT NULL,
    looks INTEGER NOT NULL DEFAULT 0,
    look_at INTEGER,                        -- when the gateway is asked next
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    UNIQUE (tenant, id),
    UNIQUE (tenant, reference),
    FOREIGN KEY (tenant, gateway_id) REFERENCES payment_gateways (tenant, id)
) STRICT;

CREATE INDEX mandates_by_driver ON mandates (tenant, driver_id, id);
CREATE INDEX mandates_by_ref ON mandates (gateway_id, mandate_ref);
CREATE INDEX mandates_due ON mandates (look_at) WHERE look_at IS NOT NULL;

-- created: wanted; the gateway may or may not know. open: can be paid. The others are ends, though money may still come late.
CREATE TABLE payments (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    driver_id INTEGER,                      -- NULL of a guest, who pays for one charge
    gateway_id INTEGER NOT NULL,
    key TEXT NOT NULL,                      -- asks for it once
    way TEXT NOT NULL CHECK (way IN ('order', 'link', 'qr', 'recurring')),
    purpose TEXT NOT NULL CHECK (purpose IN ('top_up', 'prepaid', 'bill', 'plan', 'mandate')),
    reference_kind TEXT NOT NULL,
    reference_id TEXT NOT NULL,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    currency TEXT NOT NULL,
    description TEXT NOT NULL,
    customer TEXT NOT NULL,                 -- JSON: name, email, phone
    return_url TEXT NOT NULL,
    method_id INTEGER,                      -- the saved method that is charged
    mandate_id INTEGER,                     -- of which this is a charge
    state TEXT NOT NULL CHECK (state IN ('created', 'open', 'paid', 'failed', 'cancelled', 'expired')),
    reference TEXT NOT NULL DEFAULT '',     -- ours, as the gateway knows it: the gateway's mark and our id
    offer_ref TEXT NOT NULL DEFAULT '',     -- the gateway's id of the order, link or QR code
    pay_url TEXT NOT NULL DEFAULT '',
    image_url TEXT NOT NULL DEFAULT '',
    checkout TEXT NOT NULL DEFAULT '{}',    -- JSON
    tries INTEGER NOT NULL DEFAULT 0,       -- how often the gateway was asked for it
    error TEXT NOT NULL DEFAULT '',
    paid_minor INTEGER NOT NULL DEFAULT 0,  -- what was paid, by however many attempts
    refunded_minor INTEGER NOT NULL DEFAULT 0, -- what went back, or is on its way
    method TEXT NOT NULL DEFAULT '',
    close_wanted INTEGER NOT NULL DEFAULT 0 CHECK (close_wanted IN (0, 1)), -- the gateway is still to be told that nobody may pay it
    looks INTEGER NOT NULL DEFAULT 0,
    look_at INTEGER,                        -- when the gateway is asked next; NULL: no more, unless somebody says so
    expires_at INTEGER,
    created_at INTEGER NOT NULL,
    opened_at INTEGER,
    paid_at INTEGER,
    ended_at INTEGER,                       -- when it was cancelled, failed or expired
    UNIQUE (tenant, id),
    UNIQUE (tenant, key),
    FOREIGN KEY (tenant, gateway_id) REFERENCES payment_gateways (tenant, id)
) STRICT;

CREATE INDEX payments_by_driver ON payments (tenant, driver_id, id);
CREATE INDEX payments_by_state ON payments (tenant, state, id);
CREATE INDEX payments_by_purpose ON payments (tenant, purpose, id);
CREATE INDEX payments_by_reference_of ON payments (tenant, reference_kind, reference_id, id);
CREATE INDEX payments_by_created_at ON payments (tenant, created_at);
CREATE INDEX payments_by_reference ON payments (gateway_id, reference);
CREATE INDEX payments_by_offer ON payments (gateway_id, offer_ref);
CREATE INDEX payments_due ON payments (look_at) WHERE look_at IS NOT NULL;

-- Each attempt to pay, as the gateway tells it. credited: where the money went, and what of it.
CREATE TABLE gateway_payments (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL,
    gateway_id INTEGER NOT NULL,
    payment_id INTEGER NOT NULL,
    payment_ref TEXT NOT NULL CHECK (payment_ref <> ''),  -- the gateway's id
    state TEXT NOT NULL CHECK (state IN ('open', 'authorized', 'paid', 'failed', 'cancelled', 'expired')),
    amount_minor INTEGER NOT NULL,
    currency TEXT NOT NULL,
    method TEXT NOT NULL,
    shown TEXT NOT NULL,
    fee_minor INTEGER,
    error TEXT NOT NULL,
    paid_at INTEGER,
    credited_at INTEGER,                    -- NULL: no money of it is in the ledger
    credited_to TEXT NOT NULL DEFAULT '',   -- wallet, prepayment, receivable
    account_name TEXT NOT NULL DEFAULT '',  -- of a prepayment
    odd TEXT NOT NULL DEFAULT '',           -- what was not as it should be: twice, amount, currency, late
    refunded_minor INTEGER NOT NULL DEFAULT 0, -- what went back, or is on its way
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    UNIQUE (tenant, id),
    UNIQUE (gateway_id, payment_ref),
    FOREIGN KEY (tenant, payment_id) REFERENCES payments (tenant, id)
) STRICT;

CREATE INDEX gateway_payments_by_payment ON gateway_payments (tenant, payment_id, id);

-- wanted: the money is set aside in the ledger, the gateway is to be asked. asked: it may know, or works on it.
CREATE TABLE refunds (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL,
    gateway_id INTEGER NOT NULL,
    payment_id INTEGER NOT NULL,
    attempt_id INTEGER NOT NULL,            -- the gateway payment that it gives back
    driver_id INTEGER,
    key TEXT NOT NULL,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    currency TEXT NOT NULL,
    reason TEXT NOT NULL,
    wanted_by TEXT NOT NULL,                -- a person, or '' where it came about by itself
    state TEXT NOT NULL CHECK (state IN ('wanted', 'asked', 'refunded', 'failed')),
    reference TEXT NOT NULL DEFAULT '',
    refund_ref TEXT NOT NULL DEFAULT '',    -- the gateway's id
    legs TEXT NOT NULL,                     -- JSON: from which accounts, to be put back where it fails
    round INTEGER NOT NULL DEFAULT 0,       -- how often it was begun anew after it had failed
    tries INTEGER NOT NULL DEFAULT 0,
    refusals INTEGER NOT NULL DEFAULT 0,
    error TEXT NOT NULL DEFAULT '',
    look_at INTEGER,
    created_at INTEGER NOT NULL,
    asked_at INTEGER,
    ended_at INTEGER,
    UNIQUE (tenant, id),
    UNIQUE (tenant, key),
    FOREIGN KEY (tenant, payment_id) REFERENCES payments (tenant, id),
    FOREIGN KEY (tenant, attempt_id) REFERENCES gateway_payments (tenant, id)
) STRICT;

CREATE INDEX refunds_by_payment ON refunds (tenant, payment_id, id);
CREATE INDEX refunds_by_state ON refunds (tenant, state, id);
CREATE INDEX refunds_by_driver ON refunds (tenant, driver_id, id);
CREATE INDEX refunds_due ON refunds (look_at) WHERE look_at IS NOT NULL;
CREATE INDEX refunds_by_ref ON refunds (gateway_id, refund_ref);

-- What gateways told by themselves. Nothing here is believed: it says what to ask about.
CREATE TABLE payment_notices (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL,
    gateway_id INTEGER NOT NULL,
    event_ref TEXT NOT NULL,                -- the gateway's id of the notice, the same when it comes again
    kind TEXT NOT NULL,
    reference TEXT NOT NULL,                -- ours, where it names it
    offer_ref TEXT NOT NULL,
    payment_ref TEXT NOT NULL,
    refund_ref TEXT NOT NULL,
    mandate_ref TEXT NOT NULL,
    body TEXT NOT NULL,                     -- as it came, without what tells of people
    times INTEGER NOT NULL DEFAULT 1,       -- how often it came
    payment_id INTEGER,                     -- what it was about, once that was found
    outcome TEXT NOT NULL DEFAULT '',
    occurred_at INTEGER,
    received_at INTEGER NOT NULL,
    processed_at INTEGER,
    UNIQUE (gateway_id, event_ref),
    FOREIGN KEY (tenant, gateway_id) REFERENCES payment_gateways (tenant, id)
) STRICT;

CREATE INDEX payment_notices_by_tenant ON payment_notices (tenant, id);
CREATE INDEX payment_notices_by_payment ON payment_notices (tenant, payment_id, id) WHERE payment_id IS NOT NULL;
