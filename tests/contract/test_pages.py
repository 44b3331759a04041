"""What every list has: few items for a model, what is left, the fields that were asked for, a word on what was meant."""

import json
from typing import Any

import pytest

from studio_data import call, db
from studio_data.contract import arguments, paging
from studio_data.contract.registry import Tool, all_tools, get_tool
from studio_data.errors import InvalidInputError, UnavailableError
from studio_data.tools.clients import create_client, list_clients
from studio_data.tools.practice.action_items import add_action_item, list_action_items
from studio_data.tools.practice.meetings import schedule_meeting
from studio_data.tools.practice.price_benchmarks import find_benchmarks, set_benchmark
from studio_data.tools.practice.project_trades import assign_trade, compare_trades
from studio_data.tools.practice.tasks import add_task, list_tasks
from studio_data.tools.practice.trades import create_trade, list_trades
from studio_data.tools.practice.vendors import create_vendor, list_vendors
from studio_data.tools.projects import create_project
from tests.examples import EXAMPLES, Practice
from tests.support.time_zone import today

TOOLS = [tool for tool in all_tools() if tool.module.startswith("studio_data.tools.")]
PAGES = [tool for tool in TOOLS if {"limit", "after"} <= set(tool.arguments.names)]
COMPOSED = {"practice_report", "session_timeline"}
"""Answers that have a page among other parts: each of its items is needed whole."""

WITHOUT_SEARCH = {
    "list_meetings", "list_checkpoints",  # rows without text of their own
    "list_activity", "get_history", "project_feed",  # a search of the whole trail would read it all
    "list_project_trades", "compare_trades",  # a handful of a project
}  # fmt: skip
CHARACTERS_PER_TOKEN = 3
"""JSON with ids has more tokens than prose: by Anthropic's tokenizer of Claude 2, 2.5 characters each."""

lists = pytest.mark.parametrize("tool", [tool for tool in PAGES if tool.name not in COMPOSED], ids=lambda tool: tool.name)


def asked(tool: Tool, practice: Practice) -> dict[str, Any]:
    """Return what a model gives in the tool's example, without the page's own arguments."""
    given = json.loads(json.dumps(EXAMPLES[tool.name].arguments(practice), default=str))
    return {name: value for name, value in given.items() if name not in {"limit", "after", "search"}}


# What a model sees ----------------------------------------------------------------------------------------------------


@lists
def test_a_default_page_costs_a_model_at_most_2500_tokens(tool: Tool, practice: Practice) -> None:
    items = call(tool.name, asked(tool, practice))["items"]

    assert items
    widest = max(len(json.dumps(item, separators=(",", ":"))) for item in items)
    assert widest * tool.brief_limit / CHARACTERS_PER_TOKEN <= 2_500


@lists
def test_an_item_has_its_id_and_what_the_filters_do_not_say(tool: Tool, practice: Practice) -> None:
    given = asked(tool, practice)

    for item in call(tool.name, given)["items"]:
        assert set(item) == {"id", *(name for name in tool.brief if given.get(name) is None)}
    assert set(tool.brief) <= set(tool.output_schema["properties"]["items"]["items"]["properties"])


@lists
def test_a_list_takes_fields_and_says_how_to_go_on(tool: Tool, practice: Practice) -> None:
    given = asked(tool, practice)
    whole = call(tool.name, given | {"fields": "*"})["items"]
    known = list(tool.output_schema["properties"]["items"]["items"]["properties"])
    first, second = known[1:3]

    assert set(whole[0]) == set(known)
    for fields in (f"{second}, {first}", [first, second]):
        assert call(tool.name, given | {"fields": fields})["items"] == [
            {name: item[name] for name in item if name in {"id", first, second}} for item in whole
        ]
    refused = call(tool.name, given | {"fields": "nmae"})
    assert (refused["code"], refused["details"]["fields"]) == ("invalid_input", list(whole[0]))
    assert ", ".join(whole[0]) in refused["hint"]
    for name in ("limit", "after"):
        assert tool.input_schema["properties"][name]["description"]


@lists
def test_a_list_of_text_is_searched(tool: Tool, practice: Practice) -> None:
    if tool.name in WITHOUT_SEARCH:
        assert "search" not in tool.input_schema["properties"]
        return
    given = asked(tool, practice) | {"fields": "*"}
    every = call(tool.name, given)["items"]

    assert every
    assert call(tool.name, given | {"search": "no such thing \x00 here"})["items"] == []
    assert call(tool.name, given | {"search": " \t "})["items"] == every


def test_every_page_says_what_is_left() -> None:
    for tool in PAGES:
        assert tool.output_schema["properties"]["left"] == {"type": "integer"}, tool.name
        assert tool.name in COMPOSED or tool.brief, tool.name


# What is left ---------------------------------------------------------------------------------------------------------


def test_each_page_counts_what_follows_it() -> None:
    for number in range(5):
        create_client(f"Client {number}")

    left: list[int] = []
    page = list_clients(limit=2)
    while page["next"]:
        left.append(page["left"])
        page = list_clients(limit=2, after=page["next"])
    assert [*left, page["left"]] == [3, 1, 0]
    assert list_clients(limit=2, search="client 3")["left"] == 0


def test_a_long_list_is_counted_so_far_and_no_further(monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(6):
        create_client(f"Client {number}")
    monkeypatch.setattr(paging, "COUNTED", 3)

    assert [list_clients(limit=limit)["left"] for limit in (1, 2, 3, 4, 6)] == [3, 3, 3, 2, 0]


def test_a_model_gets_30_items_and_python_50() -> None:
    project = create_project(create_client("Ann")["id"], "LR", "furnishings")["project"]["id"]

    assert len(list_tasks(project_id=project)["items"]) == 50
    shown = call("list_tasks", {"project_id": str(project)})
    assert (len(shown["items"]), shown["left"]) == (30, 105)
    assert list(shown["items"][0]) == ["id", "status", "assigned_to", "due_date", "name", "phase"]
    assert len(call("list_tasks", {"project_id": str(project), "limit": 135})["items"]) == 135


# What was meant -------------------------------------------------------------------------------------------------------


def test_an_empty_list_says_what_its_filter_may_have_meant() -> None:
    project = create_project(create_client("Ann")["id"], "LR", "renovation")["project"]["id"]
    create_vendor("Fine Sofas", category="furniture")
    trade = create_trade("Bob", specialty="Drywall")
    assign_trade(project, trade_id=trade["id"], role="gc")
    set_benchmark("seating", item_type="sofa", quality_tier="mid-high", unit_price_estimate=4200)
    add_task(project, name="Measure", phase="conceptual_design", assigned_to="Maria Lopez")
    meeting = schedule_meeting(project, meeting_type="cdm", scheduled_date=today())
    add_action_item(meeting["id"], description="Send fabric.", assigned_to="Tom Ray")

    hints = [
        list_vendors(category="furnitures"),
        list_trades(specialty="drywal"),
        compare_trades(project, specialty="drywalls"),
        find_benchmarks(category="Seatings"),
        find_benchmarks(quality_tier="high"),
        list_tasks(project_id=project, assigned_to="maria"),
        list_action_items(assigned_to="Tom"),
        call("list_activity", {"action": "completd"}),
        call("list_activity", {"action": "status-changed"}),
    ]
    assert [found["items"] for found in hints] == [[]] * len(hints)
    assert [found.get("hint") for found in hints] == [
        "No category is 'furnitures'. Did you mean furniture?",
        "No specialty is 'drywal'. Did you mean Drywall?",
        "No specialty is 'drywalls'. Did you mean Drywall?",
        "No category is 'Seatings'. Did you mean seating?",
        "No quality_tier is 'high'. Did you mean mid-high?",
        "No assigned_to is 'maria'. Did you mean Maria Lopez?",
        "No assigned_to is 'Tom'. Did you mean Tom Ray?",
        None,
        "Did you mean status_changed?",
    ]  # fmt: skip


def test_an_unknown_value_without_a_near_one_gets_those_that_are() -> None:
    for name, category in (("A", "rugs"), ("B", "lighting")):
        create_vendor(name, category=category)

    hint = list_vendors(category="plumbing")["hint"]  # pyright: ignore[reportTypedDictNotRequiredAccess]
    assert hint.startswith("No category is 'plumbing'. Known are ")
    assert {"rugs", "lighting"} <= set(hint.removesuffix(".").partition("Known are ")[2].split(", "))


def test_a_filter_with_a_known_value_gets_no_hint() -> None:
    create_vendor("A", category="rugs")

    assert "hint" not in list_vendors(category="RUGS", search="nobody")
    assert "hint" not in list_vendors()


# Days -----------------------------------------------------------------------------------------------------------------


DAYS = [
    (tool, name)
    for tool in TOOLS
    for name, schema in tool.input_schema["properties"].items()
    if schema.get("format") in {"date", "date-time"}
]


@pytest.mark.parametrize(("tool", "name"), DAYS, ids=lambda part: getattr(part, "name", part))
@pytest.mark.parametrize(
    "given", ["today", "tomorrow", "next Friday", "11/29/2026", "2026-02-30", "2199-13-01T10:00:00Z", ""]
)
def test_a_refused_day_says_what_day_it_is(tool: Tool, name: str, given: str) -> None:
    with pytest.raises(InvalidInputError) as raised:
        tool.run((), {name: given})

    day = today()
    assert name in raised.value.details["arguments"]
    assert f"Today is {day:%A}, {day}." in (raised.value.hint or "")


def test_a_time_for_a_day_is_told_its_day() -> None:
    with pytest.raises(InvalidInputError, match=r"due_before must be a date without a time, like 2026-11-29\."):
        list_tasks(due_before="2026-11-29T10:00:00Z")


def test_without_a_database_a_day_is_refused_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: object, **__: object) -> None:
        raise UnavailableError("The database cannot be reached.")

    monkeypatch.setattr(arguments, "one", unreachable)

    with pytest.raises(InvalidInputError) as raised:
        get_tool("list_tasks").run((), {"due_before": "today"})
    assert raised.value.hint is None
    assert db.one("SELECT 1 AS alive") == {"alive": 1}
