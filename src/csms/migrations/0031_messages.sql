-- Messages to people: what is told, to whom, by which channel, and what became of it.

-- What is otherwise for a tenant than usual, as JSON.
CREATE TABLE message_settings (
    tenant INTEGER PRIMARY KEY REFERENCES tenants (id),
    settings TEXT NOT NULL
) STRICT;

CREATE TABLE message_preferences (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    person_kind TEXT NOT NULL CHECK (person_kind IN ('driver', 'user')),
    person_id INTEGER NOT NULL,
    preferences TEXT NOT NULL,              -- JSON
    changed_at INTEGER NOT NULL,
    UNIQUE (tenant, person_kind, person_id)
) STRICT;

-- A tenant's own words for a template. The newest version counts; one that is withdrawn says that the shipped words count again.
CREATE TABLE message_templates (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    name TEXT NOT NULL,
    language TEXT NOT NULL,
    version INTEGER NOT NULL,
    forms TEXT NOT NULL,                    -- JSON: subject, text, html, sms, whatsapp
    approvals TEXT NOT NULL DEFAULT '{}',   -- JSON by channel: under which name or id a provider approved it
    withdrawn INTEGER NOT NULL DEFAULT 0 CHECK (withdrawn IN (0, 1)),
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    UNIQUE (tenant, name, language, version)
) STRICT;

-- Something to tell, once per key.
CREATE TABLE notices (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    key TEXT NOT NULL,
    template TEXT NOT NULL,
    fields TEXT NOT NULL,                   -- JSON
    actions TEXT NOT NULL DEFAULT '[]',     -- JSON: pairs of label and URL
    documents TEXT NOT NULL DEFAULT '[]',   -- JSON: ids
    created_at INTEGER NOT NULL,
    UNIQUE (tenant, key),
    UNIQUE (tenant, id)
) STRICT;

-- One notice to one person. The plan is the channels in their order, step the present one.
CREATE TABLE messages (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    notice_id INTEGER NOT NULL,
    reference TEXT NOT NULL UNIQUE,         -- told to channels, the same at every attempt
    template TEXT NOT NULL,
    kind TEXT NOT NULL,
    installation INTEGER NOT NULL DEFAULT 0 CHECK (installation IN (0, 1)),    -- of logging in: for the eyes of the installation's people
    driver_id INTEGER,
    user_id INTEGER,
    recipient TEXT NOT NULL DEFAULT '',     -- the address of the present or last attempt
    language TEXT NOT NULL DEFAULT '',
    state TEXT NOT NULL CHECK (state IN ('queued', 'held', 'sending', 'sent', 'delivered', 'read', 'failed', 'suppressed')),
    plan TEXT NOT NULL,                     -- JSON
    step INTEGER NOT NULL DEFAULT 0,
    channel TEXT NOT NULL DEFAULT '',
    rank INTEGER NOT NULL,                  -- 0 goes before 1
    due_at INTEGER NOT NULL,                -- while sending: when it is taken to have been cut off
    expires_at INTEGER NOT NULL,            -- of no use afterwards
    tries INTEGER NOT NULL DEFAULT 0,       -- by the present channel
    attempts INTEGER NOT NULL DEFAULT 0,    -- all told
    error TEXT NOT NULL DEFAULT '',
    channel_id TEXT NOT NULL DEFAULT '',    -- the channel's own id of it
    is_secret INTEGER NOT NULL DEFAULT 0 CHECK (is_secret IN (0, 1)),
    secrets TEXT NOT NULL DEFAULT '',       -- sealed; '' once it was sent, or never will be
    subject TEXT NOT NULL DEFAULT '',       -- as sent, where nothing in it is secret
    body TEXT NOT NULL DEFAULT '',
    created_at INTEGER NOT NULL,
    began_at INTEGER,                       -- the latest attempt
    sent_at INTEGER,
    delivered_at INTEGER,
    read_at INTEGER,
    ended_at INTEGER,                       -- failed, or suppressed
    UNIQUE (tenant, id),
    FOREIGN KEY (tenant, notice_id) REFERENCES notices (tenant, id)
) STRICT;

CREATE INDEX messages_due ON messages (channel, rank, due_at, id) WHERE state IN ('queued', 'held', 'sending');
CREATE INDEX messages_by_tenant ON messages (tenant, id);
CREATE INDEX messages_by_age ON messages (tenant, created_at);
CREATE INDEX messages_by_state ON messages (tenant, state, id);
CREATE INDEX messages_by_template ON messages (tenant, template, id);
CREATE INDEX messages_by_notice ON messages (notice_id);
CREATE INDEX messages_by_driver ON messages (tenant, driver_id, id) WHERE driver_id IS NOT NULL;
CREATE INDEX messages_by_user ON messages (tenant, user_id, id) WHERE user_id IS NOT NULL;
CREATE INDEX messages_begun_driver ON messages (tenant, driver_id, began_at) WHERE driver_id IS NOT NULL;
CREATE INDEX messages_begun_user ON messages (tenant, user_id, began_at) WHERE user_id IS NOT NULL;
CREATE INDEX messages_begun_recipient ON messages (tenant, recipient, began_at) WHERE recipient <> '';
CREATE INDEX messages_by_recipient ON messages (tenant, recipient, id) WHERE recipient <> '';
CREATE INDEX messages_by_channel_id ON messages (channel, channel_id) WHERE channel_id <> '';

-- What happened to a message, attempt by attempt.
CREATE TABLE message_log (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    message_id INTEGER NOT NULL,
    at INTEGER NOT NULL,
    what TEXT NOT NULL,
    channel TEXT NOT NULL DEFAULT '',
    detail TEXT NOT NULL DEFAULT '',
    took_ms INTEGER,
    FOREIGN KEY (tenant, message_id) REFERENCES messages (tenant, id) ON DELETE CASCADE
) STRICT;

CREATE INDEX message_log_by_message ON message_log (tenant, message_id, id);

-- What a channel told of a message before we had written that it was sent. Of no tenant: nobody knows yet whose it is.
CREATE TABLE message_echoes (
    id INTEGER PRIMARY KEY,
    channel TEXT NOT NULL,
    channel_id TEXT NOT NULL,
    state TEXT NOT NULL,
    error TEXT NOT NULL DEFAULT '',
    heard_at INTEGER NOT NULL
) STRICT;

CREATE INDEX message_echoes_by_id ON message_echoes (channel, channel_id, id);
CREATE INDEX message_echoes_by_age ON message_echoes (heard_at);
