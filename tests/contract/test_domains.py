"""What the domains declare is there, and what is there is declared: a new domain is held to it without a line here."""

import re
from typing import Any

import pytest
from psycopg import sql

from studio_data import db
from studio_data.contract.audit import Action
from studio_data.contract.domain import TOOLS, Domain, core_of, domain_of, domains, entities, refusals
from studio_data.contract.registry import all_tools
from studio_data.contract.roles import Role
from studio_data.errors import InvalidInputError
from tests.conftest import ROOT
from tests.examples import EXAMPLES
from tests.support.reference import own_tools, page_of

each = pytest.mark.parametrize("package", domains())


def names(query: str) -> set[str]:
    return {row["name"] for row in db.many(query)}  # pyright: ignore[reportArgumentType]


def declared(of: str) -> list[Any]:
    return [thing for domain in domains().values() for thing in getattr(domain, of)]


@each
def test_a_domain_says_who_it_is_in_words_of_its_own(package: str) -> None:
    domain = domains()[package]

    assert re.fullmatch(r"[a-z][a-z ]+[a-z]", domain.name)
    assert re.fullmatch(r"[a-z][a-z, :]+[a-z]", domain.title)
    assert [other.name for other in domains().values()].count(domain.name) == 1
    assert domain.pages
    assert [page for page in domain.pages if not (ROOT / "docs" / page).exists()] == []
    assert page_of(package).exists()


@each
def test_its_tools_have_examples_beside_it_and_readers_and_writers(package: str) -> None:
    tools = [tool for tool in own_tools() if domain_of(tool.module) is domains()[package]]

    assert tools
    assert {tool.name for tool in tools} <= set(EXAMPLES)
    assert Role.READER in domains()[package].readers
    assert Role.READER not in domains()[package].writers


def test_what_the_database_has_is_declared_once() -> None:
    tables, views = [table.name for table in declared("tables")], [view.name for view in declared("views")]
    of_the_library = {"activity_log", "audit_seals", "call_ledger", "preview_changes", "schema_version"}
    everything = [*tables, *views, *declared("functions")]

    assert len(set(everything)) == len(everything)
    assert set(tables) | of_the_library == names(
        "SELECT tablename AS name FROM pg_tables WHERE schemaname = current_schema()"
    )
    assert set(views) | {"erased_lines"} == names(
        "SELECT viewname AS name FROM pg_views WHERE schemaname = current_schema()"
    )
    assert set(declared("functions")) <= names(
        "SELECT proname AS name FROM pg_proc WHERE pronamespace = current_schema()::regnamespace"
    )


def test_the_columns_that_a_table_declares_are_its_own() -> None:
    for table in declared("tables"):
        columns = names(
            f"SELECT attname AS name FROM pg_attribute WHERE attrelid = '{table.name}'::regclass AND attnum > 0"  # noqa: S608
        )
        assert {*table.final, *table.hidden} <= columns, table.name


def test_every_kind_of_thing_can_be_found_by_its_id_and_its_name() -> None:
    for entity in entities().values():
        owner = sql.Identifier(f"{entity.owner}_id") if entity.owner else sql.NULL
        db.many(
            sql.SQL("SELECT id, {}, {} FROM {} LIMIT 1").format(
                owner, sql.SQL(entity.name or "NULL"), sql.Identifier(entity.table)
            )
        )
        assert entity.owner is None or entity.owner in entities()
    assert len(entities()) == len(declared("entities"))


def test_every_constraint_with_a_sentence_is_in_the_database() -> None:
    known = names("SELECT conname AS name FROM pg_constraint WHERE connamespace = current_schema()::regnamespace")

    assert set(refusals()) <= known
    assert all(re.fullmatch(r"[A-Za-z].*[^.]", sentence) for sentence in refusals().values())


def test_no_domain_takes_the_words_of_all_or_of_another() -> None:
    words = [word for domain in domains().values() for word in domain.actions]

    assert not set(words) & set(Action)
    assert len(set(words)) == len(words)


MOST_IN_A_CORE = 15


@pytest.mark.parametrize("role", [None, *Role])
def test_every_role_has_a_core_of_its_own_tools(role: Role | None) -> None:
    toolset = {tool.name: tool for tool in own_tools() if role is None or role in tool.roles}

    assert 0 < len(core_of(role)) <= MOST_IN_A_CORE
    assert len(set(core_of(role))) == len(core_of(role))
    for domain in domains().values():
        assert [name for name in domain.core.get(role, ()) if domain_of(toolset[name].module) is not domain] == []


def test_every_move_is_made_by_a_tool_of_the_library() -> None:
    known = {tool.name: tool for tool in all_tools()}
    for moves in declared("moves"):
        assert moves.lifecycle.entity_type in entities()
        for move in moves.moves:
            assert not known[move.tool].reads, move.tool


def test_every_invariant_holds_in_a_practice_that_only_tools_have_written() -> None:
    for invariant in declared("invariants"):
        assert db.many(invariant.query, reads=True) == [], invariant.found


def test_somebodys_own_tools_belong_to_no_domain() -> None:
    assert domain_of("agency.tools") is None
    assert isinstance(domain_of(f"{TOOLS}.clients"), Domain)


def test_a_kind_without_moves_is_refused_with_those_that_have_some() -> None:
    from studio_data.tools.available_actions import available_actions  # noqa: PLC0415

    with pytest.raises(InvalidInputError, match=r"entity_type must be client, .*, not 'vendor'"):
        available_actions("vendor", "01a205b0-0000-7000-8000-000000000001")


CORE = [
    "contract",
    "operations",
    "postgres",
    "db.py",
    "dispatch.py",
    "export.py",
    "langgraph.py",
    "mcp",
    "telemetry.py",
]
"""What serves every domain and lists none. The command line plays a practice, and so knows one."""


def test_what_serves_every_domain_names_none() -> None:
    own = [table.name for package, domain in domains().items() if package != TOOLS for table in domain.tables]
    in_sql = re.compile(rf"\b(?:FROM|JOIN|INTO|UPDATE|TABLE)\s+(?:{'|'.join(own)})\b")
    names = "|".join(package.rpartition(".")[2] for package in domains() if package != TOOLS)
    imported = re.compile(rf"{re.escape(TOOLS)}\.(?:{names})\b")
    for name in CORE:
        place = ROOT / "src" / "studio_data" / name
        for file in [place] if place.is_file() else sorted(place.glob("*.py")):
            text = file.read_text(encoding="utf-8")
            assert in_sql.findall(text) + imported.findall(text) == [], file.name
