-- Firmware images, updates and campaigns; diagnostics and logs that chargers send.

-- An image is a file of ours (its name in the files folder), or something at a location of somebody else's.
CREATE TABLE firmware_images (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    vendor TEXT NOT NULL,
    model TEXT NOT NULL,                    -- '' is every model of the vendor
    version TEXT NOT NULL,                  -- what a charger says at boot when it runs this
    file TEXT NOT NULL,
    file_name TEXT NOT NULL,
    size_bytes INTEGER,
    sha256 TEXT NOT NULL,
    location TEXT NOT NULL,
    signing_certificate TEXT NOT NULL,      -- PEM; '' for unsigned firmware
    signature TEXT NOT NULL,                -- base64
    note TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    removed_at INTEGER,
    CHECK ((file = '') <> (location = '')),
    CHECK ((signing_certificate = '') = (signature = ''))
) STRICT;

CREATE UNIQUE INDEX firmware_images_by_version ON firmware_images (tenant, vendor, model, version) WHERE removed_at IS NULL;
CREATE UNIQUE INDEX firmware_images_by_file ON firmware_images (file) WHERE file <> '';

-- Many chargers, one image, wave by wave.
CREATE TABLE firmware_campaigns (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    name TEXT NOT NULL,
    image_id INTEGER NOT NULL REFERENCES firmware_images (id),
    state TEXT NOT NULL CHECK (state IN ('scheduled', 'running', 'paused', 'done', 'aborted')),
    wave INTEGER NOT NULL,                  -- the present one, from 1
    waves INTEGER NOT NULL,
    chargers INTEGER NOT NULL,
    starts_at INTEGER NOT NULL,
    ends_at INTEGER NOT NULL,
    window_from_min INTEGER,                -- minutes of the tenant's day within which updates begin
    window_until_min INTEGER,
    max_failures INTEGER,
    max_failures_percent INTEGER,           -- of the chargers of the waves that have begun
    skip_charging INTEGER NOT NULL,
    signed INTEGER NOT NULL,
    retries INTEGER,
    retry_interval_s INTEGER,
    note TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    closed_at INTEGER,
    CHECK ((closed_at IS NOT NULL) = (state IN ('done', 'aborted'))),
    CHECK ((window_from_min IS NULL) = (window_until_min IS NULL))
) STRICT;

CREATE INDEX firmware_campaigns_open ON firmware_campaigns (tenant, id) WHERE closed_at IS NULL;

-- One request to one charger. Its id is the request id that we tell, unless an operator chose one.
CREATE TABLE firmware_updates (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    charger_id TEXT NOT NULL REFERENCES chargers (id),
    image_id INTEGER REFERENCES firmware_images (id),
    campaign_id INTEGER REFERENCES firmware_campaigns (id),
    request_id INTEGER NOT NULL,
    state TEXT NOT NULL,
    status TEXT NOT NULL,                   -- what the charger last said of it, in its words
    version TEXT NOT NULL,                  -- the one expected; '' where nobody said
    previous_version TEXT NOT NULL,
    location TEXT NOT NULL,                 -- of somebody else's; '' for our own links
    signed INTEGER NOT NULL,
    retrieve_at INTEGER NOT NULL,
    install_at INTEGER,
    retries INTEGER,
    retry_interval_s INTEGER,
    fetch_began_at INTEGER,                 -- when our file server was first asked for it
    fetched_at INTEGER,                     -- when its last byte went out
    asked_again_at INTEGER,                 -- when we asked a silent charger how it goes
    deadline_at INTEGER,
    note TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    closed_at INTEGER,
    CHECK (state IN ('sending', 'accepted', 'downloading', 'downloaded', 'installing', 'installed', 'failed', 'cancelled', 'unknown')),
    CHECK ((closed_at IS NOT NULL) = (state IN ('installed', 'failed', 'cancelled', 'unknown'))),
    CHECK ((deadline_at IS NULL) = (closed_at IS NOT NULL))
) STRICT;

CREATE INDEX firmware_updates_by_charger ON firmware_updates (tenant, charger_id, id);
CREATE INDEX firmware_updates_by_deadline ON firmware_updates (tenant, deadline_at) WHERE closed_at IS NULL;
CREATE INDEX firmware_updates_by_campaign ON firmware_updates (campaign_id, id) WHERE campaign_id IS NOT NULL;
CREATE INDEX firmware_updates_by_image ON firmware_updates (image_id) WHERE image_id IS NOT NULL AND closed_at IS NULL;

CREATE TABLE firmware_campaign_chargers (
    campaign_id INTEGER NOT NULL REFERENCES firmware_campaigns (id),
    charger_id TEXT NOT NULL REFERENCES chargers (id),
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    wave INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'updating', 'done', 'failed', 'skipped')),
    tries INTEGER NOT NULL,
    update_id INTEGER REFERENCES firmware_updates (id),
    next_at INTEGER NOT NULL,               -- not tried before
    note TEXT NOT NULL,
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (campaign_id, charger_id)
) STRICT;

CREATE INDEX firmware_campaign_chargers_by_state ON firmware_campaign_chargers (campaign_id, state, wave, next_at);

-- One request for diagnostics or a log, and the slot that its file goes to.
CREATE TABLE log_uploads (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    charger_id TEXT NOT NULL REFERENCES chargers (id),
    kind TEXT NOT NULL CHECK (kind IN ('diagnostics', 'security')),
    asked_by TEXT NOT NULL,                 -- the command that asked for it
    request_id INTEGER NOT NULL,
    state TEXT NOT NULL,
    status TEXT NOT NULL,
    file_name TEXT NOT NULL,                -- what the charger said it would send
    location TEXT NOT NULL,
    oldest_at INTEGER,
    latest_at INTEGER,
    retries INTEGER,
    retry_interval_s INTEGER,
    deadline_at INTEGER,
    note TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    closed_at INTEGER,
    CHECK (state IN ('sending', 'accepted', 'uploading', 'uploaded', 'unavailable', 'failed', 'cancelled', 'unknown')),
    CHECK ((closed_at IS NOT NULL) = (state IN ('uploaded', 'unavailable', 'failed', 'cancelled', 'unknown'))),
    CHECK ((deadline_at IS NULL) = (closed_at IS NOT NULL))
) STRICT;

CREATE INDEX log_uploads_by_charger ON log_uploads (tenant, charger_id, id);
CREATE INDEX log_uploads_by_deadline ON log_uploads (tenant, deadline_at) WHERE closed_at IS NULL;
CREATE INDEX log_uploads_by_age ON log_uploads (tenant, closed_at) WHERE closed_at IS NOT NULL;

-- What was sent to a slot: a charger that sends again sends a new version.
CREATE TABLE log_files (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    upload_id INTEGER NOT NULL REFERENCES log_uploads (id),
    file TEXT NOT NULL UNIQUE,
    file_name TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    address TEXT NOT NULL,
    received_at INTEGER NOT NULL
) STRICT;

CREATE INDEX log_files_by_upload ON log_files (upload_id, id);
