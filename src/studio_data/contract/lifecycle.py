"""Lifecycles: the states of a kind of thing, the moves between them, the tools that make them and the rules they obey.

A rule has one home, a function over facts: the tool's refusal quotes what it returns, and ``available_actions`` shows the
same. The WHERE of the tool's own statement is its lock.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, LiteralString
from uuid import UUID

from studio_data.db import one
from studio_data.errors import ConflictError, InvalidTransitionError, SatisfyingCall, StudioError

type Facts = dict[str, Any]
"""What the rules of a kind of thing look at: a row that has its ``id`` and its ``status``."""

type Rule = Callable[[Facts, str], StudioError | None]
"""Returns the refusal of a move to a state where the facts break the rule, else None.

The error's details hold the ``rule``, and under ``calls`` what would satisfy it.
"""


@dataclass(frozen=True)
class Lifecycle[S: StrEnum]:
    """The states of one kind of thing, and where it may go from each."""

    entity_type: str
    moves: Mapping[S, tuple[S, ...]]

    def sources_of(self, target: S) -> list[str]:
        """Return the states from which the target may be reached in one move, for SQL."""
        return [source.value for source, allowed in self.moves.items() if target in allowed]

    def targets_of(self, present: str) -> list[str]:
        """Return the states that may be reached from one in one move."""
        return [state.value for source, states in self.moves.items() if source.value == present for state in states]

    def _end(self, present: str) -> str:
        return f"No tool moves it from {present}." if self.targets_of(present) else f"{present} is final."

    def refusal(
        self,
        entity_id: object,
        present: str,
        target: str,
        allowed: Sequence[str] | None = None,
        calls: Sequence[SatisfyingCall] = (),
    ) -> InvalidTransitionError:
        """Return the error for a move that the lifecycle does not have, with the states that are allowed from the present.

        Those are all that the lifecycle has, unless ``allowed`` says otherwise; ``calls`` lead to where the move is legal.
        """
        if allowed is None:
            allowed = self.targets_of(present)
        thing = f"{in_words(self.entity_type).capitalize()} {entity_id}"
        hint = f"From {present} it may become {_either(allowed)}." if allowed else self._end(present)
        return InvalidTransitionError(
            f"{thing} is already {present}." if target == present else f"{thing} is {present} and cannot become {target}.",
            hint=hint + (f" First call {_said(calls[0])}." if calls else ""),
            details={
                "entity_type": self.entity_type,
                "id": str(entity_id),
                "from": present,
                "to": target,
                "allowed": list(allowed),
                "calls": list(calls),
            },
        )


def in_words(entity_type: str) -> str:
    """Write a kind of thing as a person would: purchase order."""
    return entity_type.replace("_", " ")


def _said(call: SatisfyingCall) -> str:
    to = call["arguments"].get("to")
    return f"{call['tool']} to {to}" if to else call["tool"]


def _either(states: Sequence[str]) -> str:
    return f"{', '.join(states[:-1])} or {states[-1]}" if len(states) > 1 else states[0]


# The tools that move --------------------------------------------------------------------------------------------------


def always(_facts: Facts) -> bool:
    """Say of every thing that a move is for it."""
    return True


@dataclass(frozen=True)
class Move:
    """A tool that brings a thing from one of its states to another."""

    tool: str
    to: str | Callable[[Facts], str | None]
    """The state that it leads to, or how the facts tell it."""
    sources: tuple[str, ...]
    rules: tuple[Rule, ...] = ()
    """What must hold besides the state; the first that does not hold is the one to name."""
    arguments: Mapping[str, str] = field(default_factory=dict[str, str])
    """What the tool is told besides the thing's id."""
    takes_id: bool = True
    """False where the tool's argument is another thing, which only the caller can choose."""
    is_step: bool = True
    """Whether it may be a step on the way to another move. To call off and to hold up are no steps."""
    is_listed: bool = True
    """Whether it is a move by itself, or only a step: a project makes its client active."""
    rules_first: bool = False
    """Whether the rules are asked in every state: they name the state among all that is missing."""
    is_for: Callable[[Facts], bool] = always
    """Whether things with these facts have the move at all."""

    def target(self, facts: Facts) -> str | None:
        """Return the state that it leads to; None where the facts know none."""
        return self.to(facts) if callable(self.to) else self.to


def move_to(lifecycle: Lifecycle[Any], tool: str, to: StrEnum, *, but: Sequence[StrEnum] = (), **more: Any) -> Move:  # noqa: ANN401 (what a move has)
    """Return a move from every state that the lifecycle lets go to the target, except for some."""
    return Move(tool, to.value, tuple(source for source in lifecycle.sources_of(to) if source not in but), **more)


@dataclass(frozen=True)
class Moves:
    """The moves of one kind of thing: what the tools call its id, and what its rules look at."""

    lifecycle: Lifecycle[Any]
    argument: str
    facts: Callable[[UUID], Facts | None]
    """Reads them by the thing's id; None if there is none."""
    moves: Sequence[Move]
    way: Callable[[Facts, Sequence[str]], list[SatisfyingCall]] | None = None
    """Returns the calls that lead to one of some states, where they are not all moves of the thing itself."""

    def made_by(self, tool: str, to: str | None = None) -> Move:
        """Return the move that a tool makes: where to, and from where."""
        return next(move for move in self.moves if move.tool == tool and to in {None, move.to})

    def call(self, move: Move, facts: Facts) -> SatisfyingCall:
        """Return the call that makes a move. Arguments that only the caller can know are left out."""
        thing = {self.argument: str(facts["id"])} if move.takes_id else {}
        return {"tool": move.tool, "arguments": thing | dict(move.arguments)}

    def calls_to(self, facts: Facts, goals: Sequence[str]) -> list[SatisfyingCall]:
        """Return the calls that bring a thing to one of some states; none if there is no way."""
        if self.way is not None:
            return self.way(facts, goals)
        return [self.call(step, facts) for step in way_to(self.moves, facts, goals)]

    def refusal(self, move: Move, facts: Facts) -> StudioError | None:
        """Return why a thing with these facts does not make a move; None if it does."""
        is_from_here = facts["status"] in move.sources
        if is_from_here or move.rules_first:
            broken = next((error for rule in move.rules if (error := rule(facts, move.target(facts) or ""))), None)
            if broken is not None or is_from_here:
                return broken
        return self._not_from_here(move.tool, facts, move.target(facts), move.sources)

    def refusal_of(self, tool: str, facts: Facts, to: str | None = None) -> StudioError:
        """Return why a tool did not move a thing with these facts, to a state if it was told where."""
        made = [move for move in self.moves if move.tool == tool and move.is_for(facts)]
        told = [move for move in made if to in {None, move.target(facts)}]
        from_here = [move for move in told if facts["status"] in move.sources]
        is_one = len({move.target(facts) for move in told}) == 1
        if not (from_here or is_one or any(move.rules_first for move in told)):
            return self._not_from_here(tool, facts, to, [source for move in made for source in move.sources])
        return self.refusal((from_here or told)[0], facts) or ConflictError(
            f"{in_words(self.lifecycle.entity_type).capitalize()} {facts['id']} has just been changed by somebody else.",
            hint="Nothing was written: call again.",
        )

    def _not_from_here(self, tool: str, facts: Facts, target: str | None, sources: Sequence[str]) -> InvalidTransitionError:
        """Refuse what the lifecycle does not have from here, or what another tool makes of it."""
        present, allowed = facts["status"], self._allowed(facts)
        if target == present:
            return self.lifecycle.refusal(facts["id"], present, present, allowed)
        by_others = target is not None and target in allowed
        calls = (self.calls_to(facts, [str(target)]) or self._calls_of_others(facts, target)) if by_others else []
        error = self.lifecycle.refusal(
            facts["id"], present, target or "anything else", allowed, calls or self.calls_to(facts, sources)
        )
        thing = f"{in_words(self.lifecycle.entity_type).capitalize()} {facts['id']} is {present}"
        if calls:
            error.message = f"{thing}. {calls[-1]['tool']}, not {tool}, makes it {target}."
            error.hint = f"Call {', then '.join(_said(call) for call in calls)}."
        elif by_others or target is None:
            error.message = f"{thing}, and {tool} takes one that is {_either(list(dict.fromkeys(sources)))}."
        return error

    def _calls_of_others(self, facts: Facts, target: str | None) -> list[SatisfyingCall]:
        """Return the call off or hold up that leads to a state, which no way takes."""
        others = [move for move in self.moves if facts["status"] in move.sources and move.target(facts) == target]
        return [self.call(move, facts) for move in others[:1]]

    def _allowed(self, facts: Facts) -> list[str]:
        """Return the states that a thing with these facts may reach in one move: what the lifecycle has, but for others."""
        present = facts["status"]
        states = self.lifecycle.targets_of(present)
        made = [move for move in self.moves if present in move.sources]
        return [
            state
            for state in states
            if not (by := [move for move in made if callable(move.to) or move.to == state])
            or any(move.is_for(facts) and move.target(facts) == state for move in by)
        ]


def way_to(moves: Sequence[Move], facts: Facts, goals: Sequence[str]) -> list[Move]:
    """Return the fewest moves that bring a thing from its present state to one of others; none if there is no way."""
    ways: dict[str, list[Move]] = {facts["status"]: []}
    waiting = [facts["status"]]
    while waiting:
        state = waiting.pop(0)
        if state in goals:
            return ways[state]
        for move in moves:
            target = move.target(facts)
            if move.is_step and state in move.sources and move.is_for(facts) and target is not None and target not in ways:
                ways[target] = [*ways[state], move]
                waiting.append(target)
    return []


def read_by(query: LiteralString) -> Callable[[UUID], Facts | None]:
    """Return what reads facts by a query over ``%(id)s``."""
    return lambda entity_id: one(query, {"id": entity_id}, reads=True)
