-- The journal. Everything else in this file is a reading of it, kept up in the same transaction.
CREATE TABLE events (
    run     TEXT    NOT NULL,
    seq     INTEGER NOT NULL,
    kind    TEXT    NOT NULL,
    at      REAL    NOT NULL,
    node    TEXT    NOT NULL,
    item    INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    epoch   INTEGER NOT NULL,   -- how often the run had been resumed
    body    TEXT,
    PRIMARY KEY (run, seq)
) WITHOUT ROWID;

-- What ended an attempt is recorded once, whoever writes it; a resumed run may restore another result.
CREATE UNIQUE INDEX one_outcome ON events (run, node, item, attempt, epoch)
    WHERE kind IN ('CallSucceeded', 'CallFailed', 'CallRestored');

CREATE INDEX bounds ON events (kind, run)
    WHERE kind IN ('RunStarted', 'RunResumed', 'RunFinished');

CREATE VIEW runs AS
    SELECT started.run,
           started.body       AS opening,
           started.at         AS started_at,
           finished.at        AS ended_at,
           finished.body      AS ending
    FROM events AS started
    LEFT JOIN events AS finished
        ON finished.run = started.run AND finished.kind = 'RunFinished'
           AND finished.seq = (SELECT max(seq) FROM events AS bound WHERE bound.run = started.run
                               AND bound.kind IN ('RunStarted', 'RunResumed', 'RunFinished'))
    WHERE started.kind = 'RunStarted';

-- What decided a node's result besides its inputs, each kept once.
CREATE TABLE recipes (
    recipe TEXT PRIMARY KEY,
    body   TEXT NOT NULL
) WITHOUT ROWID;

-- The last time that a node was started or taken from the cache, for saying what is different now.
CREATE TABLE last_times (
    pipeline TEXT NOT NULL,
    node     TEXT NOT NULL,
    recipe   TEXT NOT NULL,
    inputs   TEXT NOT NULL,
    took_s   REAL,               -- for each call that ran, the last time that any did
    finished INTEGER NOT NULL,   -- whether it had a result that time
    PRIMARY KEY (pipeline, node)
) WITHOUT ROWID;

-- Which process works on a run.
CREATE TABLE claims (
    run    TEXT PRIMARY KEY,
    holder TEXT NOT NULL
) WITHOUT ROWID;
