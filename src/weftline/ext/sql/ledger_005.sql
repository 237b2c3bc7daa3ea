-- Where each schedule stands: moments up to `since` are decided.
CREATE TABLE schedules (
    name    TEXT COLLATE "C" PRIMARY KEY,
    timing  TEXT             NOT NULL,
    since   BIGINT           NOT NULL,
    version TEXT             NOT NULL,
    paused  INTEGER          NOT NULL,
    by      TEXT             NOT NULL,
    at      DOUBLE PRECISION NOT NULL
);

-- What became of each moment: the key is what keeps two from firing.
CREATE TABLE fires (
    schedule   TEXT COLLATE "C" NOT NULL,
    due_at     DOUBLE PRECISION NOT NULL,
    state      TEXT COLLATE "C" NOT NULL,
    why        TEXT             NOT NULL,
    run        TEXT COLLATE "C" NOT NULL,
    since      BIGINT,
    tries      INTEGER          NOT NULL,
    decided_at DOUBLE PRECISION NOT NULL,
    ended_at   DOUBLE PRECISION,
    PRIMARY KEY (schedule, due_at)
);
CREATE INDEX live_fires ON fires (schedule, due_at) WHERE state IN ('PENDING', 'RUNNING');

-- Who does what among programs that wait for something to happen; the number keeps out who did it before.
CREATE TABLE leases (
    duty   TEXT COLLATE "C" PRIMARY KEY,
    holder TEXT    NOT NULL,
    epoch  INTEGER NOT NULL,
    beats  INTEGER NOT NULL
);

-- Runs that go on at the same time, by what they have in common.
CREATE TABLE guards (
    key      TEXT COLLATE "C" NOT NULL,
    run      TEXT COLLATE "C" NOT NULL,
    taken_at DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (key, run)
);
CREATE INDEX guarded_runs ON guards (run);
