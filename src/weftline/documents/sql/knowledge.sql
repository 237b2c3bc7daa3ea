-- The knowledge graph: what each document says, kept per document so that one can be replaced without the others.
-- SQLite does not enforce types; the checks let a damaged page be told from a fault of the program.
-- application_id is 'wftk' in ASCII; user_version is the version of this schema.
PRAGMA application_id = 2003203179;
PRAGMA user_version = 1;

CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE documents (
    id     TEXT PRIMARY KEY,
    title  TEXT NOT NULL CHECK (typeof(title) = 'text'),
    digest TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE entities (
    document TEXT NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    id       TEXT NOT NULL,
    kind     TEXT NOT NULL,
    name     TEXT NOT NULL CHECK (typeof(name) = 'text'),
    PRIMARY KEY (document, id)
) WITHOUT ROWID;

-- every normal form of every name; an alias is a name that the document only gives in addition
CREATE TABLE names (
    document TEXT NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    entity   TEXT NOT NULL,
    kind     TEXT NOT NULL,
    form     TEXT NOT NULL CHECK (typeof(form) = 'text'),
    is_alias INTEGER NOT NULL,
    PRIMARY KEY (document, entity, form)
) WITHOUT ROWID;

CREATE INDEX names_of_kind ON names (kind, form);

CREATE TABLE mentions (
    document       TEXT NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    entity         TEXT NOT NULL,
    text           TEXT NOT NULL CHECK (typeof(text) = 'text'),
    section_number INTEGER NOT NULL CHECK (typeof(section_number) = 'integer'),
    path           TEXT NOT NULL CHECK (typeof(path) = 'text'),
    start          INTEGER NOT NULL CHECK (typeof(start) = 'integer'),
    "end"          INTEGER NOT NULL CHECK (typeof("end") = 'integer')
);

CREATE INDEX mentions_of_document ON mentions (document, entity);

CREATE TABLE claims (
    document       TEXT NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    subject        TEXT NOT NULL CHECK (typeof(subject) = 'text'),
    predicate      TEXT NOT NULL,
    object         TEXT NOT NULL CHECK (typeof(object) = 'text'),
    text           TEXT NOT NULL CHECK (typeof(text) = 'text'),
    section_number INTEGER NOT NULL CHECK (typeof(section_number) = 'integer'),
    path           TEXT NOT NULL CHECK (typeof(path) = 'text'),
    start          INTEGER NOT NULL CHECK (typeof(start) = 'integer'),
    "end"          INTEGER NOT NULL CHECK (typeof("end") = 'integer')
);

CREATE INDEX claims_of_document ON claims (document, predicate);
CREATE INDEX claims_on_object ON claims (object, predicate);
