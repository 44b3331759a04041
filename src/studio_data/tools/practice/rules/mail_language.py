"""The language of e-mail templates: ``{{ project.name }}``, ``{% if meeting.date %}…{% endif %}``, no more of Jinja.

Whoever may write a template must not be able to compute with it, reach into Python or make it large. A placeholder that is
not known, any other expression and any other statement are refused when a template is stored, and again before it is
rendered.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from jinja2 import StrictUndefined, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from studio_data.errors import InvalidInputError

PLACEHOLDERS = (
    "client.name", "recipient.name", "sender.name", "project.name", "project.address", "project.project_type",
    "project.investment_estimate", "project.exhibit_b_total", "project.exhibit_b_signed", "meeting.date", "fee.label",
    "fee.amount", "fee.due_date",
)  # fmt: skip

FOR_THE_CLIENT_ONLY = frozenset({
    "client.name", "project.investment_estimate", "project.exhibit_b_total", "project.exhibit_b_signed", "fee.label",
    "fee.amount", "fee.due_date",
})  # fmt: skip

MOST_WORDS = 8
DEEPEST_IF = 5
LONGEST_SHOWN = 60
MOST_SHOWN = 5

_JINJA = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)  # mails are plain text


@dataclass(frozen=True, slots=True)
class _Use:
    """A placeholder in a template, and those in whose ``{% if %}`` it is. One that is only asked about is not printed."""

    placeholder: str
    under: tuple[str, ...]
    is_printed: bool


class MailTemplate:
    """A subject or a body that was found to be in the language."""

    def __init__(self, argument: str, source: str) -> None:
        """Parse the text that was given as an argument. Raises ``InvalidInputError`` that names the argument."""
        self._argument = argument
        self._tree = self._parsed(source)
        # Not jinja2.meta: it computes the constants of a template to find its names, 'a' * 10**9 among them.
        self._uses = list(self._checked(self._tree.body, ()))
        self.placeholders = frozenset(use.placeholder for use in self._uses)
        """Every placeholder in it."""
        self._check_known()

    def missing(self, values: Mapping[str, str | None]) -> list[str]:
        """Return the placeholders that would be printed and have no value. An ``{% if %}`` takes no value for false."""
        printed = [use for use in self._uses if use.is_printed and all(values.get(asked) for asked in use.under)]
        return list(dict.fromkeys(use.placeholder for use in printed if values.get(use.placeholder) is None))

    def render(self, values: Mapping[str, str | None]) -> str:
        """Write the text with its values; nothing may be ``missing``."""
        context: dict[str, dict[str, str | None]] = {}
        for placeholder, value in values.items():
            name, attribute = placeholder.split(".")
            context.setdefault(name, {})[attribute] = value
        return _JINJA.from_string(self._tree).render(context)

    def _parsed(self, source: str) -> nodes.Template:
        try:
            self._check_can_be_parsed(source)
            return _JINJA.parse(source)
        except TemplateSyntaxError as error:
            raise self._refused(error.lineno, (error.message or "")[:LONGEST_SHOWN]) from None
        except ValueError as error:
            if isinstance(error, InvalidInputError):
                raise
            raise self._refused(1, "a number too long to read") from None

    def _check_can_be_parsed(self, source: str) -> None:
        """Refuse what nests before the parser sees it, since that recurses as deep as the text asks it to."""
        words, depth, begins_block = 0, 0, False
        for line, kind, value in _JINJA.lex(source):
            if kind in {"variable_begin", "block_begin"}:
                words, begins_block = 0, kind == "block_begin"
            elif kind in {"name", "operator", "string", "integer", "float"}:
                words += 1
                if begins_block and value not in {"else", "elif"}:
                    depth += -1 if value.startswith("end") else 1
                begins_block = False
            elif kind == "raw_begin":
                raise self._refused(line, "raw")
            if words > MOST_WORDS:
                raise self._refused(line, "a long expression")
            if depth > DEEPEST_IF:
                raise self._refused(line, f"more than {DEEPEST_IF} levels")

    def _checked(self, body: list[nodes.Node], under: tuple[str, ...]) -> Iterator[_Use]:
        """Yield the uses of placeholders. Raises ``InvalidInputError`` for everything else."""
        for node in body:
            match node:
                case nodes.Output(nodes=parts):
                    for part in parts:
                        if not isinstance(part, nodes.TemplateData):
                            yield _Use(self._placeholder(part), under, is_printed=True)
                case nodes.If(test=test, body=inner, elif_=[], else_=[]):
                    asked = self._placeholder(test)
                    yield _Use(asked, under, is_printed=False)
                    yield from self._checked(inner, (*under, asked))
                case _:
                    raise self._refused(node.lineno, type(node).__name__)

    def _placeholder(self, node: nodes.Node) -> str:
        match node:
            case nodes.Getattr(node=nodes.Name(name=name), attr=attribute):
                return f"{name}.{attribute}"
            case _:
                raise self._refused(node.lineno, type(node).__name__)

    def _refused(self, line: int, found: str) -> InvalidInputError:
        return InvalidInputError(
            f"{self._argument} must have nothing but text and placeholders, and line {line} has something else: {found}.",
            hint=f"Write {{{{ project.name }}}}, or {{% if meeting.date %}}…{{% endif %}} around a part. {_KNOWN}",
            details={"arguments": [self._argument], "line": line, "known": list(PLACEHOLDERS)},
        )

    def _check_known(self) -> None:
        unknown = [use.placeholder[:LONGEST_SHOWN] for use in self._uses if use.placeholder not in PLACEHOLDERS]
        if not unknown:
            return
        unknown = list(dict.fromkeys(unknown))[:MOST_SHOWN]
        near = [found for placeholder in unknown for found in get_close_matches(placeholder, PLACEHOLDERS, n=1)]
        meant = f"Did you mean {', '.join(dict.fromkeys(near))}? " if near else ""
        raise InvalidInputError(
            f"{self._argument} has placeholders that nothing fills: {', '.join(unknown)}.",
            hint=meant + _KNOWN,
            details={"arguments": [self._argument], "unknown": unknown, "known": list(PLACEHOLDERS)},
        )


_KNOWN = f"The placeholders are {', '.join(PLACEHOLDERS[:-1])} and {PLACEHOLDERS[-1]}."


def check_audience(*templates: MailTemplate) -> None:
    """Refuse a mail to a vendor or a trade that would show what is between the practice and the client.

    Raises ``InvalidInputError``.
    """
    used = frozenset[str]().union(*(template.placeholders for template in templates))
    shown = sorted(used & FOR_THE_CLIENT_ONLY)
    if "recipient.name" in used and shown:
        raise InvalidInputError(
            f"A mail with recipient.name goes to a vendor or a trade, and {', '.join(shown)} is for the client only.",
            hint="Write a template for each.",
            details={"arguments": ["subject_template", "body_template"], "placeholders": shown},
        )
