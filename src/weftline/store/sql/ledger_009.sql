-- Where each schedule stands: moments up to `since` are decided.
CREATE TABLE schedules (
    name    TEXT PRIMARY KEY,
    timing  TEXT    NOT NULL,
    since   INTEGER NOT NULL,
    version TEXT    NOT NULL,
    paused  INTEGER NOT NULL,
    by      TEXT    NOT NULL,
    at      REAL    NOT NULL
) WITHOUT ROWID;

-- What became of each moment: the key is what keeps two from firing.
CREATE TABLE fires (
    schedule   TEXT    NOT NULL,
    due_at     REAL    NOT NULL,
    state      TEXT    NOT NULL,
    why        TEXT    NOT NULL,
    run        TEXT    NOT NULL,
    since      INTEGER,
    tries      INTEGER NOT NULL,
    decided_at REAL    NOT NULL,
    ended_at   REAL,
    PRIMARY KEY (schedule, due_at)
) WITHOUT ROWID;
CREATE INDEX live_fires ON fires (schedule, due_at) WHERE state IN ('PENDING', 'RUNNING');

-- Who does what among programs that wait for something to happen; the number keeps out who did it before.
CREATE TABLE leases (
    duty   TEXT PRIMARY KEY,
    holder TEXT    NOT NULL,
    epoch  INTEGER NOT NULL,
    beats  INTEGER NOT NULL
) WITHOUT ROWID;

-- Runs that go on at the same time, by what they have in common.
CREATE TABLE guards (
    key      TEXT NOT NULL,
    run      TEXT NOT NULL,
    taken_at REAL NOT NULL,
    PRIMARY KEY (key, run)
) WITHOUT ROWID;
CREATE INDEX guarded_runs ON guards (run);
