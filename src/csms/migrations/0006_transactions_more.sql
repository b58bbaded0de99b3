-- What transactions need to be put right later: when their stop was heard, which readings nobody named a transaction for, and which
-- transaction a quarantined stop became part of.

ALTER TABLE transactions ADD COLUMN stop_received_at INTEGER;           -- when we heard of the stop that counts

-- Few starts have a time that was not trusted, and few remote starts come to nothing: these are small.
CREATE INDEX transactions_by_raw_start ON transactions (tenant, charger_id, evse, token_folded, started_at_raw)
    WHERE started_at_raw <> '';
CREATE INDEX transactions_expired ON transactions (tenant, charger_id, closed_at) WHERE state = 'expired';

-- How sure it is whose a reading is. 0: the charger named the transaction. 1: it came inside a stop that named none of ours.
-- 2: its place and time say so. What is not sure may be given to another transaction when more is known.
ALTER TABLE meter_readings ADD COLUMN guessed INTEGER NOT NULL DEFAULT 0;

ALTER TABLE quarantine ADD COLUMN transaction_id INTEGER REFERENCES transactions (id);
-- 1: token, time and meter said which transaction this stop is of, not a person; a better match may still come.
ALTER TABLE quarantine ADD COLUMN guessed INTEGER NOT NULL DEFAULT 0;
CREATE INDEX quarantine_by_charger ON quarantine (tenant, charger_id, kind, id);
CREATE INDEX quarantine_by_transaction ON quarantine (transaction_id) WHERE transaction_id IS NOT NULL;
