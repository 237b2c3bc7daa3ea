-- What became of groups and of their steps: readings of the journal for people. A run says in its first event what its group was.
CREATE VIEW group_openings AS
    SELECT run, status, started_at, ended_at, started, ended, field(opening, 'group') AS told, field(opening, 'params') AS params
    FROM runs
    WHERE field(opening, 'group') IS NOT NULL;

CREATE VIEW group_run_steps AS
    WITH steps AS (
        SELECT run, ended_at, told::json ->> 'name' AS group_name, each.number AS sequence_order,
               each.value ->> 'step' AS step, each.value ->> 'runs' AS pipeline, each.value ->> 'left_out' AS left_out,
               coalesce(each.value -> 'nodes', json_build_array(each.value ->> 'step')) AS nodes
        FROM group_openings, json_array_elements(told::json -> 'steps') WITH ORDINALITY AS each (value, number)
    ), changes AS (
        SELECT run, seq, node, kind, at,
               CASE kind WHEN 'NodeFinished' THEN field(body, 'state') WHEN 'NodeStarted' THEN 'running' ELSE 'waiting' END AS state
        FROM events
        WHERE kind IN ('NodeStarted', 'NodeFinished', 'OutputLost') AND run IN (SELECT run FROM steps)
        UNION ALL
        SELECT events.run, seq, again.value COLLATE "C", kind, at, 'waiting'
        FROM events, json_array_elements_text(coalesce(field(events.body, 'again'), '[]')::json) AS again (value)
        WHERE kind = 'RunResumed' AND run IN (SELECT run FROM steps)
    ), states AS (
        SELECT DISTINCT ON (run, node) run, node, state, at FROM changes ORDER BY run, node, seq DESC
    ), begun AS (
        SELECT run, node, max(at) AS at FROM changes WHERE kind = 'NodeStarted' GROUP BY run, node
    ), failed AS (
        SELECT run, node, max(field(body, 'message')) AS message
        FROM events
        WHERE kind = 'CallFailed' AND run IN (SELECT run FROM steps)
        GROUP BY run, node
    ), counted AS (
        SELECT steps.run, sequence_order,
               count(*) AS all_nodes,
               count(*) FILTER (WHERE coalesce(states.state, 'waiting') = 'waiting') AS waiting,
               count(*) FILTER (WHERE states.state = 'running') AS running,
               count(*) FILTER (WHERE states.state = 'failed') AS failed,
               count(*) FILTER (WHERE states.state = 'cancelled') AS cancelled,
               count(*) FILTER (WHERE states.state = 'blocked') AS blocked,
               count(*) FILTER (WHERE states.state = 'skipped') AS skipped,
               min(begun.at) AS started_at,
               max(states.at) AS changed_at,
               min(failed.message) FILTER (WHERE states.state = 'failed') AS error
        FROM steps CROSS JOIN LATERAL json_array_elements_text(steps.nodes) AS own (value)
        LEFT JOIN states ON states.run = steps.run AND states.node = own.value
        LEFT JOIN begun ON begun.run = steps.run AND begun.node = own.value
        LEFT JOIN failed ON failed.run = steps.run AND failed.node = own.value
        GROUP BY steps.run, sequence_order
    ), judged AS (
        SELECT steps.*, counted.started_at, counted.changed_at, counted.error,
               CASE WHEN left_out IS NOT NULL THEN 'skipped'
                    WHEN coalesce(all_nodes, 0) = 0 THEN 'completed'
                    WHEN running > 0 THEN 'running'
                    WHEN failed > 0 THEN 'failed'
                    WHEN cancelled > 0 THEN 'cancelled'
                    WHEN waiting = all_nodes THEN 'pending'
                    WHEN waiting > 0 THEN 'running'
                    WHEN blocked > 0 THEN 'blocked'
                    WHEN skipped = all_nodes THEN 'skipped'
                    WHEN skipped > 0 THEN 'partial'
                    ELSE 'completed' END AS status
        FROM steps LEFT JOIN counted USING (run, sequence_order)
    )
    SELECT run, group_name, sequence_order, step, pipeline,
           CASE WHEN status = 'running' AND ended_at IS NOT NULL THEN 'partial' ELSE status END AS status,
           to_timestamp(started_at) AS started,
           CASE WHEN status NOT IN ('pending', 'running') THEN to_timestamp(changed_at) END AS ended,
           coalesce(left_out, error) AS error
    FROM judged;

-- Steps of steps, which are called OUTER/INNER, are not counted.
CREATE VIEW group_runs AS
    SELECT own.run,
           told::json ->> 'name'             AS group_name,
           told::json ->> 'of'               AS steps_are,
           told::json ->> 'domain'           AS domain,
           (told::json ->> 'version')::integer AS version,
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
