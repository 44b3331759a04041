"""A practice of some years: a database with as many rows as are asked for in every table that grows."""

from collections.abc import Generator
from contextlib import contextmanager

import psycopg

from tests.conftest import new_database

# Rows of every table that grows with the practice's work, each under one of the rows before it. As in a practice of some
# years most of it is over: that is why a list of what is open is read through an index.
FILL = [
    """
    CREATE FUNCTION pg_temp.mostly(word integer, n bigint, words integer) RETURNS integer
    LANGUAGE sql IMMUTABLE RETURN CASE WHEN n %% 100 < 94 THEN word ELSE 1 + n %% words END
    """,
    """
    INSERT INTO clients (name, email, phone, status)
    SELECT 'Client ' || n, 'c' || n || '@example.com', '+1 913 ' || n,
        (enum_range(NULL::client_status))[pg_temp.mostly(6, n, 7)]
    FROM generate_series(1, %(rows)s) AS n
    """,
    """
    INSERT INTO projects (client_id, name, project_type, phase)
    SELECT id, 'Project of ' || name, 'mixed', (enum_range(NULL::project_phase))[pg_temp.mostly(6, row_number() OVER (), 7)]
    FROM clients
    """,
    "INSERT INTO project_rooms (project_id, name) SELECT id, 'Den' FROM projects",
    """
    INSERT INTO agent_sessions (session_id, user_mission, project_id, status, current_phase, updated_at)
    SELECT 'run-' || row_number() OVER (), 'Plan ' || name, id,
        (enum_range(NULL::agent_session_status))[pg_temp.mostly(5, row_number() OVER (), 2)],
        (enum_range(NULL::agent_session_phase))[1 + row_number() OVER () %% 5],
        now() - interval '1 minute' * (row_number() OVER () %% 100000)
    FROM projects
    """,
    """
    INSERT INTO agent_executions (agent_session_id, agent_type, status, started_at, completed_at, error_message)
    SELECT id, (enum_range(NULL::agent_session_phase))[1 + n %% 6], word.status, began.at,
        CASE WHEN word.status <> 'running' THEN began.at END, CASE WHEN word.status = 'failed' THEN 'No time left' END
    FROM (SELECT id, row_number() OVER () AS n FROM agent_sessions) AS run,
        LATERAL (SELECT (enum_range(NULL::agent_execution_status))[pg_temp.mostly(2, n, 3)]) AS word (status),
        LATERAL (SELECT now() - interval '1 minute' * (n %% 1000000)) AS began (at)
    """,
    """
    INSERT INTO agent_checkpoints (thread_id, checkpoint_id, checkpoint_data)
    SELECT session_id, 'c-1', '{}' FROM agent_sessions
    """,
    """
    INSERT INTO agent_metrics (metric_name, metric_value, recorded_at)
    SELECT 'metric ' || n %% 500, n, now() - interval '1 minute' * n FROM generate_series(1, %(rows)s) AS n
    """,
    """
    INSERT INTO design_fees (project_id, label, amount, payment_number, status, due_at)
    SELECT id, 'First', 5000, 1, (enum_range(NULL::fee_status))[pg_temp.mostly(3, row_number() OVER (), 4)],
        now() - interval '1 day' * (row_number() OVER () %% 97)
    FROM projects
    """,
    "INSERT INTO vendors (name, category) SELECT 'Vendor ' || n, 'Kind ' || n %% 50 FROM generate_series(1, %(rows)s) AS n",
    "INSERT INTO trades (name, specialty) SELECT 'Trade ' || n, 'Kind ' || n %% 50 FROM generate_series(1, %(rows)s) AS n",
    """
    INSERT INTO pricing_benchmarks (category, item_type, unit_price_estimate)
    SELECT 'Kind ' || n %% 50, 'Item ' || n, 100 FROM generate_series(1, %(rows)s) AS n
    """,
    """
    INSERT INTO line_items (room_id, description_generic, status)
    SELECT id, 'sofa', (enum_range(NULL::line_item_status))[pg_temp.mostly(7, row_number() OVER (), 7)] FROM project_rooms
    """,
    """
    INSERT INTO vendor_quotes (line_item_id, vendor_id, unit_cost)
    SELECT id, (SELECT id FROM vendors LIMIT 1), 100 FROM line_items
    """,
    """
    INSERT INTO purchase_orders (line_item_id, vendor_id, po_number, amount, status, estimated_delivery)
    SELECT id, (SELECT id FROM vendors LIMIT 1), 'PO ' || row_number() OVER (), 100,
        (enum_range(NULL::po_status))[pg_temp.mostly(6, row_number() OVER (), 7)],
        current_date - 400 + (row_number() OVER () %% 499)::integer
    FROM line_items
    """,
    """
    INSERT INTO project_tasks (project_id, name, phase, status, completed_at, assigned_to, due_date)
    SELECT id, 'Measure', (enum_range(NULL::project_phase))[1 + n %% 5], word.status,
        CASE WHEN word.status = 'completed' THEN now() END, 'Person ' || n %% 50, current_date - 400 + (n %% 499)::integer
    FROM (SELECT id, row_number() OVER () AS n FROM projects) AS project,
        LATERAL (SELECT (enum_range(NULL::task_status))[pg_temp.mostly(4, n, 5)]) AS word (status)
    """,
    """
    INSERT INTO project_trades (project_id, trade_id) SELECT id, (SELECT id FROM trades LIMIT 1) FROM projects
    """,
    """
    INSERT INTO meetings (project_id, meeting_type, status, scheduled_date)
    SELECT id, (enum_range(NULL::meeting_type))[1 + row_number() OVER () %% 12],
        (enum_range(NULL::meeting_status))[pg_temp.mostly(3, row_number() OVER (), 5)],
        current_date - 400 + (row_number() OVER () %% 499)::integer
    FROM projects
    """,
    """
    INSERT INTO meeting_action_items (meeting_id, description, assigned_to, due_date, status)
    SELECT id, 'Ask', 'Person ' || row_number() OVER () %% 50, scheduled_date,
        (enum_range(NULL::action_item_status))[pg_temp.mostly(3, row_number() OVER (), 4)]
    FROM meetings
    """,
    "INSERT INTO documents (project_id, doc_type, s3_key) SELECT id, 'photo', 'photo.jpg' FROM projects",
    """
    INSERT INTO phase_transitions (project_id, from_phase, to_phase, triggered_by)
    SELECT id, 'conceptual_design', 'detailed_design', 'Maria' FROM projects
    """,
    """
    INSERT INTO call_ledger (key, tool, arguments_hash, result, created_at)
    SELECT 'run-' || n, 'create_client', sha256('{}'), '{}', now() - n * interval '31 days' / %(rows)s
    FROM generate_series(1, %(rows)s) AS n
    """,
    """
    INSERT INTO activity_log (entity_type, entity_id, project_id, action, actor_type, actor_name, context)
    SELECT 'project', id, id, 'created', 'agent', 'Agent ' || row_number() OVER () %% 50,
        jsonb_build_object('run_id', 'run-' || row_number() OVER () / 20)
    FROM projects
    """,
]


@contextmanager
def practice_of_years(server_url: str, template: str, rows: int) -> Generator[str]:
    """Give the connection string of a new database with so many rows in every table that grows."""
    with new_database(server_url, template=template) as url:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("SET session_replication_role = replica")  # no triggers and foreign keys: rows are enough
            for statement in FILL:
                connection.execute(statement.encode(), {"rows": rows})
            connection.execute("VACUUM ANALYZE")
        yield url
