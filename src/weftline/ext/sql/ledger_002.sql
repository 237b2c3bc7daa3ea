-- A field of an event as text. What Python writes as JSON and PostgreSQL cannot read is mended: NaN, Infinity, and characters
-- that no text here may have. It is looked for first, since a block that catches exceptions costs far more.
CREATE FUNCTION field(body TEXT, name TEXT) RETURNS TEXT LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    IF body !~ '\\u(0000|d[89a-f])|NaN|Infinity' THEN
        RETURN body::json ->> name;
    END IF;
    BEGIN
        RETURN body::json ->> name;
    EXCEPTION WHEN data_exception THEN
        RETURN regexp_replace(regexp_replace(body, '\\u(0000|d[89a-f][0-9a-f]{2})', '?', 'g'), '-?(NaN|Infinity)', 'null', 'g')::json
            ->> name;
    END;
END
$$;

CREATE VIEW runs AS
    SELECT started.run,
           started.body             AS opening,
           started.at               AS started_at,
           finished.at              AS ended_at,
           finished.body            AS ending,
           field(started.body, 'pipeline') AS pipeline,
           coalesce(field(finished.body, 'status'), 'running') AS status,
           to_timestamp(started.at)  AS started,
           to_timestamp(finished.at) AS ended
    FROM events AS started
    LEFT JOIN events AS finished
        ON finished.run = started.run AND finished.kind = 'RunFinished'
           AND finished.seq = (SELECT max(seq) FROM events AS bound WHERE bound.run = started.run
                               AND bound.kind IN ('RunStarted', 'RunResumed', 'RunFinished'))
    WHERE started.kind = 'RunStarted';

CREATE VIEW uses AS
    SELECT field(body, 'key') AS key, run, max(at) AS at
    FROM events
    WHERE kind IN ('CallSucceeded', 'CallRestored') AND field(body, 'key') IS NOT NULL
    GROUP BY 1, 2;

-- Every try at a call; item is -1 for a node without items.
CREATE VIEW attempts AS
    SELECT run, node, item, attempt,
           coalesce(max(CASE kind WHEN 'CallSucceeded' THEN 'succeeded' WHEN 'AttemptFailed' THEN 'failed'
                                  WHEN 'CallFailed' THEN 'failed' WHEN 'AttemptStopped' THEN 'stopped'
                                  WHEN 'AttemptDeferred' THEN 'elsewhere' END), 'started') AS outcome,
           max(field(body, 'took_s'))::double precision AS took_s,
           max(field(body, 'error'))   AS error,
           max(field(body, 'message')) AS message,
           to_timestamp(min(CASE kind WHEN 'AttemptStarted' THEN at END)) AS started,
           to_timestamp(max(CASE kind WHEN 'AttemptStarted' THEN NULL ELSE at END)) AS ended
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
           field(body, 'key') AS key,
           field(body, 'took_s')::double precision AS took_s,
           field(body, 'error') AS error,
           field(body, 'message') AS message,
           to_timestamp(at) AS told
    FROM (SELECT *, row_number() OVER (PARTITION BY run, node, item ORDER BY seq DESC) AS newest
          FROM events
          WHERE kind IN ('AttemptStarted', 'AttemptFailed', 'AttemptStopped', 'AttemptDeferred', 'CallSucceeded', 'CallFailed',
                         'CallRestored')) AS told
    WHERE newest = 1;

-- Calls that failed for good, and which run did them since: the same one when it was resumed, or a later one of that pipeline.
-- A node that ended with a result did all its calls but those that failed in that run.
CREATE VIEW dead_letters AS
    WITH failed AS (
        SELECT events.*, runs.pipeline,
               row_number() OVER (PARTITION BY events.run, node, item ORDER BY seq DESC) AS newest
        FROM events JOIN runs USING (run)
        WHERE kind = 'CallFailed'
    ), done AS (
        SELECT run, epoch, node, CASE kind WHEN 'NodeFinished' THEN NULL ELSE item END AS item, at, pipeline,
               field(body, 'total')::bigint AS total
        FROM events JOIN runs USING (run)
        WHERE node IN (SELECT node FROM failed)
              AND (kind IN ('CallSucceeded', 'CallRestored')
                   OR (kind = 'NodeFinished' AND field(body, 'state') IN ('succeeded', 'cached')))
    )
    SELECT pipeline, run, node, item, attempt,
           field(body, 'error')   AS error,
           field(body, 'message') AS message,
           field(body, 'key')     AS key,
           (SELECT field(begun.body, 'inputs') FROM events AS begun
            WHERE begun.run = failed.run AND begun.node = failed.node AND begun.seq < failed.seq AND begun.kind = 'NodeStarted'
            ORDER BY begun.seq DESC LIMIT 1) AS inputs,
           to_timestamp(at) AS failed,
           (SELECT done.run FROM done
            WHERE done.pipeline = failed.pipeline AND done.node = failed.node AND done.at > failed.at
                  AND (done.item = failed.item
                       OR (done.item IS NULL AND coalesce(done.total, 1) > failed.item
                           AND NOT EXISTS (SELECT 1 FROM events AS again
                                           WHERE again.run = done.run AND again.epoch = done.epoch AND again.node = failed.node
                                                 AND again.item = failed.item AND again.kind = 'CallFailed')))
            ORDER BY done.at LIMIT 1) AS resolved_by
    FROM failed
    WHERE newest = 1;
