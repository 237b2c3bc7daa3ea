-- What the fields of runs hold: small values that others may set while a run works or waits. Each change is kept.
CREATE TABLE field_changes (
    number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,  -- counted over all runs; writers exclude each other
    run    TEXT COLLATE "C" NOT NULL,
    field  TEXT COLLATE "C" NOT NULL,
    value  TEXT             NOT NULL,                      -- JSON
    was    TEXT             NOT NULL,                      -- JSON: before that
    at     DOUBLE PRECISION NOT NULL,
    by     TEXT             NOT NULL,
    why    TEXT             NOT NULL
);
CREATE INDEX changes_of_field ON field_changes (run, field, number);

-- Runs that came to a gate, and have not ended since, unless because they wait: a reading of the journal.
CREATE TABLE waits (
    run  TEXT COLLATE "C" NOT NULL,
    gate TEXT COLLATE "C" NOT NULL,
    at   DOUBLE PRECISION NOT NULL,
    body TEXT             NOT NULL,
    PRIMARY KEY (run, gate)
);

-- For people.
CREATE VIEW fields AS
    SELECT DISTINCT ON (run, field) run, field, value, by, why, to_timestamp(at) AS changed
    FROM field_changes
    ORDER BY run, field, number DESC;
