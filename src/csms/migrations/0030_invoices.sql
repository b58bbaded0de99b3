-- Invoices, credit notes and receipts. What one says never changes once it has its number; only what became of it does.

-- What a tenant wants of its invoices; without a row everything is as usual.
CREATE TABLE invoice_settings (
    tenant INTEGER PRIMARY KEY REFERENCES tenants (id),
    prefix TEXT NOT NULL,
    credit_note_prefix TEXT NOT NULL,
    receipt_prefix TEXT NOT NULL,
    year_starts INTEGER NOT NULL CHECK (year_starts BETWEEN 1 AND 12),  -- the month in which a financial year begins
    due_days INTEGER NOT NULL CHECK (due_days >= 0),
    tax_code TEXT NOT NULL,                 -- the HSN or SAC where a price says none
    upi_id TEXT NOT NULL,
    footer TEXT NOT NULL,
    terms TEXT NOT NULL,
    send_pdf INTEGER NOT NULL CHECK (send_pdf IN (0, 1)),
    changed_at INTEGER NOT NULL
) STRICT;

-- The last number that was given in a series: written in the very transaction that issues, under the series' key.
CREATE TABLE invoice_series (
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    kind TEXT NOT NULL CHECK (kind IN ('invoice', 'credit_note', 'receipt')),
    year INTEGER NOT NULL,                  -- in which the financial year begins
    last INTEGER NOT NULL CHECK (last > 0),
    PRIMARY KEY (tenant, kind, year)
) STRICT;

CREATE TABLE invoices (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    kind TEXT NOT NULL CHECK (kind IN ('invoice', 'credit_note', 'receipt')),
    year INTEGER NOT NULL,
    sequence INTEGER NOT NULL CHECK (sequence > 0),
    prefix TEXT NOT NULL,
    number TEXT NOT NULL CHECK (length(number) BETWEEN 1 AND 16),
    driver_id INTEGER,
    recipient_name TEXT NOT NULL,
    recipient_tax_id TEXT NOT NULL,         -- '' of a consumer
    transaction_id INTEGER,                 -- the charge that it is for, NULL where it is for several or for none
    original_id INTEGER,                    -- what a credit note or a supplementary invoice is about
    payment_id INTEGER,                     -- what a receipt is for
    movement_id INTEGER,                    -- the fee that an invoice is for, where it is for no charge
    period TEXT NOT NULL,                   -- the month that it collects, such as 2026-01; '' of one that collects none
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    net_minor INTEGER NOT NULL,
    tax_minor INTEGER NOT NULL,
    total_minor INTEGER NOT NULL CHECK (total_minor > 0),   -- a credit note's is what it gives back
    digest TEXT NOT NULL,                   -- SHA-256 of the content
    content TEXT NOT NULL,                  -- JSON: everything that it says
    issued_at INTEGER NOT NULL,
    issued_by TEXT NOT NULL,                -- '' where it came about by itself
    -- From here on: what became of it.
    status TEXT NOT NULL CHECK (status IN ('issued', 'partly_paid', 'paid', 'credited')),
    due_minor INTEGER NOT NULL CHECK (due_minor >= 0),
    credited_minor INTEGER NOT NULL DEFAULT 0 CHECK (credited_minor >= 0),
    paid_at INTEGER,
    changed_at INTEGER NOT NULL,
    UNIQUE (tenant, id),
    UNIQUE (tenant, kind, year, sequence),
    UNIQUE (tenant, number),
    CHECK (net_minor + tax_minor = total_minor),
    CHECK ((kind = 'receipt') = (payment_id IS NOT NULL)),
    FOREIGN KEY (tenant, original_id) REFERENCES invoices (tenant, id)
) STRICT;

CREATE UNIQUE INDEX invoices_receipts ON invoices (tenant, payment_id) WHERE payment_id IS NOT NULL;
CREATE UNIQUE INDEX invoices_fees ON invoices (tenant, movement_id) WHERE movement_id IS NOT NULL;
CREATE INDEX invoices_by_tenant ON invoices (tenant, id);
CREATE INDEX invoices_by_driver ON invoices (tenant, driver_id, id) WHERE driver_id IS NOT NULL;
CREATE INDEX invoices_by_status ON invoices (tenant, status, id);
CREATE INDEX invoices_by_kind ON invoices (tenant, kind, id);
CREATE INDEX invoices_by_issue ON invoices (tenant, issued_at, id);
CREATE INDEX invoices_by_original ON invoices (tenant, original_id) WHERE original_id IS NOT NULL;
CREATE INDEX invoices_open ON invoices (tenant, id) WHERE due_minor > 0;

-- Which bills are on which invoice: each on one only.
CREATE TABLE invoice_bills (
    tenant INTEGER NOT NULL,
    bill_id INTEGER NOT NULL,
    invoice_id INTEGER NOT NULL,
    transaction_id INTEGER NOT NULL,
    PRIMARY KEY (tenant, bill_id),
    FOREIGN KEY (tenant, bill_id) REFERENCES bills (tenant, id),
    FOREIGN KEY (tenant, invoice_id) REFERENCES invoices (tenant, id)
) STRICT;

CREATE INDEX invoice_bills_by_invoice ON invoice_bills (tenant, invoice_id, bill_id);
CREATE INDEX invoice_bills_by_transaction ON invoice_bills (tenant, transaction_id, bill_id);

-- Settled bills that are on no invoice yet.
CREATE TABLE invoice_waiting (
    tenant INTEGER NOT NULL,
    bill_id INTEGER NOT NULL,
    transaction_id INTEGER NOT NULL,
    driver_id INTEGER,
    ended_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, bill_id),
    FOREIGN KEY (tenant, bill_id) REFERENCES bills (tenant, id)
) STRICT;

CREATE INDEX invoice_waiting_by_driver ON invoice_waiting (tenant, driver_id, ended_at, bill_id);
CREATE INDEX invoice_waiting_by_transaction ON invoice_waiting (tenant, transaction_id, bill_id);

-- What a document is worth to the tax office: its amounts by code, rate and place of supply.
CREATE TABLE invoice_supplies (
    tenant INTEGER NOT NULL,
    invoice_id INTEGER NOT NULL,
    line INTEGER NOT NULL,
    tax_code TEXT NOT NULL,
    place TEXT NOT NULL,
    rate_percent TEXT NOT NULL,             -- a decimal, of all taxes together
    energy_wh INTEGER NOT NULL,
    taxable_minor INTEGER NOT NULL,
    igst_minor INTEGER NOT NULL,
    cgst_minor INTEGER NOT NULL,
    sgst_minor INTEGER NOT NULL,            -- UTGST is counted here, too
    other_minor INTEGER NOT NULL,           -- such as VAT or a cess
    PRIMARY KEY (tenant, invoice_id, line),
    FOREIGN KEY (tenant, invoice_id) REFERENCES invoices (tenant, id)
) STRICT;

-- In whose name a driver wants invoices; without a row in their own, as a consumer.
CREATE TABLE invoice_recipients (
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    driver_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    tax_id TEXT NOT NULL,
    address TEXT NOT NULL,
    state TEXT NOT NULL,
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, driver_id),
    FOREIGN KEY (tenant, driver_id) REFERENCES drivers (tenant, id)
) STRICT;

-- What partners share in: a row for each party and bill (bill:17), or credit note by hand (credit_note:9).
CREATE TABLE settlement_parts (
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    source TEXT NOT NULL,
    party TEXT NOT NULL,
    currency TEXT NOT NULL,
    station_id INTEGER,
    settled_at INTEGER NOT NULL,
    energy_wh INTEGER NOT NULL,
    net_minor INTEGER NOT NULL,
    tax_minor INTEGER NOT NULL,
    electricity_minor INTEGER NOT NULL,
    share_minor INTEGER NOT NULL,
    PRIMARY KEY (tenant, source, party)
) STRICT;

CREATE INDEX settlement_parts_by_time ON settlement_parts (tenant, settled_at, party);
CREATE INDEX settlement_parts_by_party ON settlement_parts (tenant, party, settled_at);

-- What was paid out to partners. reference is such as the bank's number: one is paid out once.
CREATE TABLE settlement_payouts (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    account_id INTEGER NOT NULL,
    party TEXT NOT NULL,
    currency TEXT NOT NULL,
    month TEXT NOT NULL,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    reference TEXT NOT NULL,
    note TEXT NOT NULL,
    made_by TEXT NOT NULL,
    movement_id INTEGER NOT NULL,
    paid_at INTEGER NOT NULL,
    UNIQUE (tenant, id),
    UNIQUE (tenant, account_id, reference),
    FOREIGN KEY (tenant, account_id) REFERENCES ledger_accounts (tenant, id),
    FOREIGN KEY (tenant, movement_id) REFERENCES ledger_movements (tenant, id)
) STRICT;

CREATE INDEX settlement_payouts_by_account ON settlement_payouts (tenant, account_id, id);
