-- How long the newest calls of each node took: numbers of 12 characters, the newest last.
CREATE TABLE durations (
    pipeline TEXT NOT NULL,
    node     TEXT NOT NULL,
    newest   TEXT NOT NULL,
    PRIMARY KEY (pipeline, node)
) WITHOUT ROWID;
