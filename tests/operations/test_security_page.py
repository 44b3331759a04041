"""SECURITY.md says what the grants and the registry say."""

import re
from collections.abc import Generator

import psycopg
import pytest

from studio_data.config import settings
from studio_data.contract.domain import domains
from studio_data.contract.registry import all_tools
from studio_data.operations import database_roles
from studio_data.operations.database_rights import AGENT, OWNER, READER
from studio_data.postgres.pool import connect
from tests.conftest import ROOT, new_database

PAGE = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
COLUMNS = [AGENT, READER, OWNER]


@pytest.fixture(scope="module")
def url(server_url: str, template: str) -> Generator[str]:
    with new_database(server_url, template=template) as made:
        with connect(made, settings()) as connection:
            database_roles.set_up(connection)
        yield made


def said(row: str) -> dict[str, str]:
    """Return what a row of the table says of each role."""
    (line,) = re.findall(rf"^\| {row} \|(.*)\|$", PAGE, flags=re.MULTILINE)
    return dict(zip(COLUMNS, (cell.strip() for cell in line.split("|")), strict=False))


def tables_with(url: str, role: str, privilege: str) -> set[str]:
    with psycopg.connect(url) as connection:
        found = connection.execute(
            """
            SELECT relname FROM pg_class
            WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND has_table_privilege(%s, oid, %s)
            """,
            (role, privilege),
        ).fetchall()
    return {name for (name,) in found}


def test_the_page_says_what_each_role_deletes(url: str) -> None:
    assert tables_with(url, AGENT, "DELETE") == set(re.findall(r"`([a-z_]+)`", said("deletes rows")[AGENT])) != set()
    assert (said("deletes rows")[READER], tables_with(url, READER, "DELETE")) == ("no", set())
    assert "practice" in said("deletes rows")[OWNER]
    assert {"clients", "call_ledger"} <= tables_with(url, OWNER, "DELETE")
    assert "activity_log" not in tables_with(url, OWNER, "DELETE")


def test_the_page_says_who_writes_rows_and_lines(url: str) -> None:
    declared = {table.name for domain in domains().values() for table in domain.tables if "INSERT" in table.writes}
    with psycopg.connect(url) as connection:
        inserts = {
            name
            for (name,) in connection.execute(
                "SELECT DISTINCT table_name FROM information_schema.column_privileges"
                " WHERE grantee = %s AND privilege_type = 'INSERT'",
                (AGENT,),
            )
        }
    assert (said("writes rows")[AGENT], declared - inserts) == ("what the tools write", set())
    assert (said("writes rows")[READER], tables_with(url, READER, "INSERT")) == ("no", set())
    line = said("writes a line into the log")
    assert line[AGENT].startswith("yes")
    assert (line[READER], line[OWNER]) == ("no", "no")
    assert "activity_log" in inserts
    assert "activity_log" not in tables_with(url, OWNER, "INSERT")


def test_the_page_names_every_tool_that_takes_a_secret() -> None:
    takes = {
        tool.name
        for tool in all_tools()
        for name in tool.arguments.names
        if re.search(r"(^|_)(api_key|secret|password|token)$", name)
    }
    (sentence,) = re.findall(r"API keys of agents: (.*?) is the only tool that takes a secret", PAGE)
    assert takes == set(re.findall(r"`([a-z_]+)`", sentence))
