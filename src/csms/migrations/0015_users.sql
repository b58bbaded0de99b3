-- People. A user belongs to the installation; what one may do with a tenant's data says a membership.
CREATE TABLE users (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    email TEXT NOT NULL DEFAULT '',
    email_folded TEXT NOT NULL DEFAULT '',
    email_verified_at INTEGER,
    phone TEXT NOT NULL DEFAULT '',         -- E.164
    phone_verified_at INTEGER,
    locale TEXT NOT NULL DEFAULT 'en',
    password_hash TEXT NOT NULL DEFAULT '', -- argon2id, with its parameters; '' for none
    password_expires_at INTEGER,            -- of a password that somebody else made, to be changed
    second_factor TEXT NOT NULL DEFAULT '' CHECK (second_factor IN ('', 'totp', 'email', 'sms')),
    totp_sealed TEXT NOT NULL DEFAULT '',   -- sealed by the vault; with second_factor '' it is being set up
    totp_step INTEGER NOT NULL DEFAULT 0,   -- the last time step whose code was used
    created_at INTEGER NOT NULL,
    disabled_at INTEGER
) STRICT;

CREATE UNIQUE INDEX user_emails ON users (email_folded) WHERE email_folded <> '';
CREATE UNIQUE INDEX user_phones ON users (phone) WHERE phone <> '';

CREATE TABLE memberships (
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    user_id INTEGER NOT NULL REFERENCES users (id),
    role TEXT NOT NULL,
    every_station INTEGER NOT NULL DEFAULT 1 CHECK (every_station IN (0, 1)),
    driver_id INTEGER,                      -- as whom they charge
    created_at INTEGER NOT NULL,
    disabled_at INTEGER,
    PRIMARY KEY (tenant, user_id),
    FOREIGN KEY (tenant, driver_id) REFERENCES drivers (tenant, id)
) STRICT;

CREATE INDEX memberships_by_user ON memberships (user_id);
CREATE INDEX memberships_by_role ON memberships (tenant, role, user_id);
CREATE UNIQUE INDEX membership_drivers ON memberships (tenant, driver_id) WHERE driver_id IS NOT NULL;

-- Where staff without every_station may look. A station that goes takes its rows with it.
CREATE TABLE membership_stations (
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    user_id INTEGER NOT NULL,
    station_id INTEGER NOT NULL,
    PRIMARY KEY (tenant, user_id, station_id),
    FOREIGN KEY (tenant, user_id) REFERENCES memberships (tenant, user_id) ON DELETE CASCADE,
    FOREIGN KEY (tenant, station_id) REFERENCES stations (tenant, id) ON DELETE CASCADE
) STRICT;

CREATE INDEX membership_stations_by_station ON membership_stations (tenant, station_id);

-- One signed-in device each. Its refresh token changes with every use: the hash of the one that is good, and of the one before.
CREATE TABLE logins (
    id INTEGER PRIMARY KEY,
    user_id INTEGER NOT NULL REFERENCES users (id),
    at_tenant INTEGER NOT NULL,             -- the tenant that was chosen
    refresh_hash TEXT NOT NULL,
    former_hash TEXT NOT NULL DEFAULT '',
    refreshed_at INTEGER NOT NULL,
    device TEXT NOT NULL DEFAULT '',
    remote_address TEXT NOT NULL DEFAULT '',
    created_at INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    ended_at INTEGER,
    ended_why TEXT NOT NULL DEFAULT ''
) STRICT;

CREATE INDEX logins_by_user ON logins (user_id, ended_at, id);
CREATE INDEX logins_by_end ON logins (expires_at);
CREATE INDEX logins_by_ended ON logins (ended_at) WHERE ended_at IS NOT NULL;

-- What somebody has to prove with a one-time code. Neither the handle nor the code is stored, only what is compared with them.
CREATE TABLE challenges (
    id INTEGER PRIMARY KEY,
    handle_hash TEXT NOT NULL UNIQUE,
    purpose TEXT NOT NULL,
    user_id INTEGER REFERENCES users (id),  -- null: of somebody who is not there (yet)
    detail TEXT NOT NULL DEFAULT '{}',      -- JSON: what is to be done once it is proven
    code_hash TEXT NOT NULL DEFAULT '',     -- keyed; '' while no code was sent
    tries_left INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at INTEGER
) STRICT;

CREATE INDEX challenges_by_end ON challenges (expires_at);

-- Tries that failed, per account and per address, under keyed hashes of their names: what is typed there may be anything.
CREATE TABLE throttles (
    bucket TEXT PRIMARY KEY,
    failures INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    blocked_until_at INTEGER NOT NULL
) STRICT;

CREATE INDEX throttles_by_time ON throttles (last_at);

CREATE TABLE recovery_codes (
    user_id INTEGER NOT NULL REFERENCES users (id),
    code_hash TEXT NOT NULL,
    used_at INTEGER,
    PRIMARY KEY (user_id, code_hash)
) STRICT;

CREATE TABLE api_keys (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    name TEXT NOT NULL,
    secret_hash TEXT NOT NULL,              -- SHA-256 of a long random secret
    permissions TEXT NOT NULL,              -- JSON list; at use no more than its maker has then
    every_station INTEGER NOT NULL DEFAULT 1 CHECK (every_station IN (0, 1)),
    maker_id INTEGER REFERENCES users (id), -- null: made with the operator key
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    last_used_at INTEGER,
    last_used_from TEXT NOT NULL DEFAULT '',
    revoked_at INTEGER,
    UNIQUE (tenant, id)
) STRICT;

CREATE INDEX api_keys_by_maker ON api_keys (maker_id) WHERE maker_id IS NOT NULL;

CREATE TABLE api_key_stations (
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    api_key_id INTEGER NOT NULL,
    station_id INTEGER NOT NULL,
    PRIMARY KEY (tenant, api_key_id, station_id),
    FOREIGN KEY (tenant, api_key_id) REFERENCES api_keys (tenant, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant, station_id) REFERENCES stations (tenant, id) ON DELETE CASCADE
) STRICT;

CREATE INDEX api_key_stations_by_station ON api_key_stations (tenant, station_id);

CREATE TABLE invitations (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    email TEXT NOT NULL,
    email_folded TEXT NOT NULL,
    name TEXT NOT NULL DEFAULT '',
    role TEXT NOT NULL,
    stations TEXT,                          -- JSON list; null: every station
    secret_hash TEXT NOT NULL,
    invited_by INTEGER REFERENCES users (id),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    accepted_at INTEGER,
    revoked_at INTEGER
) STRICT;

CREATE INDEX invitations_by_tenant ON invitations (tenant, id);
CREATE INDEX invitations_by_email ON invitations (tenant, email_folded);
