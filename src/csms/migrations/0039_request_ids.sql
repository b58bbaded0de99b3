-- Frames that were said for a request to the API have its id, as the log and the audit log do.

ALTER TABLE frames ADD COLUMN request_id TEXT NOT NULL DEFAULT '';

-- Few frames have one, so that the index costs the others nothing.
CREATE INDEX frames_by_request ON frames (tenant, request_id) WHERE request_id <> '';

CREATE INDEX audit_log_by_request ON audit_log (tenant, request_id);
