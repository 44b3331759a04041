"""Reports of what has already happened: cleaned and cut, never refused for their wording.

A refusal cannot undo the past. It would only lose the record of it: an execution would run for ever, and its cost would not
be counted. What was done to a report stands in its line of the trail, under ``cleaned``.
"""

import json
import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from math import isfinite
from traceback import format_exception_only
from typing import Any, cast
from uuid import UUID

from studio_data.contract import validators
from studio_data.contract.validators import DEEPEST_JSON, LARGEST_JSON, LARGEST_JSON_NUMBER, LONGEST_LINE, LONGEST_TEXT

EMPTY = "(empty)"
MOST_NOTES = 20
MOST_BYTES = 48_000
"""Of a text: its line of the trail may quote it, and has 64 kB for all it says."""

ROOM_FOR_NOTES = 2_048
SHORTER = (4_000, 1_000, 200)
"""The lengths to which the texts and lists of an object are cut, one after the other, until it fits."""

# CSI and OSC sequences (colours, titles, links), other strings of a terminal, and two-character escapes.
_ESCAPE = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x9b[0-?]*[ -/]*[@-~]|\x1b[\]PX^_][^\x07\x1b]{0,4096}(?:\x07|\x1b\\)|\x1b[ -/]*[0-~]"
)
_NOT_KEPT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_BREAK = re.compile("[\t\r\n\u2028\u2029]+")


class ReportedText(str):
    """Text of a report as it is kept. ``done`` says what was done to it."""

    __slots__ = ("done",)
    done: dict[str, Any]


class ReportedObject(dict[str, Any]):
    """A JSON object of a report as it is kept. ``done`` says what was done to it."""

    def __init__(self, value: Mapping[str, Any], done: dict[str, Any]) -> None:
        super().__init__(value)
        self.done = done


def cleaned(**arguments: Any) -> dict[str, Any]:  # noqa: ANN401 (arguments of any tool)
    """Return what a line says of reports that were changed: under ``cleaned`` what was done, by argument; else nothing."""
    notes: dict[str, Any] = {}
    waiting = list(arguments.items())
    while waiting and len(notes) < MOST_NOTES:
        name, value = waiting.pop(0)
        if isinstance(value, ReportedText | ReportedObject):
            if value.done:
                notes[name] = value.done
        elif isinstance(value, list):
            waiting += [(f"{name}[{place}]", part) for place, part in enumerate(cast("list[Any]", value))]
        elif isinstance(value, dict):
            waiting += [(f"{name}.{key}", part) for key, part in cast("dict[str, Any]", value).items()]
    return {"cleaned": notes} if notes else {}


# Text -----------------------------------------------------------------------------------------------------------------


def text(value: object, longest: int = LONGEST_TEXT) -> ReportedText:
    """Return visible lines of text, without what a terminal or a database cannot keep. The middle of a long one is cut.

    Text that has nothing to see becomes ``(empty)``.
    """
    return _reported(value, longest, is_line=False, may_be_empty=True)


def content(value: object, longest: int = LONGEST_TEXT) -> ReportedText:
    """Return text like ``text``, where text that has nothing to see says nothing and is refused."""
    return _reported(value, longest, is_line=False, may_be_empty=False)


def line(value: object, longest: int = LONGEST_LINE) -> ReportedText:
    """Return one visible line like ``content``; line breaks become blanks."""
    return _reported(value, longest, is_line=True, may_be_empty=False)


def _reported(value: object, longest: int, *, is_line: bool, may_be_empty: bool) -> ReportedText:
    if not isinstance(value, str):
        raise ValueError(f"must be text, not {validators.kind(value)}")
    done: dict[str, Any] = {}
    kept, replaced = _SURROGATE.subn("\N{REPLACEMENT CHARACTER}", value)
    kept = _ESCAPE.sub("", kept)
    if is_line:
        kept = _BREAK.sub(" ", kept)
    kept = _NOT_KEPT.sub("", kept)
    removed = len(value) - len(kept)
    kept = kept.lstrip(validators.INVISIBLE + validators.NEVER_FIRST).rstrip(validators.INVISIBLE)
    if not kept and may_be_empty:
        kept, done["was_empty"] = EMPTY, True
    if len(kept.encode()) > MOST_BYTES:
        longest = min(longest, MOST_BYTES // 4)
    if len(kept) > longest:
        whole = len(kept)
        kept = _cut(kept, longest, is_line=is_line)
        done["cut_from"] = whole
    if removed:
        done["removed"] = removed
    if replaced:
        done["replaced"] = replaced
    reported = ReportedText((validators.line if is_line else validators.text)(kept, longest))
    reported.done = done
    return reported


def _cut(value: str, longest: int, *, is_line: bool = False) -> str:
    """Keep the beginning and the end: an output begins with what it is about, an error ends with its cause."""
    mark = " … " if is_line or longest < LONGEST_LINE else f"\n[{len(value) - longest:,} characters and more are cut here]\n"
    room = longest - len(mark)
    return f"{value[: room - room // 3]}{mark}{value[len(value) - room // 3 :]}"


# JSON -----------------------------------------------------------------------------------------------------------------


def json_object(value: object, largest: int = LARGEST_JSON) -> ReportedObject:
    """Return a JSON object that can be stored. What is no JSON becomes text; too much is cut, the largest entries last."""
    if not isinstance(value, Mapping):
        raise ValueError(f"must be a JSON object, not {validators.kind(value)}")
    cleaning = _Cleaning(largest)
    document: dict[str, Any] = cleaning.whole(cast("Mapping[object, object]", value))
    if cleaning.done or _size(document) > largest:
        largest -= ROOM_FOR_NOTES
    for longest in SHORTER:
        if _size(document) <= largest:
            break
        document = _shortened(document, longest)
        cleaning.done["cut_to"] = longest
    sizes = {name: _size({name: part}) for name, part in document.items()} if _size(document) > largest else {}
    dropped: list[str] = []
    while document and _size(document) > largest:
        name = max(sizes, key=lambda name: sizes[name])
        del document[name], sizes[name]
        dropped.append(name[:LONGEST_LINE])
    if dropped:
        cleaning.done["dropped"] = dropped[:MOST_NOTES]
    return ReportedObject(validators.json_object(document, largest), cleaning.done)


def _size(document: object) -> int:
    return len(json.dumps(document, ensure_ascii=False).encode())


def _shortened(node: Any, longest: int) -> Any:  # noqa: ANN401 (any JSON)
    if isinstance(node, str):
        return _cut(node, longest) if len(node) > longest else node
    if isinstance(node, dict):
        entries = cast("dict[str, Any]", node).items()
        return {key[:LONGEST_LINE]: _shortened(part, longest) for key, part in entries}
    if isinstance(node, list):
        parts = cast("list[Any]", node)
        return [_shortened(part, longest) for part in parts[:longest]] + ["…"] * (len(parts) > longest)
    return node


class _Cleaning:
    """Makes JSON of what a caller gave. Its depth and its number of nodes are limited: a caller may give a circle."""

    def __init__(self, most: int) -> None:
        self.done: dict[str, Any] = {}
        self._left = most

    def whole(self, document: Mapping[object, object]) -> dict[str, Any]:
        return self._object(document, 0)

    def _object(self, node: Mapping[object, object], depth: int) -> dict[str, Any]:
        return {self._key(key): self._node(part, depth + 1) for key, part in node.items() if self._has_room()}

    def _has_room(self) -> bool:
        self._left -= 1
        if self._left < 0:
            self.done["is_cut"] = True
        return self._left >= 0

    def _key(self, key: object) -> str:
        return self._text(key) if isinstance(key, str) else self._said(key)

    def _node(self, node: object, depth: int) -> Any:  # noqa: ANN401 (any JSON)
        if isinstance(node, str):
            return self._text(node)
        if node is None or isinstance(node, bool):
            return node
        if isinstance(node, int | float):
            fits = abs(node) <= LARGEST_JSON_NUMBER and (isinstance(node, int) or isfinite(node))
            return node if fits else self._said(node)
        if isinstance(node, Mapping | list | tuple | set | frozenset):
            return self._container(cast("Mapping[object, object] | list[object]", node), depth)
        return self._said(node)

    def _container(self, node: Mapping[object, object] | list[object], depth: int) -> Any:  # noqa: ANN401 (any JSON)
        if depth >= DEEPEST_JSON:
            self.done["is_cut"] = True
            return "…"
        if isinstance(node, Mapping):
            return self._object(node, depth)
        return [self._node(part, depth + 1) for part in node if self._has_room()]

    def _text(self, value: str) -> str:
        kept, replaced = _SURROGATE.subn("\N{REPLACEMENT CHARACTER}", value)
        kept = _NOT_KEPT.sub("", _ESCAPE.sub("", kept))
        if len(kept) < len(value):
            self.done["removed"] = self.done.get("removed", 0) + len(value) - len(kept)
        if replaced:
            self.done["replaced"] = self.done.get("replaced", 0) + replaced
        return kept

    def _said(self, value: object) -> str:
        """Write what is no JSON as text, such as a time, an amount, or a number that is none."""
        self.done["written_as_text"] = self.done.get("written_as_text", 0) + 1
        if isinstance(value, bytes | bytearray):
            return self._text(value.decode(errors="replace"))
        if isinstance(value, BaseException):
            return self._text("".join(format_exception_only(value)).strip())
        if isinstance(value, int) and abs(value) > LARGEST_JSON_NUMBER:
            return f"{'-' if value < 0 else ''}beyond 1e300"  # its digits may be more than Python writes
        if value is None or isinstance(value, int | float | Decimal | date | UUID):
            return str(value)
        return f"<{type(value).__name__}>"
