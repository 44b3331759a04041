"""What makes a function a tool, and the one registry of all tools that every face reads."""

import hashlib
import importlib
import inspect
import json
import pkgutil
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import cached_property, wraps
from traceback import clear_frames
from typing import Any, get_type_hints

import psycopg
from pydantic import TypeAdapter

from studio_data.contract import schemas
from studio_data.contract.actor import ActorType, actor_required_by, current_actor
from studio_data.contract.arguments import Arguments
from studio_data.contract.audit import NOBODY, Call, current_call
from studio_data.contract.domain import TOOLS, domain_of, domains, refusals
from studio_data.contract.entities import with_names
from studio_data.contract.ledger import current_key, once
from studio_data.contract.preview import refuse_forked, runs_elsewhere
from studio_data.contract.roles import READERS, Role
from studio_data.contract.validators import checked, member_of
from studio_data.db import in_transaction, only_reads, savepoint
from studio_data.errors import (
    InvalidInputError,
    NotFoundError,
    PermissionDeniedError,
    SatisfyingCall,
    StudioError,
    UnavailableError,
    did_you_mean,
)
from studio_data.postgres.deadlines import call_deadline
from studio_data.postgres.failures import refusal
from studio_data.telemetry import Watched


class Tool:
    """A registered function, and all that is declared about it."""

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        roles: frozenset[Role],
        reads: bool,
        idempotent: bool,
        destructive: bool,
        people_only: bool | frozenset[str],
        brief: tuple[str, ...],
        brief_limit: int,
    ) -> None:
        self.function = function
        self.name = function.__name__
        self.module = function.__module__
        self.roles = roles
        """The roles that may call it."""
        self.reads = reads
        """Whether it writes nothing."""
        self.idempotent = idempotent
        """Whether repeating it with the same arguments changes nothing more."""
        self.destructive = destructive
        """Whether it ends or takes away something, so that a person might want to be asked first."""
        self.people_only = people_only
        """Whether only a person may call it, or the arguments that only a person may give."""
        self.brief = brief
        """What a model sees of each item of a page if it does not ask for other ``fields``."""
        self.brief_limit = brief_limit
        """How many items of a page it sees if it does not say: Python's 50 would cost it thousands of tokens."""
        self.arguments = Arguments(function)

    @cached_property
    def description(self) -> str:
        """What a model reads: the docstring's first two paragraphs (what it does; when, and what it refuses).

        A paragraph that begins with Returns or Raises is for developers: a model has the schema and the errors. What is for
        people only is said at the end.
        """
        paragraphs = inspect.cleandoc(self.function.__doc__ or "").split("\n\n")[:2]
        paragraphs = [text for text in paragraphs if not text.startswith(("Returns ", "Raises "))]
        if self.people_only is True:
            paragraphs.append("Only a person may call it.")
        elif self.people_only:
            paragraphs.append(f"Only a person may give {' and '.join(sorted(self.people_only))}.")
        return "\n".join(" ".join(paragraph.split()) for paragraph in paragraphs).replace("``", "`")

    @cached_property
    def result_type(self) -> TypeAdapter[Any]:
        """What writes its result as JSON and reads it back."""
        return TypeAdapter(get_type_hints(self.function, include_extras=True)["return"])

    @cached_property
    def input_schema(self) -> dict[str, Any]:
        """The JSON schema of the arguments that a model may give."""
        return schemas.of_arguments(self.arguments.exported_model)

    @cached_property
    def output_schema(self) -> dict[str, Any]:
        """The JSON schema of its result."""
        return (schemas.of_page if self.brief else schemas.of_result)(self.result_type)

    @cached_property
    def call(self) -> Call:
        """What the audit trail says of it. The fingerprint changes whenever what callers see of the tool does."""
        contract = [self.name, self.description, self.input_schema, self.output_schema, self.reads, self.idempotent]
        contract += [self.destructive, sorted(self.roles)]
        return Call(self.name, hashlib.sha256(json.dumps(contract, sort_keys=True).encode()).hexdigest()[:16])

    @property
    def fingerprint(self) -> str:
        """The version of its contract: 16 hexadecimal digits."""
        return self.call.fingerprint or ""

    def run(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:  # noqa: ANN401
        """Call the function as every caller does: role, arguments, audit, ledger, errors."""
        if current_call.get() is not NOBODY:
            return self._run(args, kwargs, is_outermost=False)
        with Watched(self.name, _who_calls):
            try:
                return self._run(args, kwargs, is_outermost=True)
            except StudioError as error:
                _forget_locals(error)
                raise

    def _run(self, args: tuple[Any, ...], kwargs: dict[str, Any], *, is_outermost: bool) -> Any:  # noqa: ANN401
        if is_outermost:
            self._check_actor()
        elif only_reads.get() and not self.reads:
            raise PermissionDeniedError(
                f"{self.name} writes, and a tool that reads may not call it.", details={"tool": self.name}
            )
        arguments = self.arguments.validated(args, kwargs)
        if self.people_only:
            self._check_person(arguments)
        call = current_call.set(self.call)
        reading = only_reads.set(self.reads)
        try:
            key = None if self.reads or not is_outermost else current_key.get()
            if key is None:
                with call_deadline():
                    if self.reads or not in_transaction():
                        return self.function(**arguments)
                    with savepoint():
                        return self.function(**arguments)
            given = self.arguments.without_defaults(arguments)
            return once(key, self.name, given, lambda: self.function(**arguments), self.result_type)
        except psycopg.Error as error:
            raise refusal(error, refusals()) from error
        except StudioError as error:
            say_whose(error.details.get("calls", []))
            if is_outermost:
                _name_things(error)
            raise
        finally:
            only_reads.reset(reading)
            current_call.reset(call)

    def refusal_of_the_actor(self) -> PermissionDeniedError | None:
        """Return why the actor may not call it: for its role, or since it is for people only."""
        return self._refusal_of_the_role() or self._refusal_of_all_but_people()

    def _refusal_of_all_but_people(self) -> PermissionDeniedError | None:
        return self._not_a_person(f"call {self.name}") if self.people_only is True else None

    def _check_person(self, arguments: Mapping[str, Any]) -> None:
        if isinstance(self.people_only, bool):
            refused = self._refusal_of_all_but_people()
        else:
            given = sorted(name for name in self.arguments.without_defaults(arguments) if name in self.people_only)
            refused = self._not_a_person(f"give {' and '.join(given)}") if given else None
        if refused is not None:
            raise refused

    def _not_a_person(self, what: str) -> PermissionDeniedError | None:
        acting = current_actor.get()
        actor_type = acting.type if acting else ActorType.SYSTEM
        if actor_type is ActorType.USER:
            return None
        return PermissionDeniedError(
            f"Only a person may {what}, not {actor_type}.",
            hint="Ask a person of the practice."
            if self.people_only is True
            else f"Leave out {' and '.join(sorted(self.people_only or ()))}, or ask a person of the practice.",
            details={"tool": self.name, "actor_type": actor_type.value, "rule": "people_only"},
        )

    def _check_actor(self) -> None:
        if not self.reads:
            refuse_forked()
        refused = self._refusal_of_nobody() if current_actor.get() is None else self._refusal_of_the_role()
        if refused is not None:
            raise refused

    def _refusal_of_the_role(self) -> PermissionDeniedError | None:
        acting = current_actor.get()
        if acting is None or acting.role is None or acting.role in self.roles:
            return None
        may = sorted(self.roles)
        return PermissionDeniedError(
            f"{self.name} is not in the toolset of the role {acting.role}.",
            hint=f"Ask one of these: {', '.join(may)}.",
            details={"tool": self.name, "role": acting.role.value, "roles": [role.value for role in may]},
        )

    def _refusal_of_nobody(self) -> PermissionDeniedError | None:
        """Refuse a write that nobody makes, where somebody must: a thread may have lost its actor, and with it the role."""
        if self.reads:
            return None
        required_by = actor_required_by() or ("a preview that runs in this process" if runs_elsewhere() else None)
        if required_by is None:
            return None
        return PermissionDeniedError(
            f"Nobody acts, and {self.name} writes.",
            hint="Call it inside acting_as(...). A thread has no actor of its own: run carried(function) in it.",
            details={"tool": self.name, "rule": "somebody_acts", "required_by": required_by},
        )


def _forget_locals(error: BaseException | None) -> None:
    """Empty the frames that a refusal has left.

    A local that holds the refusal would keep both until the garbage collector comes, and a caller who keeps the refusal
    would keep the call's arguments and rows.
    """
    while error is not None:
        clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__


def _name_things(error: StudioError) -> None:
    """Write the names of things into a refusal's message. Without an answer of the database the refusal has to do."""
    if isinstance(error, NotFoundError | UnavailableError):
        return
    with suppress(StudioError, psycopg.Error):
        (error.message,) = with_names([error.message])


def say_whose(calls: Iterable[SatisfyingCall]) -> None:
    """Write into the calls that the acting role may not make who may make them."""
    acting = current_actor.get()
    if acting is None or acting.role is None:
        return
    for call in calls:
        roles = get_tool(call["tool"]).roles
        if acting.role not in roles:
            call["roles"] = sorted(roles)


def _who_calls() -> dict[str, Any]:
    """Return who makes the running call, and by which key, for the process log: never what is in it."""
    acting = current_actor.get()
    given = current_key.get()
    key = given.text if given else None
    if acting is None:
        return {"key": key}
    return {"actor": acting.name, "role": acting.role, "run": acting.run_id, "key": key}


_tools: dict[str, Tool] = {}


def tool[**P, R](
    *,
    roles: Iterable[Role] = (),
    reads: bool = False,
    idempotent: bool = False,
    destructive: bool = False,
    people_only: bool | Iterable[str] = False,
    brief: Iterable[str] = (),
    brief_limit: int = 30,
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Make a function a tool; it stays an ordinary function to its callers.

    A call validates its arguments by their annotations (strictly, unknown ones refused) before the function sees them, holds
    the actor to the role's toolset, sets what the audit trail says about the call, is executed once for each ``call_key``,
    and lets no exception of psycopg or pydantic out: ``PermissionDeniedError`` for another role's tool,
    ``InvalidInputError`` for arguments, the classes of ``failures.refusal`` for what the database refuses.

    Say ``reads=True`` of a tool that writes nothing: the readers of its domain may call it or, where it names ``roles``,
    these and the reader. A tool that writes is for the writers of its domain, or names the ``roles`` that may (people, who
    act without a role, always may). It is ``idempotent`` if repeating it changes nothing more, and ``destructive`` if it
    ends or takes away something. With ``people_only`` agents and the system may not call it, or not give the arguments
    that it names. ``brief`` names the fields of each item of a page that a model sees if it asks for none, and
    ``brief_limit`` how many items.
    """
    named = frozenset(roles)
    if isinstance(people_only, str):
        raise TypeError(f"people_only names arguments in a list: people_only=[{people_only!r}]")
    only = people_only if isinstance(people_only, bool) else frozenset(people_only)

    def register(function: Callable[P, R]) -> Callable[P, R]:
        name = function.__name__
        if reads and destructive:
            raise TypeError(f"{name} reads: it destroys nothing")
        domain = domain_of(function.__module__)
        writers = named or (domain.writers if domain else named)
        readers = named | {Role.READER} if named else (domain.readers if domain else READERS)
        if not reads and not writers:
            raise TypeError(f"{name} writes: name the roles that may call it, or say reads=True")
        made = Tool(
            function,
            roles=readers if reads else writers,
            reads=reads,
            idempotent=reads or idempotent,
            destructive=destructive,
            people_only=only,
            brief=tuple(brief),
            brief_limit=brief_limit,
        )
        unknown: frozenset[str] = frozenset() if isinstance(only, bool) else only - set(made.arguments.names)
        if unknown:
            raise TypeError(f"{name} takes no argument {min(unknown)}, which people_only names")
        known = _tools.get(name)
        if known is not None and known.module != made.module:
            raise TypeError(f"{name} is a tool of {known.module} already; choose another name")
        _tools[name] = made

        @wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            return made.run(args, kwargs)

        return call

    return register


# The registry ---------------------------------------------------------------------------------------------------------


def all_tools(*, role: Role | str | None = None) -> list[Tool]:
    """Return every tool by name: the library's own, and those of modules that were imported. With a role, its toolset.

    Raises ``InvalidInputError`` for an unknown role.
    """
    if role is not None:
        role = checked("role", member_of(Role), role)
    package = importlib.import_module(TOOLS)
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        importlib.import_module(module.name)
    return [found for _, found in sorted(_tools.items()) if role is None or role in found.roles]


def get_tool(name: str) -> Tool:
    """Return the tool with this name. Raises ``InvalidInputError`` that names the nearest one."""
    found = _tools.get(name)
    if found is None:
        known = {tool.name: tool for tool in all_tools()}
        found = known.get(name)
        if found is None:
            raise InvalidInputError(
                f"There is no tool {name[:60]!r}.",
                hint=did_you_mean(name, list(known)) or "find_tools finds tools by what they do.",
                details={"tool": name[:60]},
            )
    return found


def find_tools(query: str, *, role: Role | str | None = None, limit: int = 10) -> list[Tool]:
    """Return the tools that fit a few words best, best first, for harnesses that load tools when they are needed.

    A tool fits if its name, its description or its arguments have one of the words, or one that begins alike; words in the
    name count most. What the domains say of everyday words counts too. Without a role it is the actor's. Raises
    ``InvalidInputError`` for an unknown role.
    """
    acting = current_actor.get()
    return ranked(query, all_tools(role=role or (acting.role if acting else None)))[:limit]


def ranked(query: str, tools: Iterable[Tool]) -> list[Tool]:
    """Return the tools that fit a few words, best first."""
    wanted = [_stem(word) for word in re.findall(r"\w+", query.lower())]
    meant = [also for word in wanted for also in _also_meant(word)]
    scored = [
        (2 * sum(_score(word, tool) for word in wanted) + sum(_score(word, tool) for word in meant), tool) for tool in tools
    ]
    return [tool for score, tool in sorted(scored, key=lambda pair: (-pair[0], pair[1].name)) if score]


def _also_meant(word: str) -> list[str]:
    """Return the words of tools that an everyday word stands for: fee for deposit."""
    said = [(known, meant) for domain in domains().values() for known, meant in domain.words.items()]
    return [also for known, meant in said if _stem(known) == word for also in meant.split()]


def _score(word: str, tool: Tool) -> int:
    in_name = word in tool.name if "_" in word else any(part.startswith(word) for part in tool.name.split("_"))
    elsewhere = f"{tool.description} {' '.join(tool.input_schema['properties'])}".lower().replace("_", " ")
    return 4 * in_name + bool(re.search(rf"\b{re.escape(word.replace('_', ' '))}", elsewhere))


def _stem(word: str) -> str:
    """Take the plural off an English word: enough to find create_client for "clients"."""
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word  # noqa: PLR2004
