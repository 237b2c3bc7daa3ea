-- Keys of the results of the newest run that has ended, one after the other, 32 bytes each: what the next plan may well look up.
CREATE TABLE last_keys (
    pipeline TEXT PRIMARY KEY,
    keys     BLOB NOT NULL
) WITHOUT ROWID;
