"""What has already happened is recorded, however it is worded, and its line says what was done to it."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from studio_data import call, db
from studio_data.contract import reports, validators
from studio_data.contract.fields import ReportedContent, ReportedLine, ReportedObject, ReportedText
from studio_data.contract.registry import all_tools, get_tool
from studio_data.errors import InvalidInputError
from tests.examples import EXAMPLES, Practice, by_whom
from tests.support.lifecycle import lines

each_in_the_tests_transaction = hypothesis_settings(
    deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
REPORTS = {
    ReportedContent: "text", ReportedText: "text", ReportedText | None: "text", ReportedLine: "line",
    ReportedObject: "object", ReportedObject | None: "object",
}  # fmt: skip
REPORTED = [
    (tool, name, REPORTS[kind])
    for tool in all_tools()
    if tool.module.startswith("studio_data.tools.")
    for name, kind in tool.arguments._types.items()
    if kind in REPORTS
]
FINISH = get_tool("finish_execution")
TERMINAL = "\x1b[31mred\x1b[0m \x1b]0;title\x07done\x00"


# Text -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "kept", "done"),
    [
        ("Nine tasks", "Nine tasks", {}),
        (TERMINAL, "red done", {"removed": 20}),
        ("\x1b]8;;https://example.com\x1b\\link\x1b]8;;\x1b\\", "link", {"removed": 33}),
        ("a\x00b\x08c\x9b1md\x1b(B", "abcd", {"removed": 8}),
        ("half \ud800", "half \ufffd", {"replaced": 1}),
        ("\x1b[0m", "(empty)", {"was_empty": True, "removed": 4}),
        ("", "(empty)", {"was_empty": True}),
        (" \u200b\n", "(empty)", {"was_empty": True}),
        ("one\r\ntwo\tthree", "one\r\ntwo\tthree", {}),
        ("\x1b]0;an end that never comes", "0;an end that never comes", {"removed": 2}),
    ],
)
def test_text_is_cleaned(given: str, kept: str, done: dict[str, Any]) -> None:
    reported = reports.text(given)

    assert (reported, reported.done) == (kept, done)


def test_a_long_text_keeps_its_beginning_and_its_end() -> None:
    reported = reports.text("Traceback" + "x" * 25_000 + "ValueError: the cause")

    assert len(reported) <= 20_000
    assert reported.startswith("Traceback")
    assert reported.endswith("ValueError: the cause")
    assert reported.done == {"cut_from": 25_030}


@pytest.mark.parametrize("given", ["", " ", "\x1b[0m", "\x00"])
@pytest.mark.parametrize("kept_by", [reports.content, reports.line])
def test_what_says_nothing_is_refused_where_it_is_all(kept_by: Callable[[object], str], given: str) -> None:
    with pytest.raises(ValueError, match="must not be empty or blank"):
        kept_by(given)


def test_a_line_has_no_breaks() -> None:
    reported = reports.line("called\n\tthe \x1b[1mvendor" + "x" * 300)

    assert reported.startswith("called the vendor")
    assert len(reported) == 200


@given(st.text() | st.text(st.sampled_from("\x1b\x00\x9b]\\[m\ud800 \n\u200ba😀"), max_size=60), st.integers(1, 5_000))
@each_in_the_tests_transaction
def test_any_text_is_kept_as_the_database_takes_it(given: str, times: int) -> None:
    long = f"a{given * times}"
    for reported, kind in ((reports.text(given * times), "long_text"), (reports.line(long), "short_text")):
        db.one(f"SELECT %s::{kind} AS kept", (str(reported),))  # pyright: ignore[reportArgumentType]
        assert len(reported.encode()) <= 48_000


# JSON -----------------------------------------------------------------------------------------------------------------


class Odd:
    """No JSON at all."""


def circle() -> dict[str, Any]:
    document: dict[str, Any] = {"name": "circle"}
    document["parts"] = [document] * 10
    return document


@pytest.mark.parametrize(
    ("given", "kept", "done"),
    [
        ({"agent_type": "eng", "n": [1, 2.5, None, True]}, {"agent_type": "eng", "n": [1, 2.5, None, True]}, {}),
        ({"a\x00": "b\x00"}, {"a": "b"}, {"removed": 2}),
        ({"a": "\ud800"}, {"a": "\ufffd"}, {"replaced": 1}),
        ({"loss": float("nan"), "most": float("inf")}, {"loss": "nan", "most": "inf"}, {"written_as_text": 2}),
        ({"cost": Decimal("0.10")}, {"cost": "0.10"}, {"written_as_text": 1}),
        ({"at": datetime(2026, 11, 23, tzinfo=UTC)}, {"at": "2026-11-23 00:00:00+00:00"}, {"written_as_text": 1}),
        ({"id": UUID(int=7)}, {"id": "00000000-0000-0000-0000-000000000007"}, {"written_as_text": 1}),
        ({"error": ValueError("no")}, {"error": "ValueError: no"}, {"written_as_text": 1}),
        ({"raw": b"\xff\x00a"}, {"raw": "\ufffda"}, {"written_as_text": 1, "removed": 1}),
        ({"all": ("a", "b")}, {"all": ["a", "b"]}, {}),
        ({1: "one", None: "none"}, {"1": "one", "None": "none"}, {"written_as_text": 2}),
        ({"odd": Odd(), "big": 10**5_000}, {"odd": "<Odd>", "big": "beyond 1e300"}, {"written_as_text": 2}),
    ],
)
def test_what_is_no_json_becomes_text(given: dict[Any, Any], kept: dict[str, Any], done: dict[str, Any]) -> None:
    reported = reports.json_object(given)

    assert (dict(reported), reported.done) == (kept, done)


@pytest.mark.parametrize(
    "given",
    [
        {"log": "x" * 100_000},
        {str(number): "ü" * 3_000 for number in range(40)},
        {str(number): number for number in range(20_000)},
        {"list": list(range(100_000))},
        {"x" * 100_000: 1, "kept": 1},
        {"quotes": '"\n' * 60_000},
        circle(),
    ],
    ids=["text", "texts", "entries", "list", "key", "escapes", "circle"],
)
def test_what_is_too_much_is_cut_and_said(given: dict[str, Any]) -> None:
    reported = reports.json_object(given)

    assert validators.json_object(dict(reported)) == reported
    assert len(json.dumps(reported, ensure_ascii=False).encode()) <= 65_536
    assert reported
    assert reported.done


def test_what_is_too_deep_is_cut() -> None:
    document: dict[str, Any] = {}
    for _ in range(3_000):
        document = {"a": document}

    assert validators.json_object(dict(reports.json_object(document)))
    assert reports.json_object(document).done == {"is_cut": True}


# By tool --------------------------------------------------------------------------------------------------------------


def test_the_tools_that_report_the_past_are_these() -> None:
    assert {f"{tool.name}({name})" for tool, name, _ in REPORTED} == {
        "fail_session(reason)", "finish_execution(error_message)", "finish_execution(output_summary)",
        "import_session(metadata)", "import_session(user_mission)", "log_activity(action)", "log_activity(metadata)",
        "record_artifact(metadata)", "record_iteration(note)", "record_metric(labels)", "record_quote(notes)",
        "record_screening(screening_data)", "save_checkpoint(metadata)", "start_execution(input_summary)",
        "start_execution(metadata)",
    }  # fmt: skip


@pytest.mark.parametrize(("tool", "name", "kind"), REPORTED, ids=lambda part: getattr(part, "name", None) or str(part))
@pytest.mark.parametrize("wording", ["terminal", "long", "emojis"])
def test_no_wording_of_a_report_is_refused(tool: Any, name: str, kind: str, wording: str, practice: Practice) -> None:
    text = {"terminal": TERMINAL, "long": "x" * 25_000, "emojis": "😀" * 25_000}[wording]
    value: Any = text if kind != "object" else {"text\x00": text * 4, "nan": float("nan")}
    arguments = EXAMPLES[tool.name].arguments(practice) | {name: value}

    with by_whom(tool):
        tool.run((), arguments)

    assert {"note": "reason"}.get(name, name) in lines()[-1]["metadata"]["cleaned"]


def test_a_meeting_is_completed_however_its_items_are_worded(practice: Practice) -> None:
    arguments = EXAMPLES["complete_meeting"].arguments(practice)
    items = [{"description": "Send the plan"}, {"description": TERMINAL}, {"description": "x" * 25_000}]

    with by_whom(get_tool("complete_meeting")):
        meeting = call("complete_meeting", {**json.loads(json.dumps(arguments, default=str)), "action_items": items})

    assert [item["description"][:8] for item in meeting["action_items"]] == ["Send the", "red done", "x" * 8]
    (line,) = [line for line in lines() if "cleaned" in line["metadata"]]
    assert line["entity_type"] == "meeting"
    assert line["metadata"]["cleaned"] == {
        "action_items[1].description": {"removed": 20},
        "action_items[2].description": {"cut_from": 25_000},
    }


@pytest.mark.parametrize(
    ("cost", "stored"),
    [
        ("1e-05", "0.00001"), (1e-05, "0.00001"), (Decimal("0.01234567"), "0.012346"), ("0.01234567", "0.012346"),
        (1e-9, "0"), ("2.5E+1", "25"), (3, "3"),
    ],
)  # fmt: skip
def test_a_cost_counts_however_its_digits_are_written(cost: Any, stored: str, practice: Practice) -> None:
    with by_whom(FINISH):
        ended = FINISH.run((), EXAMPLES[FINISH.name].arguments(practice) | {"cost": cost, "tokens_used": 12.0})

    assert (ended["cost"], ended["tokens_used"]) == (Decimal(stored), 12)


@pytest.mark.parametrize("cost", [-1, "-0.1", "nan", float("inf"), "free", "1e99", None, True])
def test_what_is_no_cost_is_refused(cost: Any, practice: Practice) -> None:
    with by_whom(FINISH), pytest.raises(InvalidInputError, match="cost must be"):
        FINISH.run((), EXAMPLES[FINISH.name].arguments(practice) | {"cost": cost})


def test_an_error_without_text_fails_the_execution(practice: Practice) -> None:
    with by_whom(FINISH):
        ended = FINISH.run((), EXAMPLES[FINISH.name].arguments(practice) | {"error_message": ""})

    assert (ended["status"], ended["error_message"]) == ("failed", "(empty)")
