-- For free text in lists of thousands: what is looked in stands in one column, without an index, for which texts may be too long. For
-- drivers by name: an index that also says who is there, so that they are counted without looking at each.

ALTER TABLE drivers ADD COLUMN searched TEXT GENERATED ALWAYS AS (
    lower(name) || '
' || email_folded || '
' || phone || '
' || lower(reference)) STORED;
DROP INDEX drivers_by_name;
CREATE INDEX drivers_by_name ON drivers (tenant, name, id, removed_at);

ALTER TABLE tokens ADD COLUMN searched TEXT GENERATED ALWAYS AS (
    folded || '
' || lower(label)) STORED;

ALTER TABLE chargers ADD COLUMN searched TEXT GENERATED ALWAYS AS (
    lower(id) || '
' || lower(name) || '
' || lower(location) || '
' || lower(vendor) || '
' || lower(model) || '
' || lower(serial) || '
' || lower(mac)) STORED;
