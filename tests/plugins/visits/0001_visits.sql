CREATE TABLE plugin_visitor_visits (
    event_id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL,
    charger_id TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;

CREATE TABLE plugin_visitor_rounds (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL,
    charger_id TEXT NOT NULL UNIQUE
) STRICT;
