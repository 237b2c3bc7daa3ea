-- The text of functions, classes and long constants as people wrote it, each kept once, for showing which lines changed.
CREATE TABLE sources (
    digest TEXT NOT NULL,       -- of the symbol, which several of other names may share
    name   TEXT NOT NULL,
    text   TEXT NOT NULL,
    PRIMARY KEY (digest, name)
) WITHOUT ROWID;
