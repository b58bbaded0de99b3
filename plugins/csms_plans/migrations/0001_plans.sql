-- Plans. What one includes and costs is in its versions; an archived one is taken by nobody new, and its name may be used again.
CREATE TABLE plugin_plans_plans (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    description TEXT NOT NULL,
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    version INTEGER NOT NULL,               -- the one that is sold now
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    archived_at INTEGER
) STRICT;

CREATE UNIQUE INDEX plugin_plans_names ON plugin_plans_plans (tenant, name) WHERE archived_at IS NULL;
CREATE INDEX plugin_plans_plans_by_tenant ON plugin_plans_plans (tenant, id);

-- terms is JSON (terms.py). A version is never changed: subscriptions were sold with it.
CREATE TABLE plugin_plans_versions (
    plan_id INTEGER NOT NULL REFERENCES plugin_plans_plans (id),
    number INTEGER NOT NULL CHECK (number >= 1),
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    terms TEXT NOT NULL,
    note TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (plan_id, number)
) STRICT;

CREATE INDEX plugin_plans_versions_by_tenant ON plugin_plans_versions (tenant, plan_id, number);

-- Subscriptions. period is the number of the period that holds, 0 before the first. doing is what was begun and is to be finished:
-- whatever dies meanwhile, the job goes on with it. due_at is when the job looks again, NULL for never. revision counts every write.
CREATE TABLE plugin_plans_subscriptions (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    driver_id INTEGER NOT NULL,
    plan_id INTEGER NOT NULL REFERENCES plugin_plans_plans (id),
    version INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'active', 'past_due', 'paused', 'suspended', 'ended')),
    doing TEXT NOT NULL CHECK (doing IN ('', 'pause', 'resume', 'suspend', 'end')),
    pay_by TEXT NOT NULL CHECK (pay_by IN ('wallet', 'mandate')),
    renews INTEGER NOT NULL CHECK (renews IN (0, 1)),
    time_zone TEXT NOT NULL,
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    starts_at INTEGER NOT NULL,
    anchor_at INTEGER NOT NULL,             -- the beginning that periods are counted from
    period INTEGER NOT NULL,
    next_plan_id INTEGER REFERENCES plugin_plans_plans (id),
    past_due_at INTEGER,
    grace_until_at INTEGER,
    tries INTEGER NOT NULL,                 -- failed attempts to collect the next period's fee
    retry_at INTEGER,                       -- when it is tried again and the driver reminded
    paused_at INTEGER,
    resume_at INTEGER,
    pauses INTEGER NOT NULL,
    cancelled_at INTEGER,
    cancelled_by TEXT NOT NULL,
    credits INTEGER NOT NULL CHECK (credits IN (0, 1)),   -- whether what is left is given back when it is ended
    ended_at INTEGER,
    reason TEXT NOT NULL,
    told_period INTEGER NOT NULL,           -- the period of whose end the driver was told
    mandates INTEGER NOT NULL,              -- how many were set up
    mandate_ref TEXT NOT NULL,
    mandate_state TEXT NOT NULL,
    mandate_url TEXT NOT NULL,
    mandate_wanted TEXT NOT NULL CHECK (mandate_wanted IN ('', 'start', 'pause', 'resume', 'cancel', 'replace')),
    mandate_minor INTEGER NOT NULL,
    last_payment_id INTEGER NOT NULL,       -- of the recurring payment: each pays one period
    due_at INTEGER,
    errors INTEGER NOT NULL,
    error TEXT NOT NULL,
    revision INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL
) STRICT;

-- A driver has a plan once.
CREATE UNIQUE INDEX plugin_plans_held ON plugin_plans_subscriptions (tenant, driver_id, plan_id) WHERE ended_at IS NULL;
CREATE INDEX plugin_plans_subscriptions_by_driver ON plugin_plans_subscriptions (tenant, driver_id, id);
CREATE INDEX plugin_plans_subscriptions_by_plan ON plugin_plans_subscriptions (tenant, plan_id, id);
CREATE INDEX plugin_plans_subscriptions_by_tenant ON plugin_plans_subscriptions (tenant, id);
CREATE INDEX plugin_plans_due ON plugin_plans_subscriptions (due_at) WHERE due_at IS NOT NULL;

-- Periods of subscriptions: emptying (it replaces one that is emptied first) > due > paid > ready > open > closed, or void.
CREATE TABLE plugin_plans_periods (
    subscription_id INTEGER NOT NULL REFERENCES plugin_plans_subscriptions (id),
    number INTEGER NOT NULL CHECK (number >= 1),
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    plan_id INTEGER NOT NULL REFERENCES plugin_plans_plans (id),
    version INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('trial', 'regular', 'change')),
    state TEXT NOT NULL CHECK (state IN ('emptying', 'due', 'paid', 'ready', 'open', 'closed', 'void')),
    starts_at INTEGER NOT NULL,
    ends_at INTEGER NOT NULL,
    anchor_at INTEGER NOT NULL,
    amount_minor INTEGER NOT NULL,
    net_minor INTEGER NOT NULL,
    taxes TEXT NOT NULL,                    -- JSON: [[name, amount], ...]
    less TEXT NOT NULL,                     -- JSON: what of the fee before is given back with this one; '' for nothing
    collecting INTEGER NOT NULL CHECK (collecting IN (0, 1)),   -- the ledger may have the fee, though that is not written here
    carried_wh INTEGER NOT NULL,
    carried_transactions INTEGER NOT NULL,
    energy_account INTEGER,                 -- the ledger's accounts of what was granted
    transactions_account INTEGER,
    left_wh INTEGER NOT NULL,               -- what was left when it was last emptied
    left_transactions INTEGER NOT NULL,
    credit TEXT NOT NULL,                   -- JSON: what of its fee is given back; '' for nothing
    asks INTEGER NOT NULL,
    asked_minor INTEGER NOT NULL,
    payment_id INTEGER,                     -- the payment that is asked for, while it may be paid
    pay_url TEXT NOT NULL,
    paid_at INTEGER,
    PRIMARY KEY (subscription_id, number)
) STRICT;

CREATE INDEX plugin_plans_periods_by_tenant ON plugin_plans_periods (tenant, subscription_id, number);
