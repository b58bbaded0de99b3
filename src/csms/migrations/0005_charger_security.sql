-- security_profile is the least with which the charger may log in (security whitepaper §2: 0 to 3); NULL is the installation's.
-- security_profile_used is the one of its latest connection.
ALTER TABLE chargers ADD COLUMN security_profile INTEGER CHECK (security_profile BETWEEN 0 AND 3);
ALTER TABLE chargers ADD COLUMN security_profile_used INTEGER CHECK (security_profile_used BETWEEN 0 AND 3);

-- Keys that were offered to a charger while its present one stays valid: the answer to an offer may be lost, so either may come next.
-- A log-in with one of them makes it the charger's key. A table of its own, for the same reason as charger_keys.
CREATE TABLE charger_key_offers (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    charger_id TEXT NOT NULL REFERENCES chargers (id) ON DELETE CASCADE,
    sealed TEXT NOT NULL CHECK (length(sealed) > 0),
    offered_at INTEGER NOT NULL,
    expires_at INTEGER,
    UNIQUE (charger_id, sealed)
) STRICT;
