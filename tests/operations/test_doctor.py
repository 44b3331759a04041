"""The doctor finds nothing on a database that only the tools have written, and each damage that is done past them."""

import json

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from studio_data import call_key, db
from studio_data.operations import catalog
from studio_data.operations.doctor import Finding, examine
from studio_data.tools.clients import create_client
from studio_data.tools.projects import create_project
from tests.support import studio_data, use


def errors() -> list[Finding]:
    """Every error but the server's own settings: the tests' server runs without fsync."""
    checked = [check for check in examine() if check.check != "server settings"]
    return [finding for check in checked for finding in check.findings if finding.severity == "error"]


def findings_of(name: str) -> list[Finding]:
    return next(check for check in examine() if check.check == name).findings


def damage(statement: str) -> None:
    with db.get_connection() as connection:
        connection.execute(statement.encode())


def test_a_practice_that_only_the_tools_have_written_has_nothing_to_mend(committed_db: str) -> None:
    assert studio_data("demo", "--full", "--yes")[0] == 0

    assert errors() == []
    assert studio_data("doctor")[1].count("as it should be") >= 5


def test_looking_changes_nothing(committed_db: str) -> None:
    create_client("Ann")
    before = catalog.present()

    examine()

    assert catalog.present() == before
    assert db.many("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'studio_data_doctor%'") == []


# The schema -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("DROP INDEX clients_email_idx", "the index clients_email_idx is missing"),
        ("CREATE INDEX mine ON clients (name)", "the index mine comes from no migration"),
        ("ALTER TABLE design_fees DROP CONSTRAINT design_fees_payment_number_range",
         "the constraint design_fees.design_fees_payment_number_range is missing"),
        ("ALTER DOMAIN dollars DROP CONSTRAINT dollars_are_finite_and_not_negative",
         "the constraint dollars.dollars_are_finite_and_not_negative is missing"),
        ("ALTER TABLE clients ADD CONSTRAINT mine CHECK (name <> 'Bob')",
         "the constraint clients.mine comes from no migration"),
        ("ALTER TABLE activity_log DISABLE TRIGGER activity_log_rows_are_final",
         "the trigger activity_log.activity_log_rows_are_final was changed"),
        ("DROP TRIGGER activity_log_is_never_emptied ON activity_log",
         "the trigger activity_log.activity_log_is_never_emptied is missing"),
        ("ALTER TABLE clients ADD COLUMN mine text", "the column clients.mine comes from no migration"),
        ("CREATE TABLE mine (id integer)", "the table mine comes from no migration"),
    ],
)  # fmt: skip
def test_what_differs_from_the_migrations_is_found_and_its_statement_mends_it(
    committed_db: str, statement: str, message: str
) -> None:
    damage(statement)

    found = findings_of("schema")
    assert [(finding.severity, finding.message) for finding in found] == [("error", message)]
    damage(found[0].fix)
    assert findings_of("schema") == []


def test_a_function_that_was_replaced_is_found(committed_db: str) -> None:
    damage("CREATE OR REPLACE FUNCTION refuse_change_of_log() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'")

    assert [finding.message for finding in findings_of("schema")] == ["the function refuse_change_of_log was changed"]


def test_missing_migrations_are_all_that_is_said_of_an_empty_database(empty_db: str) -> None:
    checked = examine()

    assert [check.check for check in checked] == ["migrations"]
    assert checked[0].findings[0].fix == "studio-data migrate"
    assert studio_data("doctor")[0] == 1


LINE = "INSERT INTO activity_log (entity_type, entity_id, action"

# The rules and the books ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "check", "message"),
    [
        ("UPDATE line_items SET status = 'ordered'", "rules of the practice", "line items that are ordered or further"),
        ("UPDATE purchase_orders SET status = 'submitted'", "rules of the practice", "orders that were submitted"),
        ("UPDATE projects SET phase = 'purchasing'", "rules of the practice", "in another phase"),
        ("UPDATE clients SET status = 'active'", "rules of clients and projects", "active clients without a project"),
        ("UPDATE clients SET status = 'qualified'", "rules of clients and projects", "in another status"),
        ("INSERT INTO clients (name) VALUES ('Bob')", "rules of clients and projects", "the audit trail knows nothing"),
        ("INSERT INTO purchase_order_numbers VALUES (2001, 3)", "rules of the practice", "order numbers"),
        ("UPDATE line_items SET estimated_unit_price = 5", "rules of the practice", "rooms whose estimate is not the sum"),
        ("UPDATE projects SET investment_estimate = 5", "rules of the practice", "projects whose estimate"),
        ("UPDATE project_rooms SET exhibit_b_amount = 5", "rules of the practice", "projects whose estimate"),
        ("UPDATE call_ledger SET created_at = now() - interval '40 days'", "call ledger", "older than 30 days"),
        ("UPDATE call_ledger SET result = NULL", "call ledger", "have no result"),
        (f"{LINE}, created_at) VALUES ('x', uuid_v7(), 'y', now() - interval '2 days')", "audit trail", "are not sealed"),
        (f"{LINE}, transaction_id) VALUES ('x', uuid_v7(), 'y', '99999999999')", "audit trail",
         "numbered ahead of the server"),
        ("INSERT INTO audit_seals VALUES (2, '1', 1, sha256(''), sha256(''), sha256(''), now())", "audit trail",
         "1 seals are missing"),
    ],
)  # fmt: skip
def test_what_contradicts_the_rules_is_found_and_names_its_remedy(
    committed_db: str, statement: str, check: str, message: str
) -> None:
    with call_key("k"):
        client = create_client("Ann")
    other = create_client("Ben")
    project = create_project(other["id"], "LR", "furnishings")["project"]["id"]
    damage(
        f"""
        WITH room AS (INSERT INTO project_rooms (project_id, name) VALUES ('{project}', 'LR') RETURNING id),
        vendor AS (INSERT INTO vendors (name) VALUES ('Baker') RETURNING id),
        items AS (
            INSERT INTO line_items (room_id, description_generic) SELECT id, unnest(ARRAY['sofa', 'lamp']) FROM room
            RETURNING id, description_generic
        )
        INSERT INTO purchase_orders (line_item_id, vendor_id, po_number, amount)
        SELECT items.id, vendor.id, 'PO-2000-0001', 1 FROM items, vendor WHERE description_generic = 'sofa'
        """  # noqa: S608
    )
    damage("INSERT INTO purchase_order_numbers VALUES (2000, 1)")
    assert errors() == []
    damage(statement)

    found = [finding for finding in findings_of(check) if message in finding.message]
    assert len(found) == 1
    assert found[0].fix
    assert client["id"]


def test_rights_that_somebody_gave_or_took_are_found(committed_db: str) -> None:
    assert [finding.severity for finding in findings_of("database roles")] == ["warning"]
    assert studio_data("roles")[0] == 0
    assert [finding.severity for finding in findings_of("database roles")] == ["warning"]

    damage("GRANT DELETE ON clients TO studio_agent")
    damage("REVOKE SELECT ON vendors FROM studio_agent")

    found = findings_of("database roles")[-1]
    assert (found.severity, "in 2 places" in found.message, found.fix) == ("error", True, "studio-data roles")
    assert studio_data("roles")[0] == 0
    assert errors() == []


# The server -----------------------------------------------------------------------------------------------------------


def test_settings_that_let_callers_wait_for_ever_are_found(committed_db: str, monkeypatch: pytest.MonkeyPatch) -> None:
    options = "-c statement_timeout=0 -c lock_timeout=0 -c synchronous_commit=off"
    use(make_conninfo(committed_db, options=options), monkeypatch)

    messages = [finding.message.split(" is ")[0] for finding in findings_of("server settings")]
    assert {"statement_timeout", "lock_timeout", "synchronous_commit"} <= set(messages)


def test_what_a_login_may_not_look_at_is_said(committed_db: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with psycopg.connect(committed_db, autocommit=True) as connection:
        connection.execute(
            "DO $$ BEGIN CREATE ROLE studio_data_test_looker LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$"
        )
        connection.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO studio_data_test_looker")
    use(make_conninfo(committed_db, user="studio_data_test_looker"), monkeypatch)

    found = findings_of("schema")
    assert [finding.severity for finding in found] == ["warning"]
    assert found[0].message.startswith("not checked: ")
    with psycopg.connect(committed_db, autocommit=True) as connection:
        connection.execute("DROP OWNED BY studio_data_test_looker")
        connection.execute("DROP ROLE studio_data_test_looker")


def test_the_answer_is_json_for_scripts(committed_db: str) -> None:
    damage("DROP INDEX clients_email_idx")

    code, said, _ = studio_data("doctor", "--json")
    schema = next(check for check in json.loads(said) if check["check"] == "schema")
    assert code == 1
    assert schema["findings"][0]["severity"] == "error"
    assert schema["findings"][0]["fix"].startswith("CREATE INDEX clients_email_idx ON clients")
    assert [check["check"] for check in json.loads(said)] == [check.check for check in examine()]
