-- Large contents, where a cache is a single file: in pieces, since a value has a limit of its own.
CREATE TABLE objects (
    object     BLOB    PRIMARY KEY,   -- sha256 of the content
    size       INTEGER NOT NULL,
    written_at REAL    NOT NULL
) WITHOUT ROWID;

CREATE TABLE pieces (
    object   BLOB    NOT NULL,
    position INTEGER NOT NULL,
    content  BLOB    NOT NULL,
    PRIMARY KEY (object, position)
);
