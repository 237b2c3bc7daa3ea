-- The journal. Everything else in this file is a reading of it, kept up in the same transaction.
CREATE TABLE events (
    run     TEXT COLLATE "C" NOT NULL,
    seq     BIGINT           NOT NULL,
    kind    TEXT COLLATE "C" NOT NULL,
    at      DOUBLE PRECISION NOT NULL,
    node    TEXT COLLATE "C" NOT NULL,
    item    BIGINT           NOT NULL,
    attempt INTEGER          NOT NULL,
    epoch   INTEGER          NOT NULL,   -- how often the run had been resumed
    body    TEXT,                        -- JSON as Python writes it: NaN and lone surrogates are in it, which `jsonb` refuses
    PRIMARY KEY (run, seq)
);

-- What ended an attempt is recorded once, whoever writes it; a resumed run may restore another result.
CREATE UNIQUE INDEX one_outcome ON events (run, node, item, attempt, epoch)
    WHERE kind IN ('CallSucceeded', 'CallFailed', 'CallRestored');

CREATE INDEX bounds ON events (kind, run)
    WHERE kind IN ('RunStarted', 'RunResumed', 'RunFinished');

-- What decided a node's result besides its inputs, each kept once.
CREATE TABLE recipes (
    recipe TEXT COLLATE "C" PRIMARY KEY,
    body   TEXT NOT NULL
);

-- The text of functions, classes and long constants as people wrote it, each kept once, for showing which lines changed.
CREATE TABLE sources (
    digest TEXT COLLATE "C" NOT NULL,       -- of the symbol, which several of other names may share
    name   TEXT COLLATE "C" NOT NULL,
    text   TEXT NOT NULL,
    PRIMARY KEY (digest, name)
);

-- The last time that a node was started or taken from the cache, for saying what is different now.
CREATE TABLE last_times (
    pipeline TEXT COLLATE "C" NOT NULL,
    node     TEXT COLLATE "C" NOT NULL,
    recipe   TEXT COLLATE "C" NOT NULL,
    inputs   TEXT             NOT NULL,
    took_s   DOUBLE PRECISION,             -- for each call that ran, the last time that any did
    finished INTEGER          NOT NULL,    -- whether it had a result that time
    PRIMARY KEY (pipeline, node)
);

-- How long the newest calls of each node took: numbers of 12 characters, the newest last.
CREATE TABLE durations (
    pipeline TEXT COLLATE "C" NOT NULL,
    node     TEXT COLLATE "C" NOT NULL,
    newest   TEXT             NOT NULL,
    PRIMARY KEY (pipeline, node)
);

-- Keys of the results of the newest run that has ended, one after the other, 32 bytes each: what the next plan may well look up.
CREATE TABLE last_keys (
    pipeline TEXT COLLATE "C" PRIMARY KEY,
    keys     BYTEA NOT NULL
);

-- Which process works on a run, and how often it has changed hands: who took it when this number was lower writes nothing more.
CREATE TABLE claims (
    run    TEXT COLLATE "C" PRIMARY KEY,
    holder TEXT NOT NULL
);
CREATE TABLE fences (
    run   TEXT COLLATE "C" PRIMARY KEY,
    epoch INTEGER NOT NULL
);

-- Runs whose journals are being removed.
CREATE TABLE removals (
    run TEXT COLLATE "C" PRIMARY KEY
);
