-- Entries that are not removed to make room.
CREATE TABLE pins (
    key BLOB PRIMARY KEY
) WITHOUT ROWID;
