"""The TypedDicts that describe results say what the tables have."""

import re
from datetime import date, datetime
from decimal import Decimal
from types import ModuleType, NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints, is_typeddict
from uuid import UUID

import pytest

from studio_data import db
from studio_data.contract.registry import all_tools

PYTHON_TYPES = {
    "uuid": UUID,
    "text": str,
    "character varying": str,
    "USER-DEFINED": str,  # an enum
    "numeric": Decimal,
    "integer": int,
    "double precision": float,
    "boolean": bool,
    "date": date,
    "timestamp with time zone": datetime,
    "jsonb": dict[str, Any],
    "ARRAY": list[int],
}


BOOKKEEPING = {"transaction_id"}  # columns that no answer has
BESIDES = {"design_fees": {"due_date": (date, True)}}
"""What answers say besides the table's columns: the practice's day of a moment."""


def _modules() -> list[ModuleType]:
    import sys  # noqa: PLC0415

    return [sys.modules[name] for name in sorted({tool.module for tool in all_tools()}) if "studio_data.tools" in name]


ROWS = {
    found.group(1): described
    for module in _modules()
    for described in vars(module).values()
    if is_typeddict(described) and (found := re.match(r"One row of ``(\w+)``", described.__doc__ or ""))
}


def test_every_table_that_tools_answer_with_is_described() -> None:
    assert set(ROWS) >= {"clients", "projects", "activity_log"}


@pytest.mark.parametrize("table", sorted(ROWS))
def test_a_row_is_described_as_the_table_has_it(table: str) -> None:
    columns = db.many(
        """
        SELECT column_name, data_type, is_nullable = 'YES' AS is_nullable
        FROM information_schema.columns
        WHERE table_schema = current_schema() AND table_name = %s
        ORDER BY ordinal_position
        """,
        (table,),
    )
    columns = [row for row in columns if row["column_name"] not in BOOKKEEPING]
    expected = {row["column_name"]: (PYTHON_TYPES[row["data_type"]], row["is_nullable"]) for row in columns}

    described = {name: _type_and_nullable(hint) for name, hint in get_type_hints(ROWS[table]).items()}

    assert described == expected | BESIDES.get(table, {})
    assert [name for name in described if name in expected] == list(expected)


def _type_and_nullable(hint: Any) -> tuple[Any, bool]:
    if get_origin(hint) in {Union, UnionType}:
        options = get_args(hint)
        (kind,) = (option for option in options if option is not NoneType)
        return kind, NoneType in options
    return hint, False
