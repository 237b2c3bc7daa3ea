-- Files of large contents as they were when they were last compared with their digests: size, times and number.
CREATE TABLE compared (
    object    BLOB PRIMARY KEY,
    signature BLOB NOT NULL
) WITHOUT ROWID;
