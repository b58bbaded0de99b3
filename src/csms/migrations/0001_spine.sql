-- The event spine: what happened, how far each consumer has got, and what became of the deliveries that are not simply done.
-- Every table of the database that has a column "tenant" is a tenant table: SQL on it must use :tenant, except through tx.system().
-- None is exempt.

-- xid is the writing transaction on PostgreSQL, where transactions commit out of order; 0 on SQLite, which has one writer.
-- AUTOINCREMENT, because a sequence is also the event's id for ever: it must not come again after retention deleted the newest.
CREATE TABLE events (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    xid INTEGER NOT NULL DEFAULT 0,
    tenant INTEGER NOT NULL,
    key TEXT NOT NULL,
    type TEXT NOT NULL,
    payload TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;

-- How far a consumer has got: every event up to and including (xid, sequence) is done, or has a row in deliveries.
CREATE TABLE cursors (
    consumer TEXT PRIMARY KEY CHECK (length(consumer) BETWEEN 1 AND 200),
    xid INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    saved_at INTEGER NOT NULL
) STRICT;

-- done: delivered, but above the cursor. retry: due at retry_at, or waiting behind an earlier one of its key. dead: given up.
CREATE TABLE deliveries (
    consumer TEXT NOT NULL REFERENCES cursors (consumer) ON DELETE CASCADE,
    sequence INTEGER NOT NULL REFERENCES events (sequence),
    xid INTEGER NOT NULL,
    key TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('done', 'retry', 'dead')),
    attempts INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    retry_at INTEGER NOT NULL DEFAULT 0,
    error TEXT NOT NULL DEFAULT '',
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (consumer, sequence)
) STRICT;

CREATE INDEX deliveries_by_event ON deliveries (sequence);
CREATE INDEX deliveries_by_state ON deliveries (consumer, state, key, xid, sequence);

-- Written and emptied by health checks, to see whether the database can grow.
CREATE TABLE probes (
    id INTEGER PRIMARY KEY,
    filler BLOB NOT NULL
) STRICT;
