-- The search index: one row per document and per passage, the passages again as a full-text index.
-- SQLite does not enforce types; the checks let a damaged page be told from a fault of the program.
-- application_id is 'wfti' in ASCII; user_version is the version of this schema.
PRAGMA application_id = 2003203177;
PRAGMA user_version = 1;

CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE documents (
    id     TEXT PRIMARY KEY,
    digest TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE passages (
    number         INTEGER PRIMARY KEY,
    id             TEXT NOT NULL UNIQUE,
    document       TEXT NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    title          TEXT NOT NULL CHECK (typeof(title) = 'text'),
    section        TEXT NOT NULL CHECK (typeof(section) = 'text'),
    text           TEXT NOT NULL CHECK (typeof(text) = 'text'),
    section_number INTEGER NOT NULL CHECK (typeof(section_number) = 'integer'),
    path           TEXT NOT NULL CHECK (typeof(path) = 'text'),
    start          INTEGER NOT NULL CHECK (typeof(start) = 'integer'),
    "end"          INTEGER NOT NULL CHECK (typeof("end") = 'integer'),
    vector         BLOB NOT NULL CHECK (typeof(vector) = 'blob')
);

CREATE INDEX passages_of_document ON passages (document);

CREATE VIRTUAL TABLE words USING fts5 (
    title, section, text,
    content = 'passages',
    content_rowid = 'number',
    tokenize = 'porter unicode61'
);

-- the full-text index keeps no copy of the text, so it must be told what it forgets
CREATE TRIGGER passage_added AFTER INSERT ON passages BEGIN
    INSERT INTO words (rowid, title, section, text) VALUES (new.number, new.title, new.section, new.text);
END;

CREATE TRIGGER passage_removed AFTER DELETE ON passages BEGIN
    INSERT INTO words (words, rowid, title, section, text)
    VALUES ('delete', old.number, old.title, old.section, old.text);
END;
