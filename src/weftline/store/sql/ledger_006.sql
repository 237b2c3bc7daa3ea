-- What the fields of runs hold: small values that others may set while a run works or waits. Each change is kept.
CREATE TABLE field_changes (
    number INTEGER PRIMARY KEY AUTOINCREMENT,  -- counted over all runs
    run    TEXT NOT NULL,
    field  TEXT NOT NULL,
    value  TEXT NOT NULL,                      -- JSON
    was    TEXT NOT NULL,                      -- JSON: before that
    at     REAL NOT NULL,
    by     TEXT NOT NULL,
    why    TEXT NOT NULL
);
CREATE INDEX changes_of_field ON field_changes (run, field, number);

-- Runs that came to a gate, and have not ended since, unless because they wait: a reading of the journal.
CREATE TABLE waits (
    run  TEXT NOT NULL,
    gate TEXT NOT NULL,
    at   REAL NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (run, gate)
) WITHOUT ROWID;

-- For people.
CREATE VIEW fields AS
    SELECT run, field, value, by, why, strftime('%Y-%m-%d %H:%M:%f', at, 'unixepoch') AS changed
    FROM field_changes AS newest
    WHERE number = (SELECT max(number) FROM field_changes AS later WHERE later.run = newest.run AND later.field = newest.field);
