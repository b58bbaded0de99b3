-- Guests, who pay for a charge without an account, are told of it. A message to one is known by the payment.

ALTER TABLE messages ADD COLUMN payment_id INTEGER;

CREATE INDEX messages_by_payment ON messages (tenant, payment_id, id) WHERE payment_id IS NOT NULL;
-- What guests were told is forgotten after a while: those of whom it still is known.
CREATE INDEX messages_of_guests ON messages (tenant, created_at, id) WHERE payment_id IS NOT NULL AND recipient <> '';
