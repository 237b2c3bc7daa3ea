-- One row for each output of each entry; an entry without outputs has one row without a codec.
CREATE TABLE results (
    key      BLOB    NOT NULL,
    position INTEGER NOT NULL,
    total    INTEGER NOT NULL,   -- outputs of this entry
    digest   BLOB    NOT NULL,   -- of the value
    codec    TEXT    NOT NULL,
    object   BLOB    NOT NULL,   -- sha256 of the bytes; names the file of a large one
    size     INTEGER NOT NULL,
    content  BLOB,               -- the bytes of a small one
    recipe   BLOB    NOT NULL,
    made_at  REAL    NOT NULL,
    took_s   REAL    NOT NULL,
    made_by  TEXT    NOT NULL,
    seal     BLOB    NOT NULL,   -- over all the other columns
    PRIMARY KEY (key, position)
) WITHOUT ROWID;

CREATE TABLE recipes (
    recipe BLOB PRIMARY KEY
) WITHOUT ROWID;
