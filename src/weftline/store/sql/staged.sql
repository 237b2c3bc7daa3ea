-- Small results on their way to the cache of the home, with the columns of its table `results`. Empty when nobody works.
CREATE TABLE IF NOT EXISTS staged (
    number   INTEGER PRIMARY KEY,   -- in the order in which they came: the last of a key counts
    key      BLOB    NOT NULL,
    position INTEGER NOT NULL,
    total    INTEGER NOT NULL,
    digest   BLOB    NOT NULL,
    codec    BLOB    NOT NULL,   -- texts are bytes here: an altered one may be no text any more
    object   BLOB    NOT NULL,
    size     INTEGER NOT NULL,
    content  BLOB,
    recipe   BLOB    NOT NULL,
    made_at  REAL    NOT NULL,
    took_s   REAL    NOT NULL,
    made_by  BLOB    NOT NULL,
    seal     BLOB    NOT NULL
);
