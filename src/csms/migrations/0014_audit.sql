-- Who did what to what, from where. Rows are only ever added; retention takes the oldest away.
CREATE TABLE audit_log (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    at INTEGER NOT NULL,
    actor_kind TEXT NOT NULL,
    actor_id INTEGER,
    actor_name TEXT NOT NULL,
    action TEXT NOT NULL,                   -- the operation, such as stations.change
    subject_kind TEXT NOT NULL,
    subject_id TEXT NOT NULL,
    before TEXT,                            -- JSON of the fields that changed, null for what was made
    after TEXT,
    detail TEXT NOT NULL DEFAULT '{}',
    remote_address TEXT NOT NULL,
    request_id TEXT NOT NULL
) STRICT;

CREATE INDEX audit_log_by_tenant ON audit_log (tenant, id);
CREATE INDEX audit_log_by_subject ON audit_log (tenant, subject_kind, subject_id, id);
CREATE INDEX audit_log_by_actor ON audit_log (tenant, actor_kind, actor_id, id);
CREATE INDEX audit_log_by_time ON audit_log (at);

-- What was answered under an Idempotency-Key. status 0: the first request with it has no answer yet.
CREATE TABLE given_answers (
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    identity TEXT NOT NULL,                 -- whose key it is
    key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    status INTEGER NOT NULL DEFAULT 0,
    content_type TEXT NOT NULL DEFAULT '',
    body TEXT NOT NULL DEFAULT '',
    at INTEGER NOT NULL,
    PRIMARY KEY (tenant, identity, key)
) STRICT;

CREATE INDEX given_answers_by_time ON given_answers (at);
