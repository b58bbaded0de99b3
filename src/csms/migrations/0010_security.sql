-- Requests of chargers to have a certificate signed (PKCS #10, PEM). digest is the SHA-256 of the request, so that one that is sent
-- twice is signed once. asked waits for the certificate authority, which is asked again at next_at when it was away.
CREATE TABLE certificate_requests (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    charger_id TEXT NOT NULL REFERENCES chargers (id) ON DELETE CASCADE,
    digest TEXT NOT NULL,
    csr TEXT NOT NULL,
    organization TEXT NOT NULL DEFAULT '',
    key_kind TEXT NOT NULL DEFAULT '',
    state TEXT NOT NULL CHECK (state IN ('asked', 'signed', 'failed', 'rejected')),
    reason TEXT NOT NULL DEFAULT '',
    attempts INTEGER NOT NULL DEFAULT 0,
    next_at INTEGER,
    requested_at INTEGER NOT NULL,
    decided_at INTEGER,
    CHECK ((state = 'asked') = (next_at IS NOT NULL))
) STRICT;

CREATE INDEX certificate_requests_by_charger ON certificate_requests (charger_id, id);
CREATE INDEX certificate_requests_asked ON certificate_requests (tenant, next_at) WHERE state = 'asked';

-- The certificates of chargers: those that we had signed, and those of others that a charger showed. Ids grow: the highest is the newest.
-- issued was not taken by the charger yet, active was; superseded is still let in, for a charger may fall back to it (A02.FR.10).
-- renew_at is when the charger is to be told to ask for a new one. An issued one is handed over again at deliver_at, and on any other
-- connection than tried_connection.
CREATE TABLE charger_certificates (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    charger_id TEXT NOT NULL REFERENCES chargers (id) ON DELETE CASCADE,
    request_id INTEGER REFERENCES certificate_requests (id) ON DELETE SET NULL,
    origin TEXT NOT NULL CHECK (origin IN ('signed', 'shown')),
    state TEXT NOT NULL CHECK (state IN ('issued', 'active', 'superseded', 'rejected', 'revoked', 'expired')),
    reason TEXT NOT NULL DEFAULT '',
    fingerprint TEXT NOT NULL UNIQUE,
    serial TEXT NOT NULL,
    subject TEXT NOT NULL,
    issuer TEXT NOT NULL DEFAULT '',
    chain TEXT NOT NULL DEFAULT '',
    not_before_at INTEGER,
    not_after_at INTEGER,
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    seen_at INTEGER,
    deliveries INTEGER NOT NULL DEFAULT 0,
    deliver_at INTEGER,
    tried_connection TEXT NOT NULL DEFAULT '',
    renewals INTEGER NOT NULL DEFAULT 0,
    renew_at INTEGER,
    warned_at INTEGER
) STRICT;

CREATE INDEX charger_certificates_by_charger ON charger_certificates (charger_id, id);
CREATE INDEX charger_certificates_issued ON charger_certificates (tenant, charger_id) WHERE state = 'issued';
CREATE INDEX charger_certificates_renewed ON charger_certificates (tenant, renew_at) WHERE state = 'active' AND renew_at IS NOT NULL;
CREATE INDEX charger_certificates_ending ON charger_certificates (tenant, not_after_at)
    WHERE state = 'issued' OR state = 'active' OR state = 'superseded';

-- The root certificates that a tenant knows: those that chargers verify the server by, and those of manufacturers, which vouch for
-- firmware. issuer is the PEM of the issuer where that is another certificate.
CREATE TABLE root_certificates (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    purpose TEXT NOT NULL CHECK (purpose IN ('CSMSRootCertificate', 'ManufacturerRootCertificate')),
    name TEXT NOT NULL,
    pem TEXT NOT NULL,
    issuer TEXT NOT NULL DEFAULT '',
    fingerprint TEXT NOT NULL,
    serial TEXT NOT NULL,
    subject TEXT NOT NULL,
    not_before_at INTEGER NOT NULL,
    not_after_at INTEGER NOT NULL,
    added_at INTEGER NOT NULL,
    UNIQUE (tenant, purpose, fingerprint)
) STRICT;

-- What chargers said of the root certificates that are installed there, as last read; and when that was.
CREATE TABLE installed_reads (
    charger_id TEXT NOT NULL REFERENCES chargers (id) ON DELETE CASCADE,
    purpose TEXT NOT NULL,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    read_at INTEGER NOT NULL,
    PRIMARY KEY (charger_id, purpose)
) STRICT;

CREATE TABLE installed_certificates (
    charger_id TEXT NOT NULL,
    purpose TEXT NOT NULL,
    position INTEGER NOT NULL,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    algorithm TEXT NOT NULL,
    issuer_name_hash TEXT NOT NULL,
    issuer_key_hash TEXT NOT NULL,
    serial TEXT NOT NULL,
    PRIMARY KEY (charger_id, purpose, position),
    FOREIGN KEY (charger_id, purpose) REFERENCES installed_reads (charger_id, purpose) ON DELETE CASCADE
) STRICT;

-- Changes of a charger's key (HTTP Basic). The key itself is kept nowhere, sealed is what stands in charger_keys or charger_key_offers.
-- settle_at is when an accepted key becomes the only one although the charger has not logged in with it yet (A01.FR.03).
CREATE TABLE key_rotations (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    charger_id TEXT NOT NULL REFERENCES chargers (id) ON DELETE CASCADE,
    sealed TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('asked', 'accepted', 'reboot', 'uncertain', 'confirmed', 'settled', 'refused')),
    outcome TEXT NOT NULL DEFAULT '',
    asked_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    settle_at INTEGER
) STRICT;

CREATE INDEX key_rotations_by_charger ON key_rotations (charger_id, id);
CREATE INDEX key_rotations_open ON key_rotations (tenant, id) WHERE state = 'asked' OR state = 'accepted' OR state = 'reboot' OR state = 'uncertain';

-- A higher security profile that a charger is wanted on, until it has logged in with it.
CREATE TABLE profile_upgrades (
    charger_id TEXT PRIMARY KEY REFERENCES chargers (id) ON DELETE CASCADE,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    profile INTEGER NOT NULL CHECK (profile BETWEEN 1 AND 3),
    state TEXT NOT NULL CHECK (state IN ('asked', 'wanted', 'done', 'refused')),
    outcome TEXT NOT NULL DEFAULT '',
    asked_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL
) STRICT;

CREATE INDEX profile_upgrades_open ON profile_upgrades (tenant, charger_id) WHERE state = 'asked' OR state = 'wanted';

-- What chargers reported and what we noticed ourselves (source csms). One that a charger sends again is stored once.
CREATE TABLE security_events (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    charger_id TEXT NOT NULL REFERENCES chargers (id) ON DELETE CASCADE,
    source TEXT NOT NULL CHECK (source IN ('charger', 'csms')),
    kind TEXT NOT NULL,
    critical INTEGER NOT NULL CHECK (critical IN (0, 1)),
    info TEXT NOT NULL DEFAULT '',
    occurred_at INTEGER NOT NULL,
    occurred_at_raw TEXT NOT NULL DEFAULT '',
    received_at INTEGER NOT NULL,
    UNIQUE (charger_id, occurred_at, kind, info)
) STRICT;

CREATE INDEX security_events_by_tenant ON security_events (tenant, received_at);
