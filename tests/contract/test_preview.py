"""Previews: what the contract's tests do not show of every tool."""

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from studio_data import acting_as, call, carried, db, preview
from studio_data.contract.preview import Plan
from studio_data.errors import InvalidInputError, PermissionDeniedError, StudioError
from studio_data.tools.clients import create_client, list_clients
from studio_data.tools.projects import create_project
from tests.postgres.test_schema import DECLARED, WITHOUT_ID
from tests.support import as_administrator, clients, contents


def test_several_calls_are_listed_in_the_order_in_which_they_write() -> None:
    with preview() as plan:
        client = create_client("Ann")
        db.one("UPDATE clients SET status = 'contracted'")
        created = create_project(client["id"], "LR", "furnishings", investment_estimate="100000.00")

    assert clients() == 0
    operations = [(change["table"], change["operation"]) for change in plan.changes]
    assert operations[:3] == [("clients", "inserted"), ("activity_log", "inserted"), ("clients", "updated")]
    assert operations.count(("project_tasks", "inserted")) == 135 == created["tasks_created"]
    assert [line["action"] for line in plan.audit] == ["created", "created", "status_changed"]


def test_rows_are_typed_as_the_table_has_them() -> None:
    data = {"n": 1.5, "list": [1, None, {"ü": "”"}]}

    with preview() as plan:
        client = create_client("Ann", screening_data=data)
        project = create_project(client["id"], "LR", "mixed", investment_estimate="1250.50")["project"]

    after = {change["table"]: change["after"] for change in plan.changes}
    assert after["clients"] == client
    assert after["projects"] == project
    assert isinstance(project["investment_estimate"], Decimal)
    assert isinstance(client["id"], UUID)


def test_an_update_and_a_delete_show_the_row_before() -> None:
    client = create_client("Ann")

    with preview() as plan:
        db.one("UPDATE clients SET phone = '1'")
        with as_administrator():
            db.one("DELETE FROM clients")

    updated, deleted = plan.changes
    assert updated["before"] == client
    assert updated["after"] is not None
    assert (updated["after"]["phone"], updated["after"]["id"]) == ("1", client["id"])
    assert (deleted["operation"], deleted["before"], deleted["after"]) == ("deleted", updated["after"], None)


def test_what_the_call_refuses_the_preview_refuses_too() -> None:
    before = contents()
    with pytest.raises(InvalidInputError), preview():
        create_client("Ann")
        create_client("")

    assert contents() == before


def test_the_lines_of_a_preview_name_the_actor() -> None:
    with acting_as("agent", "studio_manager", run_id="run-42"), preview() as plan:
        create_client("Ann")

    assert (plan.audit[0]["actor_name"], plan.audit[0]["context"]["run_id"]) == ("studio_manager", "run-42")


def names(plan: Plan) -> list[str]:
    return [change["after"]["name"] for change in plan.changes if change["after"] and change["table"] == "clients"]


def test_a_preview_in_a_preview_lists_its_own_changes() -> None:
    with preview() as outer:
        create_client("Ann")
        with preview() as inner:
            create_client("Ben")
        create_client("Cal")

    assert [change["after"]["name"] for change in inner.changes if change["after"] and change["table"] == "clients"] == [
        "Ben"
    ]
    assert [line["metadata"] for line in outer.audit] == [{"source": None}] * 2


def test_after_a_preview_nothing_is_captured_any_more(committed_db: str) -> None:
    with preview():
        create_client("Ann")
    create_client("Ben")

    assert db.one("SELECT count(*) AS captured FROM preview_changes") == {"captured": 0}
    assert db.one("SELECT current_setting('studio_data.preview', true) AS setting")["setting"] in {None, ""}


def test_a_preview_in_a_unit_undoes_only_itself(committed_db: str) -> None:
    with db.transaction():
        create_client("Ann")
        with preview() as plan:
            create_client("Ben")
        create_client("Cal")

    assert len(plan.changes) == 2
    assert [row["name"] for row in db.many("SELECT name FROM clients ORDER BY id")] == ["Ann", "Cal"]


def test_every_table_of_the_practice_is_captured() -> None:
    rows = db.many(
        """
        SELECT tgrelid::regclass::text AS table_name, pg_get_triggerdef(pg_trigger.oid) AS definition
        FROM pg_trigger
        JOIN pg_proc ON tgfoid = pg_proc.oid
        WHERE proname = 'capture_change'
        """
    )
    assert {row["table_name"] for row in rows} == DECLARED - WITHOUT_ID
    for row in rows:
        definition: Any = row["definition"]
        assert "AFTER INSERT OR DELETE OR UPDATE" in definition
        assert "current_setting('studio_data.preview'::text, true) = 'on'::text" in definition


def test_what_is_left_over_from_a_preview_does_not_write(committed_db: str) -> None:
    async def work() -> Any:
        with preview():
            left_over = asyncio.create_task(asyncio.to_thread(call, "create_client", {"name": "Ann"}))
        return await left_over

    answer = asyncio.run(work())

    assert answer["message"] == "The preview in which this call began is over."
    assert clients() == 0


# What it cannot undo ----------------------------------------------------------------------------------------------------


def test_a_bare_thread_and_a_pool_are_refused_while_a_preview_runs(committed_db: str) -> None:
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(create_client, "Before").result()["name"] == "Before"
        with acting_as("user", "Maria"), preview() as plan:
            with pytest.raises(PermissionDeniedError, match="Nobody acts, and create_client writes") as caught:
                pool.submit(create_client, "Ann").result()
            assert pool.submit(list_clients).result()["left"] == 0
            assert pool.submit(carried(create_client), "Ben").result()["name"] == "Ben"
        assert pool.submit(create_client, "After").result()["name"] == "After"

    assert caught.value.details["required_by"] == "a preview that runs in this process"
    assert names(plan) == ["Ben"]
    assert [row["name"] for row in db.many("SELECT name FROM clients ORDER BY id")] == ["Before", "After"]


def test_others_who_act_go_on_while_a_preview_runs(committed_db: str) -> None:
    def another() -> None:
        with acting_as("user", "Maria"):
            create_client("Ann")

    with ThreadPoolExecutor(1) as pool, preview() as plan:
        pool.submit(another).result()

    assert (names(plan), clients()) == ([], 1)


def test_a_process_that_was_forked_in_a_preview_does_not_write(committed_db: str) -> None:
    reading, writing = os.pipe()
    with preview() as plan:
        child = os.fork()
        if child == 0:
            try:
                create_client("Ann")
            except StudioError as error:
                os.write(writing, error.message.encode())
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        create_client("Ben")

    assert os.read(reading, 200) == b"This process was forked in a preview, where the call would be written for real."
    assert (names(plan), clients()) == (["Ben"], 0)


def test_a_process_that_another_thread_forks_meanwhile_writes_as_ever(committed_db: str) -> None:
    def fork() -> int:
        child = os.fork()
        if child == 0:
            try:
                create_client("Ann")
            finally:
                os._exit(0)
        return os.waitpid(child, 0)[1]

    with ThreadPoolExecutor(1) as pool, preview():
        assert pool.submit(fork).result() == 0

    assert clients() == 1


def test_a_preview_goes_on_after_what_the_database_refuses() -> None:
    with preview() as plan:
        refused = call("create_client", {"name": "Ann", "screening_data": {"a": [1e299] * 1_000}})
        call("create_client", {"name": "Ben"})

    assert refused["code"] == "invalid_input"
    assert names(plan) == ["Ben"]
