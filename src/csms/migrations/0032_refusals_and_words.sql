-- Tokens that were shown and refused, for the rule about repeated refusals: only of the last hour, tidied as they come.
CREATE TABLE token_refusals (
    event_id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    charger_id TEXT NOT NULL REFERENCES chargers (id) ON DELETE CASCADE,
    at INTEGER NOT NULL
) STRICT;

CREATE INDEX token_refusals_by_charger ON token_refusals (tenant, charger_id, at);

-- The validity of a charging profile is told in words that end as every instant's do.
UPDATE charger_profiles SET content = replace(replace(content, '"valid_from":', '"valid_from_at":'), '"valid_to":', '"valid_to_at":');
UPDATE profile_templates SET content = replace(replace(content, '"valid_from":', '"valid_from_at":'), '"valid_to":', '"valid_to_at":');

-- Who writes is known by telephone number.
CREATE INDEX drivers_by_phone ON drivers (phone) WHERE phone <> '' AND removed_at IS NULL;
