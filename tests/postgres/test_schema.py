"""001_initial_schema.sql: what the tables are and what they refuse, whoever writes."""

import time
from typing import LiteralString
from uuid import UUID

import psycopg
import pytest

from studio_data import db
from studio_data.contract import actor
from studio_data.contract.domain import TOOLS, domains
from tests.examples import Practice
from tests.support import as_administrator

WITH_UPDATED_AT = {
    "clients", "projects", "line_items", "purchase_orders", "project_tasks", "meetings", "meeting_action_items",
    "agent_sessions", "agent_settings",
}  # fmt: skip
DECLARED = {table.name for domain in domains().values() for table in domain.tables} | {"activity_log"}
BOOKKEEPING = {"schema_version", "call_ledger", "preview_changes", "audit_seals"}
WITHOUT_ID = {"purchase_order_numbers"}


def test_every_table_is_declared_by_its_domain_or_is_the_librarys_own() -> None:
    rows = db.many("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")

    assert {row["tablename"] for row in rows} == DECLARED | BOOKKEEPING


def test_the_practice_has_19_tables_and_13_enums() -> None:
    own = [domain for package, domain in domains().items() if package in {TOOLS, f"{TOOLS}.practice"}]

    tables = {table.name for domain in own for table in domain.tables} | {"activity_log"}
    assert len(tables - WITHOUT_ID) == 19
    assert sum(len(domain.enums) for domain in own) == 13


def test_the_databases_enums_are_those_of_the_domains_in_their_order() -> None:
    rows = db.many(
        """
        SELECT typname, array_agg(enumlabel::text ORDER BY enumsortorder) AS labels
        FROM pg_type
        JOIN pg_enum ON enumtypid = pg_type.oid
        WHERE typnamespace = current_schema()::regnamespace
        GROUP BY typname
        """
    )

    declared = {
        name: [member.value for member in enum] for domain in domains().values() for name, enum in domain.enums.items()
    }
    assert {row["typname"]: row["labels"] for row in rows} == declared


def test_the_log_takes_the_librarys_kinds_of_actor() -> None:
    definition = db.one(
        "SELECT pg_get_constraintdef(oid) AS text FROM pg_constraint WHERE conname = 'activity_log_actor_type_known'"
    )
    assert all(f"'{kind}'" in definition["text"] for kind in actor.ActorType)


def test_every_row_has_a_time_ordered_id_made_by_the_database() -> None:
    rows = db.many(
        """
        SELECT table_name, column_default, udt_name
        FROM information_schema.columns
        JOIN information_schema.tables USING (table_schema, table_name)
        WHERE table_type = 'BASE TABLE' AND table_schema = current_schema() AND column_name = 'id'
        """
    )
    assert {row["table_name"] for row in rows} == DECLARED - WITHOUT_ID
    assert {(row["column_default"], row["udt_name"]) for row in rows} == {("uuid_v7()", "uuid")}


def test_ids_are_version_7_and_sort_by_time() -> None:
    before = int(time.time() * 1000)
    ids: list[UUID] = [row["id"] for row in db.many("SELECT uuid_v7() AS id FROM generate_series(1, 500)")]
    after = int(time.time() * 1000)

    assert {(found.version, found.variant) for found in ids} == {(7, "specified in RFC 4122")}
    assert all(before - 1 <= found.int >> 80 <= after + 1 for found in ids)
    assert len(set(ids)) == 500
    db.one("SELECT pg_sleep(0.002)")
    assert max(ids) < db.one("SELECT uuid_v7() AS id")["id"]


def test_timestamps_know_their_zone_and_money_has_two_places() -> None:
    rows = db.many(
        """
        SELECT DISTINCT data_type, numeric_precision, numeric_scale, domain_name
        FROM information_schema.columns
        JOIN information_schema.tables USING (table_schema, table_name)
        WHERE table_type = 'BASE TABLE' AND table_schema = current_schema() AND table_name <> 'schema_version' AND (
            data_type LIKE 'timestamp%' OR data_type = 'numeric'
        )
        """
    )
    assert {tuple(row.values()) for row in rows} == {
        ("timestamp with time zone", None, None, "bounded_timestamptz"),
        ("numeric", 12, 2, "dollars"),
        ("numeric", 5, 4, "freight_fraction"),
        ("numeric", 18, 6, "usage_amount"),
        ("numeric", 15, 3, "seconds"),
    }


def test_every_text_date_and_json_column_has_a_value_type() -> None:
    rows = db.many(
        """
        SELECT table_name || '.' || column_name AS name
        FROM information_schema.columns
        JOIN information_schema.tables USING (table_schema, table_name)
        WHERE table_type = 'BASE TABLE' AND table_schema = current_schema()
            AND table_name NOT IN ('schema_version', 'call_ledger', 'preview_changes', 'audit_seals')
            AND data_type <> 'xid8'
            AND domain_name IS NULL
            AND data_type NOT IN ('uuid', 'integer', 'boolean', 'USER-DEFINED')
        """
    )
    # The CHECK of the first names its three values; the second has numbers that only the database's own statement writes.
    assert [row["name"] for row in rows] == ["activity_log.actor_type", "agent_prompt_versions.rolls_back_to"]


def test_every_integer_has_a_range() -> None:
    rows = db.many(
        """
        SELECT table_name || '.' || column_name AS name
        FROM information_schema.columns AS col
        JOIN information_schema.tables USING (table_schema, table_name)
        WHERE table_type = 'BASE TABLE' AND table_schema = current_schema() AND table_name <> 'schema_version'
            AND data_type = 'integer' AND NOT EXISTS (
                SELECT FROM pg_constraint
                WHERE contype = 'c' AND conrelid = table_name::regclass AND conname LIKE '%%' || column_name || '_range'
            )
        """,
        (),
    )
    assert rows == []


def test_updated_at_is_kept_by_a_trigger(committed_db: str) -> None:
    rows = db.many(
        """
        SELECT table_name
        FROM information_schema.columns
        JOIN information_schema.tables USING (table_schema, table_name)
        WHERE table_type = 'BASE TABLE' AND table_schema = current_schema() AND column_name = 'updated_at'
        """
    )
    assert {row["table_name"] for row in rows} == WITH_UPDATED_AT
    triggers = db.many(
        "SELECT tgrelid::regclass::text AS name FROM pg_trigger JOIN pg_proc ON tgfoid = pg_proc.oid"
        " WHERE proname = 'set_updated_at'"
    )
    assert {row["name"] for row in triggers} == WITH_UPDATED_AT

    client = db.one("INSERT INTO clients (name) VALUES ('Ann') RETURNING *")
    changed = db.one("UPDATE clients SET phone = '1', updated_at = created_at RETURNING *")
    assert changed["updated_at"] > client["updated_at"] == changed["created_at"]


def test_every_foreign_key_has_an_index_except_those_that_are_never_followed_back() -> None:
    rows = db.many(
        """
        SELECT conname
        FROM pg_constraint
        WHERE contype = 'f' AND connamespace = current_schema()::regnamespace AND NOT EXISTS (
            SELECT FROM pg_index WHERE indrelid = conrelid AND indkey[0] = conkey[1] AND indpred IS NULL
        )
        ORDER BY conname
        """
    )
    assert [row["conname"] for row in rows] == [
        "agent_reservations_agent_session_id_fkey",
        "agent_reservations_agent_settings_id_fkey",
        "line_items_benchmark_id_fkey",
        "line_items_selected_vendor_id_fkey",
        "project_trades_trade_id_fkey",
        "vendor_quotes_vendor_id_fkey",
        "workflow_templates_email_template_id_fkey",
    ]


def test_every_constraint_has_a_name_of_its_own_choosing() -> None:
    rows = db.many(
        """
        SELECT conname, contype::text, conrelid::regclass::text AS table_name
        FROM pg_constraint
        WHERE connamespace = current_schema()::regnamespace AND contype IN ('c', 'u', 'f') AND conname ~ '(_check|[0-9])$'
        """
    )
    assert rows == []


def test_a_line_item_has_one_order_that_is_not_cancelled() -> None:
    db.one(
        """
        WITH client AS (INSERT INTO clients (name) VALUES ('Ann') RETURNING id),
        project AS (
            INSERT INTO projects (client_id, name, project_type) SELECT id, 'LR', 'furnishings' FROM client RETURNING id
        ), room AS (
            INSERT INTO project_rooms (project_id, name) SELECT id, 'LR' FROM project RETURNING id
        ), item AS (
            INSERT INTO line_items (room_id, description_generic) SELECT id, 'sofa, 90 in' FROM room RETURNING id
        ), vendor AS (
            INSERT INTO vendors (name) VALUES ('Maker') RETURNING id
        )
        INSERT INTO purchase_orders (line_item_id, vendor_id, po_number, amount, status)
        SELECT item.id, vendor.id, number, 100, status::po_status
        FROM item, vendor, (VALUES ('PO-1', 'cancelled'), ('PO-2', 'cancelled'), ('PO-3', 'draft')) AS po (number, status)
        """
    )

    with pytest.raises(psycopg.errors.UniqueViolation, match="one_open_per_line_item"), db.transaction():
        db.one("UPDATE purchase_orders SET status = 'submitted' WHERE po_number = 'PO-1'")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE project_tasks SET status = 'completed'",
        "UPDATE project_tasks SET completed_at = now()",
    ],
)
def test_a_task_is_completed_exactly_when_it_has_a_time_of_completion(statement: str) -> None:
    db.one(
        """
        WITH client AS (INSERT INTO clients (name) VALUES ('Ann') RETURNING id),
        project AS (
            INSERT INTO projects (client_id, name, project_type) SELECT id, 'LR', 'furnishings' FROM client RETURNING id
        )
        INSERT INTO project_tasks (project_id, name, phase) SELECT id, 'Measure', 'conceptual_design' FROM project
        """
    )
    with pytest.raises(psycopg.errors.CheckViolation, match="completed_at_with_status"), db.transaction() as connection:
        connection.execute(statement.encode())

    assert db.one("UPDATE project_tasks SET status = 'completed', completed_at = now() RETURNING status")


# The reference of a task to its template is checked per statement; nothing that the foreign key refused may get through.

NEW_TASKS = """
    INSERT INTO project_tasks (project_id, template_id)
    SELECT %(project_id)s, unnest(%(templates)s::uuid[])
    """


def some_templates(count: int) -> list[UUID]:
    rows = db.many("SELECT id FROM workflow_templates ORDER BY id LIMIT %s", (count,))
    return [row["id"] for row in rows]


@pytest.mark.parametrize("good", [0, 1, 134])
def test_tasks_of_a_template_that_is_not_there_are_refused_all_of_them(good: int) -> None:
    project = Practice().project["id"]
    db.one("DELETE FROM project_tasks WHERE project_id = %s", (project,))
    unknown = UUID(int=7)

    with pytest.raises(psycopg.errors.ForeignKeyViolation) as refused, db.transaction():
        db.one(NEW_TASKS, {"project_id": project, "templates": [*some_templates(good), unknown]})

    assert refused.value.diag.constraint_name == "project_tasks_template_id_fkey"
    assert str(unknown) in (refused.value.diag.message_detail or "")
    assert db.one("SELECT count(*) AS tasks FROM project_tasks")["tasks"] == 0


def test_tasks_of_templates_that_are_there_or_of_none_are_taken() -> None:
    project = Practice().project["id"]
    db.one("DELETE FROM project_tasks WHERE project_id = %s", (project,))

    db.one(NEW_TASKS, {"project_id": project, "templates": some_templates(160)})
    db.one("INSERT INTO project_tasks (project_id, name, phase) VALUES (%s, 'Measure', 'construction')", (project,))

    assert db.one("SELECT count(*) AS tasks FROM project_tasks")["tasks"] == 161


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("UPDATE project_tasks SET template_id = uuid_v7()", "a task keeps its template"),
        (
            "UPDATE project_tasks SET template_id = NULL, name = 'Measure', phase = 'construction'",
            "a task keeps its template",
        ),
        ("UPDATE workflow_templates SET id = uuid_v7()", "a template keeps its id"),
        ("DELETE FROM workflow_templates", "templates are retired, never deleted"),
        ("TRUNCATE workflow_templates CASCADE", "templates are retired, never deleted"),
    ],
)
def test_a_task_and_its_template_cannot_be_parted(statement: LiteralString, reason: str) -> None:
    Practice().project  # noqa: B018 (made when it is asked for)
    with as_administrator(), pytest.raises(psycopg.errors.ForeignKeyViolation, match=reason), db.transaction():
        db.one(statement)
