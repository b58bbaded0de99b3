-- For free text in lists of thousands: what is looked in stands in one column, which an index holds, so that a search reads neither rows nor
-- columns that it does not show. For drivers by name: an index that also says who is there, so that they are counted by it alone.

ALTER TABLE drivers ADD COLUMN searched TEXT GENERATED ALWAYS AS (
    lower(name) || '
' || email_folded || '
' || phone || '
' || lower(reference)) VIRTUAL;
CREATE INDEX drivers_searched ON drivers (tenant, searched, removed_at) WHERE searched >= '';
DROP INDEX drivers_by_name;
CREATE INDEX drivers_by_name ON drivers (tenant, name, id, removed_at);

ALTER TABLE tokens ADD COLUMN searched TEXT GENERATED ALWAYS AS (
    folded || '
' || lower(label)) VIRTUAL;
CREATE INDEX tokens_searched ON tokens (tenant, searched, folded, removed_at) WHERE searched >= '';

ALTER TABLE chargers ADD COLUMN searched TEXT GENERATED ALWAYS AS (
    lower(id) || '
' || lower(name) || '
' || lower(location) || '
' || lower(vendor) || '
' || lower(model) || '
' || lower(serial) || '
' || lower(mac)) VIRTUAL;
CREATE INDEX chargers_searched ON chargers (tenant, searched, removed_at) WHERE searched >= '';
