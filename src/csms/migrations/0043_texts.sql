-- For free text among thousands: which rows hold three characters in a row. Whoever searches asks here for those that hold all triples of a
-- text, and looks at these alone (ADR 19). No positions are kept, so that no name can be put together from what is left of it.

CREATE VIRTUAL TABLE drivers_texts USING fts5 (
    tenant UNINDEXED, searched, content = 'drivers', content_rowid = 'id', tokenize = 'trigram', detail = 'none', columnsize = 0
);
INSERT INTO drivers_texts (drivers_texts) VALUES ('rebuild');
CREATE TRIGGER drivers_text_added AFTER INSERT ON drivers BEGIN
    INSERT INTO drivers_texts (rowid, searched) VALUES (new.id, new.searched);
END;
CREATE TRIGGER drivers_text_changed AFTER UPDATE OF name, email_folded, phone, reference ON drivers
WHEN old.searched <> new.searched BEGIN
    INSERT INTO drivers_texts (drivers_texts, rowid, searched) VALUES ('delete', old.id, old.searched);
    INSERT INTO drivers_texts (rowid, searched) VALUES (new.id, new.searched);
END;
CREATE TRIGGER drivers_text_removed AFTER DELETE ON drivers BEGIN
    INSERT INTO drivers_texts (drivers_texts, rowid, searched) VALUES ('delete', old.id, old.searched);
END;

CREATE VIRTUAL TABLE tokens_texts USING fts5 (
    tenant UNINDEXED, searched, content = 'tokens', content_rowid = 'id', tokenize = 'trigram', detail = 'none', columnsize = 0
);
INSERT INTO tokens_texts (tokens_texts) VALUES ('rebuild');
CREATE TRIGGER tokens_text_added AFTER INSERT ON tokens BEGIN
    INSERT INTO tokens_texts (rowid, searched) VALUES (new.id, new.searched);
END;
CREATE TRIGGER tokens_text_changed AFTER UPDATE OF folded, label ON tokens
WHEN old.searched <> new.searched BEGIN
    INSERT INTO tokens_texts (tokens_texts, rowid, searched) VALUES ('delete', old.id, old.searched);
    INSERT INTO tokens_texts (rowid, searched) VALUES (new.id, new.searched);
END;
CREATE TRIGGER tokens_text_removed AFTER DELETE ON tokens BEGIN
    INSERT INTO tokens_texts (tokens_texts, rowid, searched) VALUES ('delete', old.id, old.searched);
END;
