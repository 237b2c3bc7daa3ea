-- The knowledge graph: what each document says, kept per document so that one can be replaced without the others.
-- application_id is 'wftk' in ASCII; user_version is the version of this schema.
PRAGMA application_id = 2003203179;
PRAGMA user_version = 1;

CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE documents (
    id     TEXT PRIMARY KEY,
    title  TEXT NOT NULL,
    digest TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE entities (
    document TEXT NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    id       TEXT NOT NULL,
    kind     TEXT NOT NULL,
    name     TEXT NOT NULL,
    PRIMARY KEY (document, id)
) WITHOUT ROWID;

-- every normal form of every name; an alias is a name that the document only gives in addition
CREATE TABLE names (
    document TEXT NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    entity   TEXT NOT NULL,
    kind     TEXT NOT NULL,
    form     TEXT NOT NULL,
    is_alias INTEGER NOT NULL,
    PRIMARY KEY (document, entity, form)
) WITHOUT ROWID;

CREATE INDEX names_of_kind ON names (kind, form);

CREATE TABLE mentions (
    document       TEXT NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    entity         TEXT NOT NULL,
    text           TEXT NOT NULL,
    section_number INTEGER NOT NULL,
    path           TEXT NOT NULL,
    start          INTEGER NOT NULL,
    "end"          INTEGER NOT NULL
);

CREATE INDEX mentions_of_document ON mentions (document, entity);

CREATE TABLE claims (
    document       TEXT NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    subject        TEXT NOT NULL,
    predicate      TEXT NOT NULL,
    object         TEXT NOT NULL,
    text           TEXT NOT NULL,
    section_number INTEGER NOT NULL,
    path           TEXT NOT NULL,
    start          INTEGER NOT NULL,
    "end"          INTEGER NOT NULL
);

CREATE INDEX claims_of_document ON claims (document, predicate);
CREATE INDEX claims_on_object ON claims (object, predicate);
