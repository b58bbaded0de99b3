-- Late readings: what a price was reckoned from, beside what of the transaction it was of.
ALTER TABLE bills ADD COLUMN course TEXT NOT NULL DEFAULT '';   -- a short word for its points and its idle times; '' of older bills

-- Transactions of which more became known after they had been billed, and when they are looked at again.
CREATE TABLE bill_looks (
    transaction_id INTEGER PRIMARY KEY REFERENCES transactions (id),
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    asked_at INTEGER NOT NULL,      -- when first
    times INTEGER NOT NULL,         -- how often since; by this a look knows that nothing came meanwhile
    look_at INTEGER NOT NULL
) STRICT;

CREATE INDEX bill_looks_due ON bill_looks (look_at, transaction_id);
