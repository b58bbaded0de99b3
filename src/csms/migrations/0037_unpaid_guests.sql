-- Guests who have not paid, by connector: so many of them are sent a message, and no more.
CREATE INDEX prepaid_charges_unpaid ON prepaid_charges (tenant, code, id) WHERE driver_id IS NULL AND state IN ('waiting', 'unpaid');
