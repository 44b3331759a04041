"""``studio-data tools``, ``call``, ``activity``, ``shell`` and ``prune``."""

import json
import re
import signal
import subprocess
import sys
from typing import Any
from uuid import uuid4

import pytest

from studio_data import acting_as, db
from studio_data.contract.registry import all_tools
from studio_data.contract.roles import Role
from studio_data.errors import UnavailableError
from studio_data.export import export
from studio_data.tools.activity import log_activity
from studio_data.tools.clients import create_client
from tests.support import clients, studio_data
from tests.support.processes import COMMAND, started


def test_tools_lists_every_tool_with_what_it_does_and_for_whom() -> None:
    code, said, _ = studio_data("tools")

    assert code == 0
    assert re.search(
        r"^create_client\tCreate a client at the start of the sales pipeline.*\tyes\tstudio_manager", said, re.MULTILINE
    )
    assert re.search(r"^list_clients\tList clients.*\t\teverybody$", said, re.MULTILINE)
    assert re.search(r"^log_activity\t.*\tyes\tall but the reader$", said, re.MULTILINE)


def test_tools_prints_the_definitions_of_a_toolset_for_a_script() -> None:
    for form in ("mcp", "openai", "anthropic"):
        code, said, _ = studio_data("tools", "--json", form, "--role", "controller")
        assert (code, json.loads(said)) == (0, export(form, role=Role.CONTROLLER))

    assert studio_data("tools", "--json", "soap")[0] == 2
    assert studio_data("tools", "--role", "gardener")[0] == 2


# call -----------------------------------------------------------------------------------------------------------------


def called(*arguments: str, stdin: str | None = None) -> tuple[int, Any]:
    code, said, _ = studio_data("call", "--json", *arguments, stdin=stdin)
    return code, json.loads(said)


@pytest.mark.parametrize(
    ("arguments", "stdin"),
    [
        (['{"name": "Ann", "screening_data": {"style": "modern"}}'], None),
        (["-"], '{"name": "Ann", "screening_data": {"style": "modern"}}'),
        (["--name", "Ann", "--screening-data", '{"style": "modern"}'], None),
        (["--name=Ann", '--screening_data={"style": "modern"}'], None),
    ],
)
def test_call_takes_json_or_fields(arguments: list[str], stdin: str | None) -> None:
    code, client = called("create_client", *arguments, stdin=stdin)

    assert (code, client["name"], client["screening_data"]) == (0, "Ann", {"style": "modern"})
    assert db.one("SELECT id::text FROM clients") == {"id": client["id"]}


def test_whoever_is_logged_in_acts_unless_somebody_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "maria")
    called("create_client", "--name", "Ann")
    studio_data("call", "--actor", "linh", "--run-id", "run-42", "create_client", "--name", "Ben")

    lines = db.many("SELECT actor_type, actor_name, context FROM activity_log ORDER BY id")
    assert [(line["actor_type"], line["actor_name"]) for line in lines] == [("user", "maria"), ("user", "linh")]
    assert lines[1]["context"]["run_id"] == "run-42"


def test_call_shows_answers_for_people() -> None:
    client = create_client("Ann [b]Example[/b]", email="ann@example.com")

    _, one, _ = studio_data("call", "get_client", "--client-id", str(client["id"]), terminal=80)
    assert re.search(rf"^id +{client['id']}\s+name +Ann \[b\]Example\[/b\] *$", one, re.MULTILINE)
    _, page, _ = studio_data("call", "list_clients", "--limit", "1", terminal=80)
    assert re.search(rf"^{str(client['id'])[:8]} +Ann \[b\]Example\[/b\] +lead +ann@example.com", page, re.MULTILINE)
    create_client("Ben")
    assert "The next page: --after " in studio_data("call", "list_clients", "--limit", "1", terminal=80)[1]
    assert "nothing found" in studio_data("call", "list_projects", terminal=80)[1]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["create_client", "--name", ""], 1, "name must not be empty or blank."),
        (["create_client", "--nam", "Ann"], 1, "create_client takes no argument nam. create_client needs it."),
        (["create_client", "Ann"], 1, 'The arguments must be a JSON object, like {"name": "Ann"}. Or give them'),
        (["create_client", "--name", "Ann", "Ben"], 1, "'Ben' has no field before it. Write --field value"),
        (["create_client", "--name"], 1, "--name has no value."),
        (["create_client", "--name", "Ann", "--preview"], 1, "create_client has no field --preview. Options go before"),
        (["create_client", "--name", "A", "--name", "B"], 1, "--name is given twice."),
        (["create_client", '{"name": "A", "name": "B"}'], 1, "The arguments must not have the same key twice."),
        (["list_clients", "--limit", "many"], 1, "limit must be a whole number, not str."),
        (["creat_client"], 1, "There is no tool 'creat_client'. Did you mean create_client?"),
        (["--role", "reader", "create_client", "--name", "Ann"], 1, "create_client is not in the toolset of the role"),
        (["--key", " ", "create_client", "--name", "Ann"], 1, "key must not be empty or blank."),
        ([], 2, ""),
    ],
)
def test_what_is_refused_is_one_line_and_an_exit_code(arguments: list[str], code: int, message: str) -> None:
    found, said, error = studio_data("call", *arguments)

    assert (found, said) == (code, "")
    assert message in error
    assert clients() == 0


def test_with_json_an_error_is_json_too() -> None:
    code, error = called("get_client", "--client-id", str(uuid4()))

    assert code == 1
    assert (error["code"], error["hint"]) == ("not_found", "list_clients shows them all.")


def test_an_unavailable_database_is_exit_code_3(monkeypatch: pytest.MonkeyPatch) -> None:
    def unavailable(*_: object, **__: object) -> None:
        raise UnavailableError("All connections are busy.", hint="Call again.")

    monkeypatch.setattr("studio_data.cli.tools.raising_call", unavailable)

    assert called("list_clients") == (3, UnavailableError("All connections are busy.", hint="Call again.").to_dict())


def test_call_with_a_key_is_executed_once() -> None:
    exit_code, first = called("--key", "k", "create_client", "--name", "Ann")

    assert called("--key", "k", "create_client", "--name", "Ann") == (exit_code, first | {"repeated": True})
    assert called("--key", "k", "create_client", "--name", "Ben")[1]["code"] == "conflict"
    assert clients() == 1


def test_a_preview_shows_what_would_be_written_and_writes_nothing() -> None:
    client = create_client("Ann")
    arguments = ["create_project", "--client-id", str(client["id"]), "--name", "LR", "--project-type", "mixed"]

    _, said, _ = studio_data("call", "--preview", *arguments, terminal=80)
    for part in ("projects: 1", "project_tasks: 160", "157 more", "activity_log: 1", "Nothing was written."):
        assert part in said
    _, foreseen = called("--preview", *arguments)
    assert foreseen["result"]["tasks_created"] == 160
    assert len(foreseen["changes"]) == 162
    assert db.one("SELECT count(*) AS projects FROM projects") == {"projects": 0}


def test_a_tool_explains_its_arguments() -> None:
    code, said, _ = studio_data("call", "create_project", "--help", terminal=200)

    assert code == 0
    assert "The first project of a contracted client makes the client active." in said
    assert re.search(r"--project-type +string +needed +furnishings, renovation, mixed", said)
    assert re.search(r'--investment-estimate  dollars, like "1250.00" *$', said, re.MULTILINE)
    assert "For studio_manager, project_manager." in said


# activity -------------------------------------------------------------------------------------------------------------


def test_activity_shows_the_newest_lines_the_newest_last() -> None:
    assert "The audit trail is empty." in studio_data("activity", terminal=200)[1]
    with acting_as("agent", "studio_manager", run_id="run-42"):
        client = create_client("Ann", source="web")
    log_activity("client", client["id"], "[red]moved", metadata={"changes": {"status": ["lead", None], "odd": 5}})

    _, said, _ = studio_data("activity", "--limit", "2", terminal=200)
    assert re.search(rf"client created +{str(client['id'])[:8]} +studio_manager \(agent\)", said)
    assert re.search(r"client \[red\]moved \(noted\) +[0-9a-f]{8} +unknown \(system\)", said)
    assert "source: web" in said
    assert "status: lead ->" in said
    assert said.index("created") < said.index("moved")

    _, of_run, _ = studio_data("activity", "--run-id", "run-42", "--json")
    assert [json.loads(line)["action"] for line in of_run.splitlines()] == ["created"]
    assert studio_data("activity", "--entity-id", str(client["id"]))[0] == 1


@pytest.mark.processes
def test_activity_follows_the_trail_and_ends_with_ctrl_c(committed_db: str) -> None:
    first = create_client("Ann")
    with started("activity", "--follow", "--json") as following:
        assert following.stdout is not None
        assert json.loads(following.stdout.readline())["entity_id"] == str(first["id"])

        with db.transaction():
            late = create_client("written before, committed after")
            db_time = subprocess.run(
                [*COMMAND, "call", "--json", "create_client", "--name", "Ben"], capture_output=True, text=True, check=True
            )
            assert json.loads(following.stdout.readline())["entity_id"] == json.loads(db_time.stdout)["id"]
        assert json.loads(following.stdout.readline())["entity_id"] == str(late["id"])

        following.send_signal(signal.SIGINT)
        rest, error = following.communicate(timeout=60)
    assert (following.returncode, rest, error) == (0, "", "")


# shell, prune ---------------------------------------------------------------------------------------------------------


@pytest.mark.processes
def test_the_shell_has_the_tools_and_an_actor(committed_db: str) -> None:
    typed = (
        'client = create_client("Ann")\n'
        "with preview() as plan:\n"
        '    _ = create_client("Ben")\n\n'
        "len(plan.changes)\n"
        'call("get_client", {"client_id": str(client["id"])})["name"]\n'
    )
    finished = subprocess.run(
        [sys.executable, "-m", "studio_data", "shell", "--actor", "maria"],
        input=typed, capture_output=True, text=True, check=True, timeout=30,
    )  # fmt: skip

    assert f"{len(all_tools())} tools are here" in finished.stderr
    assert re.search(r">>> 2\n>>> 'Ann'", finished.stdout)
    assert "Traceback" not in finished.stdout + finished.stderr
    assert db.one("SELECT actor_name FROM activity_log") == {"actor_name": "maria"}


def test_prune_says_how_many_results_it_removed() -> None:
    db.one(
        """
        INSERT INTO call_ledger (key, tool, arguments_hash, created_at)
        SELECT 'key ' || days, 'create_client', sha256('x'), now() - make_interval(days => days)
        FROM generate_series(1, 60) AS days
        """
    )

    assert studio_data("prune")[:2] == (0, "Removed 30 results older than 30 days.\n")
    assert json.loads(studio_data("prune", "--days", "10", "--json")[1]) == {"removed": 20}
    assert studio_data("prune", "--days", "0")[0] == 2
