-- What became of groups and of their steps: readings of the journal for people. A run says in its first event what its group was.
CREATE VIEW group_openings AS
    SELECT run, status, started_at, ended_at, started, ended, json_extract(opening, '$.group') AS told,
           json_extract(opening, '$.params') AS params
    FROM (SELECT run, status, started_at, ended_at, started, ended,
                 CASE WHEN json_valid(opening) THEN opening
                 ELSE replace(replace(replace(opening, '-Infinity', 'null'), 'Infinity', 'null'), 'NaN', 'null') END AS opening
          FROM runs)
    WHERE json_extract(opening, '$.group') IS NOT NULL;

CREATE VIEW group_run_steps AS
    WITH steps AS (
        SELECT run, ended_at, json_extract(told, '$.name') AS group_name, each.key + 1 AS sequence_order,
               json_extract(each.value, '$.step') AS step, json_extract(each.value, '$.runs') AS pipeline,
               json_extract(each.value, '$.left_out') AS left_out,
               coalesce(json_extract(each.value, '$.nodes'), json_array(json_extract(each.value, '$.step'))) AS nodes
        FROM group_openings, json_each(told, '$.steps') AS each
    ), changes AS (
        SELECT run, seq, node, kind, at, CASE kind WHEN 'NodeFinished' THEN json_extract(body, '$.state') WHEN 'NodeStarted' THEN 'running'
                                         ELSE 'waiting' END AS state
        FROM events
        WHERE kind IN ('NodeStarted', 'NodeFinished', 'OutputLost') AND run IN (SELECT run FROM steps)
        UNION ALL
        SELECT events.run, seq, again.value, kind, at, 'waiting'
        FROM events, json_each(events.body, '$.again') AS again
        WHERE kind = 'RunResumed' AND run IN (SELECT run FROM steps)
    ), states AS (
        SELECT run, node, state, at
        FROM (SELECT *, row_number() OVER (PARTITION BY run, node ORDER BY seq DESC) AS newest FROM changes)
        WHERE newest = 1
    ), begun AS (
        SELECT run, node, max(at) AS at FROM changes WHERE kind = 'NodeStarted' GROUP BY run, node
    ), failed AS (
        SELECT run, node, max(json_extract(body, '$.message')) AS message
        FROM events
        WHERE kind = 'CallFailed' AND run IN (SELECT run FROM steps)
        GROUP BY run, node
    ), counted AS (
        SELECT steps.run, sequence_order,
               count(own.value) AS all_nodes,
               sum(coalesce(states.state, 'waiting') = 'waiting') AS waiting,
               sum(states.state = 'running') AS running,
               sum(states.state = 'failed') AS failed,
               sum(states.state = 'cancelled') AS cancelled,
               sum(states.state = 'blocked') AS blocked,
               sum(states.state = 'skipped') AS skipped,
               min(begun.at) AS started_at,
               max(states.at) AS changed_at,
               min(CASE states.state WHEN 'failed' THEN failed.message END) AS error
        FROM steps, json_each(steps.nodes) AS own
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
           strftime('%Y-%m-%d %H:%M:%f', started_at, 'unixepoch') AS started,
           CASE WHEN status NOT IN ('pending', 'running') THEN strftime('%Y-%m-%d %H:%M:%f', changed_at, 'unixepoch') END AS ended,
           coalesce(left_out, error) AS error
    FROM judged;

-- Steps of steps, which are called OUTER/INNER, are not counted.
CREATE VIEW group_runs AS
    SELECT own.run,
           json_extract(told, '$.name')     AS group_name,
           json_extract(told, '$.of')       AS steps_are,
           json_extract(told, '$.domain')   AS domain,
           json_extract(told, '$.version')  AS version,
           json_extract(told, '$.batch_id') AS batch_id,
           json_extract(told, '$.trigger')  AS trigger_source,
           params,
           own.status,
           count(steps.step)                             AS total_steps,
           coalesce(sum(steps.status = 'completed'), 0) AS completed_steps,
           coalesce(sum(steps.status = 'failed'), 0)    AS failed_steps,
           coalesce(sum(steps.status = 'skipped'), 0)   AS skipped_steps,
           own.started, own.ended,
           min(CASE steps.status WHEN 'failed' THEN steps.step || ': ' || steps.error END) AS error
    FROM group_openings AS own
    LEFT JOIN group_run_steps AS steps ON steps.run = own.run AND instr(steps.step, '/') = 0
    GROUP BY own.run;

CREATE VIEW latest_group_runs AS
    SELECT run, group_name, steps_are, domain, version, batch_id, trigger_source, params, status, total_steps, completed_steps,
           failed_steps, skipped_steps, started, ended, error
    FROM (SELECT *, row_number() OVER (PARTITION BY group_name ORDER BY started DESC, run DESC) AS newest FROM group_runs)
    WHERE newest = 1;
