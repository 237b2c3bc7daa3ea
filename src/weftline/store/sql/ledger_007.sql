-- Events that happen often lie together: a row of kind 'Several' has in its body those of one transaction, [[kind, at, node,
-- item, attempt, body], ...], and is numbered like the first of them, so that two who do not know of each other cannot both write.
-- `events` is a view with a row for each.
DROP VIEW uses;
DROP VIEW attempts;
DROP VIEW calls;
DROP VIEW dead_letters;
DROP VIEW runs;
DROP INDEX one_outcome;   -- it cannot look into a row
ALTER TABLE events RENAME TO journal;

CREATE VIEW events AS
    SELECT run, seq, kind, at, node, item, attempt, epoch, body
    FROM journal
    WHERE kind <> 'Several'
    UNION ALL
    SELECT run, seq + each.key,
           json_extract(each.value, '$[0]'),
           json_extract(each.value, '$[1]'),
           json_extract(each.value, '$[2]'),
           json_extract(each.value, '$[3]'),
           json_extract(each.value, '$[4]'),
           epoch,
           json_extract(each.value, '$[5]')
    FROM journal, json_each(journal.body) AS each
    WHERE journal.kind = 'Several';

-- An older program that is running while this is made goes on.
CREATE TRIGGER add_event INSTEAD OF INSERT ON events BEGIN
    INSERT INTO journal (run, seq, kind, at, node, item, attempt, epoch, body)
    VALUES (new.run, new.seq, new.kind, new.at, new.node, new.item, new.attempt, new.epoch, new.body);
END;
CREATE TRIGGER remove_event INSTEAD OF DELETE ON events BEGIN
    DELETE FROM journal WHERE run = old.run AND seq = old.seq;
END;

CREATE VIEW uses AS
    SELECT json_extract(body, '$.key') AS key, run, max(at) AS at
    FROM events
    WHERE kind IN ('CallSucceeded', 'CallRestored') AND json_extract(body, '$.key') IS NOT NULL
    GROUP BY key, run;

-- What follows is for people. Times are in UTC.
-- The first columns of `runs` are those that programs read; JSON that SQLite cannot read is mended for the others, since Python
-- writes NaN and Infinity.
CREATE VIEW runs AS
    SELECT started.run,
           started.body       AS opening,
           started.at         AS started_at,
           finished.at        AS ended_at,
           finished.body      AS ending,
           json_extract(CASE WHEN json_valid(started.body) THEN started.body
                        ELSE replace(replace(replace(started.body, '-Infinity', 'null'), 'Infinity', 'null'), 'NaN', 'null') END,
                        '$.pipeline') AS pipeline,
           coalesce(json_extract(finished.body, '$.status'), 'running') AS status,
           strftime('%Y-%m-%d %H:%M:%f', started.at, 'unixepoch') AS started,
           strftime('%Y-%m-%d %H:%M:%f', finished.at, 'unixepoch') AS ended
    FROM journal AS started
    LEFT JOIN journal AS finished
        ON finished.run = started.run AND finished.kind = 'RunFinished'
           AND finished.seq = (SELECT max(seq) FROM journal AS bound WHERE bound.run = started.run
                               AND bound.kind IN ('RunStarted', 'RunResumed', 'RunFinished'))
    WHERE started.kind = 'RunStarted';

-- Every try at a call; item is -1 for a node without items.
CREATE VIEW attempts AS
    SELECT run, node, item, attempt,
           coalesce(max(CASE kind WHEN 'CallSucceeded' THEN 'succeeded' WHEN 'AttemptFailed' THEN 'failed'
                                  WHEN 'CallFailed' THEN 'failed' WHEN 'AttemptStopped' THEN 'stopped'
                                  WHEN 'AttemptDeferred' THEN 'elsewhere' END), 'started') AS outcome,
           max(json_extract(body, '$.took_s'))  AS took_s,
           max(json_extract(body, '$.error'))   AS error,
           max(json_extract(body, '$.message')) AS message,
           strftime('%Y-%m-%d %H:%M:%f', min(CASE kind WHEN 'AttemptStarted' THEN at END), 'unixepoch') AS started,
           strftime('%Y-%m-%d %H:%M:%f', max(CASE kind WHEN 'AttemptStarted' THEN NULL ELSE at END), 'unixepoch') AS ended
    FROM events
    WHERE attempt > 0 AND kind IN ('AttemptStarted', 'AttemptFailed', 'AttemptStopped', 'AttemptDeferred', 'CallSucceeded',
                                   'CallFailed')
    GROUP BY run, node, item, attempt;

-- What became of each call; those that were restored many at once are one event, `CallsRestored`, and are not in it.
CREATE VIEW calls AS
    SELECT run, node, item, attempt,
           CASE kind WHEN 'CallSucceeded' THEN 'succeeded' WHEN 'CallRestored' THEN 'restored' WHEN 'CallFailed' THEN 'failed'
                     WHEN 'AttemptFailed' THEN 'tried again' WHEN 'AttemptStopped' THEN 'stopped'
                     WHEN 'AttemptDeferred' THEN 'elsewhere' ELSE 'started' END AS outcome,
           json_extract(body, '$.key')     AS key,
           json_extract(body, '$.took_s')  AS took_s,
           json_extract(body, '$.error')   AS error,
           json_extract(body, '$.message') AS message,
           strftime('%Y-%m-%d %H:%M:%f', at, 'unixepoch') AS told
    FROM (SELECT *, row_number() OVER (PARTITION BY run, node, item ORDER BY seq DESC) AS newest
          FROM events
          WHERE kind IN ('AttemptStarted', 'AttemptFailed', 'AttemptStopped', 'AttemptDeferred', 'CallSucceeded', 'CallFailed',
                         'CallRestored'))
    WHERE newest = 1;

-- Calls that failed for good, and which run did them since: the same one when it was resumed, or a later one of that pipeline.
-- A node that ended with a result did all its calls but those that failed in that run.
CREATE VIEW dead_letters AS
    WITH failed AS (
        SELECT events.*, runs.pipeline,
               row_number() OVER (PARTITION BY events.run, node, item ORDER BY seq DESC) AS newest
        FROM journal AS events JOIN runs USING (run)
        WHERE kind = 'CallFailed'
    ), begun AS (
        SELECT run, seq, node, json_extract(body, '$.inputs') AS inputs
        FROM events
        WHERE kind = 'NodeStarted' AND run IN (SELECT run FROM failed) AND node IN (SELECT node FROM failed)
    ), done AS (
        SELECT run, epoch, node, CASE kind WHEN 'NodeFinished' THEN NULL ELSE item END AS item, at, pipeline,
               json_extract(body, '$.total') AS total
        FROM events JOIN runs USING (run)
        WHERE node IN (SELECT node FROM failed)
              AND (kind IN ('CallSucceeded', 'CallRestored')
                   OR (kind = 'NodeFinished' AND json_extract(body, '$.state') IN ('succeeded', 'cached')))
    )
    SELECT pipeline, run, node, item, attempt,
           json_extract(body, '$.error')   AS error,
           json_extract(body, '$.message') AS message,
           json_extract(body, '$.key')     AS key,
           (SELECT begun.inputs FROM begun
            WHERE begun.run = failed.run AND begun.node = failed.node AND begun.seq < failed.seq
            ORDER BY begun.seq DESC LIMIT 1) AS inputs,
           strftime('%Y-%m-%d %H:%M:%f', at, 'unixepoch') AS failed,
           (SELECT done.run FROM done
            WHERE done.pipeline = failed.pipeline AND done.node = failed.node AND done.at > failed.at
                  AND (done.item = failed.item
                       OR (done.item IS NULL AND coalesce(done.total, 1) > failed.item
                           AND NOT EXISTS (SELECT 1 FROM journal AS again
                                           WHERE again.run = done.run AND again.epoch = done.epoch AND again.node = failed.node
                                                 AND again.item = failed.item AND again.kind = 'CallFailed')))
            ORDER BY done.at LIMIT 1) AS resolved_by
    FROM failed
    WHERE newest = 1;
