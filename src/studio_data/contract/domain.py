"""What a domain declares: everything that the contract, the operations, the faces and the tests have to know of it.

A domain is a package of tools with a ``domain.py`` whose ``DOMAIN`` is one of these. Nothing else lists a domain's things.
"""

import pkgutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from importlib import import_module
from typing import Any, Literal, LiteralString, cast

from pydantic import GetCoreSchemaHandler
from pydantic_core import core_schema

from studio_data.contract import fields
from studio_data.contract.lifecycle import Lifecycle, Moves
from studio_data.contract.roles import READERS, Role
from studio_data.contract.validators import member_of

TOOLS = "studio_data.tools"

type Write = Literal["INSERT", "UPDATE", "DELETE"]


@dataclass(frozen=True)
class Table:
    """A table, and what the tools do with its rows: the agents' database role may do just that."""

    name: str
    writes: tuple[Write, ...] = ("INSERT", "UPDATE")
    final: tuple[str, ...] = ()
    """Columns that no tool changes."""
    hidden: tuple[str, ...] = ()
    """Columns that no answer, preview, line or export shows, and that the reader's database role does not see."""
    is_for_readers: bool = True
    """False for what only the tools need to see."""
    has_imports: bool = False
    """Whether tools insert rows with the id and the times that they had elsewhere."""
    ends_of_days: tuple[str, ...] = ()
    """Columns with the moment at which a day ends for the practice: they keep the day when its time zone changes."""
    is_locked: bool = False
    """Whether tools take LOCK TABLE, which asks for UPDATE of the whole table."""


@dataclass(frozen=True)
class View:
    """A view, which tools and people look at."""

    name: str
    is_for_readers: bool = True
    """False for one that asks for columns which the reader's database role does not see."""


@dataclass(frozen=True)
class Entity:
    """A kind of thing that has an id: its table, the kind of its owner, and how to find the right id."""

    entity_type: str
    table: str
    owner: str | None = None
    """The owner's kind: the table has its id in the column of that name with ``_id``."""
    hint: str | None = None
    name: LiteralString | None = None
    """What people call a row: an SQL expression over the table."""
    argument: str | None = None
    """What tools call its id, if it is not the kind with ``_id``."""


@dataclass(frozen=True)
class Invariant:
    """What no tool leaves behind: rows that contradict a rule, and what mends them."""

    found: str
    """What these rows are, after their number."""
    query: LiteralString
    """Returns the ``id`` of each."""
    fix: str
    """What mends it: a command as it is typed, or what a person does."""


@dataclass(frozen=True, kw_only=True)
class Domain:
    """A package of tools, and what stands in the database for it."""

    name: str
    """What people call it, after "rules of": ``the practice``."""
    title: str
    """What it keeps, for people and models: ``clients, projects``."""
    pages: Sequence[str] = ()
    """The pages of docs/ that describe it; the generated reference lists them."""
    tables: Sequence[Table] = ()
    views: Sequence[View] = ()
    functions: Sequence[str] = ()
    """Functions on which its statements rely: nobody who uses the tools may own them."""
    enums: Mapping[str, type[StrEnum]] = field(default_factory=dict[str, type[StrEnum]])
    """The database's enums by name."""
    entities: Sequence[Entity] = ()
    refusals: Mapping[str, str] = field(default_factory=dict[str, str])
    """What a constraint of the database says, as a sentence without a full stop."""
    actions: Mapping[str, str] = field(default_factory=dict[str, str])
    """The words of the audit trail that are its own, and what each means."""
    words: Mapping[str, str] = field(default_factory=dict[str, str])
    """Everyday words, and the words of its tools that they stand for: ``find_tools`` looks for both."""
    core: Mapping[Role | None, Sequence[str]] = field(default_factory=dict[Role | None, Sequence[str]])
    """Its tools that a role uses all day: what a model sees of many tools before it looks for others. None: no role."""
    readers: frozenset[Role] = READERS
    """Who may call its tools that read and name no roles."""
    writers: frozenset[Role] = frozenset()
    """Who may call its tools that write and name no roles; if empty, each has to name them."""
    moves: Sequence[Moves] = ()
    """What ``available_actions`` explains."""
    other_lifecycles: Sequence[Lifecycle[Any]] = ()
    """Lifecycles that no tool moves by themselves."""
    invariants: Sequence[Invariant] = ()
    """What ``doctor`` looks for."""

    @property
    def lifecycles(self) -> list[Lifecycle[Any]]:
        """Every lifecycle of its things."""
        return [moves.lifecycle for moves in self.moves] + list(self.other_lifecycles)


# All of them ----------------------------------------------------------------------------------------------------------


@cache
def domains() -> dict[str, Domain]:
    """Return every domain by its package: first the nouns that all may know, then the others by name."""
    package = import_module(TOOLS)
    names = [TOOLS, *(f"{TOOLS}.{module.name}" for module in pkgutil.iter_modules(package.__path__) if module.ispkg)]
    return {name: import_module(f"{name}.domain").DOMAIN for name in names if _declares(name)}


def _declares(package: str) -> bool:
    return any(module.name == "domain" for module in pkgutil.iter_modules(import_module(package).__path__))


def domain_of(module: str | None) -> Domain | None:
    """Return the domain to which a module of tools belongs; None for somebody's own tools, in a module or at a prompt."""
    package = (module or "").rpartition(".")[0]
    if package != TOOLS and not package.startswith(f"{TOOLS}."):
        return None
    return import_module(f"{package}.domain").DOMAIN


def entities() -> dict[str, Entity]:
    """Return every kind of thing that has an id."""
    return {entity.entity_type: entity for domain in domains().values() for entity in domain.entities}


def core_of(role: Role | None) -> list[str]:
    """Return the tools that a role uses all day, or those of people who act without one, by name."""
    return sorted(name for domain in domains().values() for name in domain.core.get(role, ()))


def hidden_columns(table: str) -> tuple[str, ...]:
    """Return the columns of a table that no answer may show."""
    return next((found.hidden for domain in domains().values() for found in domain.tables if found.name == table), ())


def moves_of(entity_type: str) -> Moves:
    """Return the moves of a kind of thing that has some."""
    return _moves()[entity_type]


def domain_with(entity_type: str) -> Domain:
    """Return the domain whose things of this kind move."""
    moves = moves_of(entity_type)
    return next(domain for domain in domains().values() if moves in domain.moves)


def _moves() -> dict[str, Moves]:
    return {moves.lifecycle.entity_type: moves for domain in domains().values() for moves in domain.moves}


def refusals() -> dict[str, str]:
    """Return what each constraint says: those of the fields that all domains have, and those of each domain."""
    return fields.REFUSALS | {name: sentence for domain in domains().values() for name, sentence in domain.refusals.items()}


class WithMoves:
    """Marks an argument that is a kind of thing with moves. Which there are is asked when the tool is first called."""

    def __get_pydantic_core_schema__(self, _source: Any, _handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:  # noqa: ANN401
        """Return what checks the argument."""
        kinds = list(_moves())
        known = cast("type[StrEnum]", StrEnum("Kind", {kind.upper(): kind for kind in kinds}))
        return core_schema.no_info_plain_validator_function(member_of(known))

    def __get_pydantic_json_schema__(self, *_: object) -> dict[str, Any]:
        """Return what a model is told of the argument."""
        return {"type": "string", "enum": list(_moves())}
