-- The version of a group is text: its author may date it.
DROP VIEW latest_group_runs;
DROP VIEW group_runs;

-- Steps of steps, which are called OUTER/INNER, are not counted.
CREATE VIEW group_runs AS
    SELECT own.run,
           told::json ->> 'name'             AS group_name,
           told::json ->> 'of'               AS steps_are,
           told::json ->> 'domain'           AS domain,
           told::json ->> 'version'          AS version,
           told::json ->> 'batch_id'         AS batch_id,
           told::json ->> 'trigger'          AS trigger_source,
           params,
           own.status,
           steps.total_steps, steps.completed_steps, steps.failed_steps, steps.skipped_steps,
           own.started, own.ended,
           steps.error
    FROM group_openings AS own
    LEFT JOIN LATERAL (
        SELECT count(*) AS total_steps,
               count(*) FILTER (WHERE status = 'completed') AS completed_steps,
               count(*) FILTER (WHERE status = 'failed')    AS failed_steps,
               count(*) FILTER (WHERE status = 'skipped')   AS skipped_steps,
               min(step || ': ' || error) FILTER (WHERE status = 'failed') AS error
        FROM group_run_steps
        WHERE run = own.run AND position('/' IN step) = 0
    ) AS steps ON true;

CREATE VIEW latest_group_runs AS
    SELECT DISTINCT ON (group_name) * FROM group_runs ORDER BY group_name, started DESC, run DESC;
