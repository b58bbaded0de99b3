-- Who a tenant is, documents, and what is forgotten of drivers.

-- bank_sealed is encrypted (csms.vault); bank_shown is what may be seen of it, JSON. settings holds only what differs from the installation.
ALTER TABLE tenants ADD COLUMN kind TEXT NOT NULL DEFAULT 'company' CHECK (kind IN ('individual', 'company'));
ALTER TABLE tenants ADD COLUMN legal_name TEXT NOT NULL DEFAULT '';
ALTER TABLE tenants ADD COLUMN registration_number TEXT NOT NULL DEFAULT '';
ALTER TABLE tenants ADD COLUMN tax_ids TEXT NOT NULL DEFAULT '[]';
ALTER TABLE tenants ADD COLUMN address TEXT NOT NULL DEFAULT '';
ALTER TABLE tenants ADD COLUMN country TEXT NOT NULL DEFAULT '';
ALTER TABLE tenants ADD COLUMN email TEXT NOT NULL DEFAULT '';
ALTER TABLE tenants ADD COLUMN phone TEXT NOT NULL DEFAULT '';
ALTER TABLE tenants ADD COLUMN website TEXT NOT NULL DEFAULT '';
ALTER TABLE tenants ADD COLUMN contacts TEXT NOT NULL DEFAULT '[]';
ALTER TABLE tenants ADD COLUMN bank_sealed TEXT NOT NULL DEFAULT '';
ALTER TABLE tenants ADD COLUMN bank_shown TEXT NOT NULL DEFAULT '';
ALTER TABLE tenants ADD COLUMN settings TEXT NOT NULL DEFAULT '{}';
ALTER TABLE tenants ADD COLUMN changed_at INTEGER;
ALTER TABLE tenants ADD COLUMN closed_at INTEGER;           -- its people cannot log in, its chargers are turned away
ALTER TABLE tenants ADD COLUMN closed_reason TEXT NOT NULL DEFAULT '';

-- What is known of a file beside the store. subject_id is text, for chargers' ids are. state is '' where nobody reviews it.
CREATE TABLE documents (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    kind TEXT NOT NULL,
    subject_kind TEXT NOT NULL CHECK (subject_kind IN ('tenant', 'station', 'charger', 'driver', 'ticket', 'transaction')),
    subject_id TEXT NOT NULL,
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    content_type TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    file TEXT NOT NULL UNIQUE,              -- its name in the folder or bucket
    thumbnail TEXT NOT NULL DEFAULT '',     -- the same of its thumbnail, '' without one
    thumbnail_bytes INTEGER NOT NULL DEFAULT 0,
    width INTEGER,
    height INTEGER,
    state TEXT NOT NULL CHECK (state IN ('', 'submitted', 'approved', 'rejected')),
    reason TEXT NOT NULL DEFAULT '',        -- why it was rejected
    reviewed_by TEXT NOT NULL DEFAULT '',
    reviewed_at INTEGER,
    expires_at INTEGER,                     -- until when what it says holds
    warned_at INTEGER,
    expired_at INTEGER,                     -- when that was noticed
    uploaded_by TEXT NOT NULL,
    driver_id INTEGER,                      -- the driver who uploaded it
    created_at INTEGER NOT NULL
) STRICT;

CREATE INDEX documents_by_tenant ON documents (tenant, id);
CREATE INDEX documents_by_subject ON documents (tenant, subject_kind, subject_id, id);
CREATE INDEX documents_by_size ON documents (tenant, size_bytes);
CREATE INDEX documents_by_expiry ON documents (tenant, expires_at) WHERE expires_at IS NOT NULL AND expired_at IS NULL;
CREATE INDEX documents_to_review ON documents (id) WHERE state = 'submitted';
CREATE INDEX documents_by_driver ON documents (driver_id) WHERE driver_id IS NOT NULL;
CREATE UNIQUE INDEX documents_by_thumbnail ON documents (thumbnail) WHERE thumbnail <> '';

-- Drivers whose data was erased. sealed holds what is still to be masked in logs, encrypted, '' once that is done.
CREATE TABLE erasures (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    driver_id INTEGER NOT NULL,
    asked_by TEXT NOT NULL,
    asked_at INTEGER NOT NULL,
    sealed TEXT NOT NULL,
    place TEXT NOT NULL DEFAULT '',         -- the log that is being masked
    last INTEGER NOT NULL DEFAULT 0,        -- the highest row of it that was looked at
    masked INTEGER NOT NULL DEFAULT 0,
    done_at INTEGER,
    UNIQUE (tenant, driver_id),
    CHECK ((done_at IS NULL) = (sealed <> ''))
) STRICT;

CREATE INDEX erasures_to_do ON erasures (id) WHERE done_at IS NULL;

-- What ended long ago is found by when it ended.
CREATE INDEX alerts_by_resolution ON alerts (resolved_at) WHERE resolved_at IS NOT NULL;
CREATE INDEX reservations_by_end ON reservations (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX charger_resets_by_end ON charger_resets (closed_at) WHERE closed_at IS NOT NULL;
CREATE INDEX reservations_by_driver ON reservations (driver_id, id) WHERE driver_id IS NOT NULL;
