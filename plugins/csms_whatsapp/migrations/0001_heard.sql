-- Messages that were heard, so that a webhook that comes twice starts nothing twice.
CREATE TABLE plugin_whatsapp_heard (
    message_id TEXT PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    at INTEGER NOT NULL
) STRICT;

CREATE INDEX plugin_whatsapp_heard_by_age ON plugin_whatsapp_heard (tenant, at);
