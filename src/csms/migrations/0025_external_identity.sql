-- Who an identity provider says somebody is: its issuer URL and its own id of them, never their e-mail address.
CREATE TABLE external_identities (
    id INTEGER PRIMARY KEY,
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    user_id INTEGER REFERENCES users (id),  -- null: the provider told that they are gone before they ever came
    created_at INTEGER NOT NULL,
    told_at INTEGER NOT NULL,               -- by the provider's clock: the newest change of theirs that its webhooks told
    deactivated_at INTEGER,                 -- by our clock; tokens of theirs are refused
    deleted INTEGER NOT NULL DEFAULT 0 CHECK (deleted IN (0, 1)), -- for good: the provider gives an id only once
    disabled_account_at INTEGER,            -- users.disabled_at as deactivating set it, so that only that is undone
    UNIQUE (issuer, subject)
) STRICT;

CREATE INDEX external_identities_by_user ON external_identities (user_id) WHERE user_id IS NOT NULL;

-- What the provider said last about somebody in a tenant.
CREATE TABLE external_grants (
    identity_id INTEGER NOT NULL REFERENCES external_identities (id) ON DELETE CASCADE,
    at_tenant INTEGER NOT NULL REFERENCES tenants (id),
    role TEXT NOT NULL,                     -- '' where its claim said none and the default was given
    said_at INTEGER NOT NULL,               -- by the provider's clock; what it said before that is not heeded
    PRIMARY KEY (identity_id, at_tenant)
) STRICT;

-- Webhook messages that were heeded: one that comes again does nothing.
CREATE TABLE external_messages (
    provider TEXT NOT NULL,
    message_id TEXT NOT NULL,
    heeded_at INTEGER NOT NULL,
    PRIMARY KEY (provider, message_id)
) STRICT;

CREATE INDEX external_messages_by_time ON external_messages (heeded_at);
