-- Events that came of a request to the API have its id, as the log, the frames and the audit log do.

ALTER TABLE events ADD COLUMN request_id TEXT NOT NULL DEFAULT '';

-- Most have none, so that the index costs them nothing.
CREATE INDEX events_by_request ON events (tenant, request_id) WHERE request_id <> '';
