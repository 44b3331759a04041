"""The language of e-mail templates: what it takes, and what it refuses before Jinja could do anything with it."""

import json
import re
import time
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from studio_data import db
from studio_data.errors import InvalidInputError
from studio_data.tools.practice.rules.mail_language import FOR_THE_CLIENT_ONLY, PLACEHOLDERS, MailTemplate, check_audience
from tests.tools.practice.test_master_workflow import PLACEHOLDERS as SHIPPED_PLACEHOLDERS

VALUES: dict[str, str | None] = dict.fromkeys(PLACEHOLDERS, "x")


def parsed(source: str) -> MailTemplate:
    return MailTemplate("body_template", source)


def test_the_placeholders_are_those_that_the_shipped_templates_may_use() -> None:
    assert set(PLACEHOLDERS) == SHIPPED_PLACEHOLDERS
    assert set(PLACEHOLDERS) > FOR_THE_CLIENT_ONLY
    for email in db.many("SELECT subject_template, body_template FROM email_templates"):
        for source in email.values():
            assert parsed(source).placeholders == set(re.findall(r"{{ ([a-z_.]+) }}", source))


@pytest.mark.parametrize(
    ("source", "written"),
    [
        ("Dear {{ client.name }},\n\nhello", "Dear Ann,\n\nhello"),
        ("{{client.name}}{{- client.name -}} !", "AnnAnn!"),
        ("{% if client.name %}a{% endif %}{% if meeting.date %}b{% endif %}", "a"),
        ("{% if client.name %}{% if meeting.date %}{{ fee.label }}{% endif %}a{% endif %}", "a"),
        ("{# not for the client #}a", "a"),
        ("100% { } }} %} # and $ and <b>&amp;", "100% { } }} %} # and $ and <b>&amp;"),
    ],
)
def test_text_placeholders_and_simple_conditions_are_written(source: str, written: str) -> None:
    values: dict[str, str | None] = {**dict.fromkeys(PLACEHOLDERS), "client.name": "Ann"}

    assert parsed(source).missing(values) == []
    assert parsed(source).render(values) == written


@pytest.mark.parametrize("name", ["{{ sender.name }}", "{% for", "<b>", "{{ ''.__class__ }}", "{{", "%}"])
def test_a_value_is_written_as_it_is(name: str) -> None:
    assert parsed("Dear {{ client.name }}").render({"client.name": name}) == f"Dear {name}"


def test_what_would_be_printed_and_has_no_value_is_missing() -> None:
    source = (
        "{{ meeting.date }}{% if client.name %}{{ fee.label }}{% if fee.amount %}{{ sender.name }}{% endif %}{% endif %}"
    )
    nothing: dict[str, str | None] = dict.fromkeys(PLACEHOLDERS)

    assert parsed(source).missing(nothing) == ["meeting.date"]
    assert parsed(source).missing({**nothing, "client.name": "Ann"}) == ["meeting.date", "fee.label"]
    assert parsed(source).missing({**nothing, "client.name": "Ann", "fee.amount": "$1.00"}) == [
        "meeting.date", "fee.label", "sender.name",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("source", "unknown", "hint"),
    [
        ("{{ projct.name }}", ["projct.name"], "Did you mean project.name? The placeholders are client.name, "),
        ("{{ client.email }}", ["client.email"], "The placeholders are client.name, "),
        ("{% if client.nme %}a{% endif %}", ["client.nme"], "Did you mean client.name? "),
        ("{{ project.__class__ }} {{ self.name }}", ["project.__class__", "self.name"], "The placeholders are "),
        ("{{ a.b }}" * 3 + "{{ c.d }}", ["a.b", "c.d"], "The placeholders are "),
    ],
)
def test_unknown_placeholders_are_named_with_the_known_ones(source: str, unknown: list[str], hint: str) -> None:
    with pytest.raises(InvalidInputError, match="body_template has placeholders that nothing fills") as raised:
        parsed(source)

    assert raised.value.details == {"arguments": ["body_template"], "unknown": unknown, "known": list(PLACEHOLDERS)}
    assert raised.value.hint is not None
    assert hint in raised.value.hint


REFUSED = {
    "reaching into Python": "{{ ''.__class__ }}",
    "reaching further": "{{ project.name.__class__.__mro__ }}",
    "subscript": "{{ project['name'] }}",
    "index": "{{ project.0 }}",
    "bare name": "{{ project }}",
    "call": "{{ project.name() }}",
    "format": "{{ project.name.format(1) }}",
    "format of a constant": "{{ '%s'.format(client.name) }}",
    "function": "{{ range(3) }}",
    "filter": "{{ project.name|upper }}",
    "test": "{% if project.name is defined %}a{% endif %}",
    "comparison": "{% if project.name == client.name %}a{% endif %}",
    "negation": "{% if not project.name %}a{% endif %}",
    "conjunction": "{% if project.name and client.name %}a{% endif %}",
    "ternary": "{{ project.name if client.name }}",
    "constant": "{{ 1 }}",
    "arithmetic": "{{ 10 ** 9 }}",
    "repeat": "{{ 'a' * 10**9 }}",
    "concatenation": "{{ project.name ~ client.name }}",
    "tuple": "{{ project.name, client.name }}",
    "else": "{% if project.name %}a{% else %}b{% endif %}",
    "elif": "{% if project.name %}a{% elif client.name %}b{% endif %}",
    "loop": "{% for i in range(10**9) %}a{% endfor %}",
    "nested loops": "{% for i in project.name %}" * 4 + "a" + "{% endfor %}" * 4,
    "set": "{% set a = project.name %}",
    "with": "{% with a = project.name %}{% endwith %}",
    "include": "{% include 'a' %}",
    "import": "{% import 'a' as b %}",
    "extends": "{% extends 'a' %}",
    "macro": "{% macro a() %}{% endmacro %}",
    "block": "{% block a %}{% endblock %}",
    "filter block": "{% filter upper %}a{% endfilter %}",
    "call block": "{% call project.name() %}{% endcall %}",
    "unknown tag": "{% nothing %}",
    "nothing": "{{ }}",
    "open": "{{ project.name",
    "open if": "{% if project.name %}",
    "end without if": "{% endif %}",
    "half a comment": "{# a",
    "raw": "{% raw %}{{ project.name }}{% endraw %}",
    "half of raw": "{% raw %}",
    "strange character": "{{ project.näme? }}",
}


@pytest.mark.parametrize("source", REFUSED.values(), ids=REFUSED.keys())
def test_everything_else_of_jinja_is_refused(source: str) -> None:
    with pytest.raises(InvalidInputError, match="must have nothing but text and placeholders, and line 2") as raised:
        parsed(f"Dear\n{source}")

    assert raised.value.details == {"arguments": ["body_template"], "line": 2, "known": list(PLACEHOLDERS)}


HUGE = {
    "nested ifs": "{% if client.name %}" * 500 + "{% endif %}" * 500,
    "ifs one deeper than allowed": "{% if client.name %}" * 6 + "{% endif %}" * 6,
    "nested loops": "{% for a in b %}" * 500,
    "parentheses": "{{ " + "(" * 9_000 + "client.name" + ")" * 9_000 + " }}",
    "brackets": "{{ " + "[" * 9_000 + " }}",
    "open tags": "{{" * 9_000,
    "statement tags": "{%" * 9_000,
    "minuses": "{{ " + "-" * 19_000 + "1 }}",
    "nots": "{{ " + "not " * 4_000 + "client.name }}",
    "ternaries": "{{ " + "a.b if c.d else " * 1_000 + "a.b }}",
    "attributes": "{{ a" + ".b" * 9_000 + " }}",
    "conjunctions": "{% if " + "a.b and " * 2_000 + "a.b %}{% endif %}",
    "digits": "{{ " + "9" * 19_000 + " }}",
    "hexadecimal digits": "{{ 0x" + "f" * 19_000 + " }}",
    "an exponent": "{{ 1e999999999 }}",
    "a power of powers": "{{ 9**9**9**9 }}",
    "repeats": "{{ 'a' * 10**10 }}",
    "escapes": "{{ '" + "\\x" * 9_000 + "' }}",
    "a long name": "{{ " + "a" * 19_000 + ".b }}",
    "a long tag": "{% " + "a" * 19_000 + " %}",
    "elifs": "{% if a.b %}" + "{% elif a.b %}" * 300 + "{% endif %}",
    "many unknown": "".join(f"{{{{ a{number}.b }}}}" for number in range(300)),
    "comments": "{#" * 9_000,
    "raws": "{% raw %}" * 2_000,
}


@pytest.mark.parametrize("source", HUGE.values(), ids=HUGE.keys())
def test_what_is_made_to_take_long_or_much_is_refused_at_once_and_briefly(source: str) -> None:
    tracemalloc.start()
    started = time.process_time()

    with pytest.raises(InvalidInputError) as raised:
        parsed(source)

    assert time.process_time() - started < 2
    assert tracemalloc.get_traced_memory()[1] < 20_000_000
    tracemalloc.stop()
    assert len(json.dumps(raised.value.to_dict())) < 2_000


def test_five_levels_of_conditions_are_enough() -> None:
    source = "{% if client.name %}" * 5 + "a" + "{% endif %}" * 5

    assert parsed(source).render(VALUES) == "a"


def test_the_largest_mail_of_the_longest_values_stays_small() -> None:
    source = "{{client.name}}" * (20_000 // 15)

    assert len(parsed(source).render({"client.name": "x" * 200})) == 266_600


PARTS = st.sampled_from([
    "{{", "}}", "{%", "%}", "{#", "#}", "{{-", "-%}", " ", "\n", "if", "endif", "else", "for", "in", "not", "raw", "endraw",
    "client", ".", "name", "client.name", "meeting.date", "range(9)", "'a'", "*", "9", "|", "upper", "(", ")", "[", "]", "~",
    "__class__", "{{ client.name }}", "{% if meeting.date %}", "{% endif %}", "Dear", "{", "}", "%", "#", "\\", '"', "set",
    "=",
])  # fmt: skip


@given(st.lists(PARTS, max_size=30).map("".join))
@hypothesis_settings(deadline=None, max_examples=300)
def test_whatever_is_taken_can_be_rendered_and_writes_only_text_and_values(source: str) -> None:
    try:
        template = parsed(source)
    except InvalidInputError:
        return
    assert template.placeholders <= set(PLACEHOLDERS)
    assert len(template.render(VALUES)) <= len(source)
    assert template.missing(VALUES) == []


@pytest.mark.parametrize("shown", sorted(FOR_THE_CLIENT_ONLY))
def test_a_mail_to_a_trade_shows_nothing_that_is_for_the_client_only(shown: str) -> None:
    with pytest.raises(InvalidInputError, match=f"and {shown} is for the client only") as raised:
        check_audience(parsed("Dear {{ recipient.name }}"), parsed(f"{{{{ {shown} }}}}"))

    expected: dict[str, Any] = {"arguments": ["subject_template", "body_template"], "placeholders": [shown]}
    assert raised.value.details == expected
    check_audience(parsed("Dear {{ recipient.name }}"), parsed("{{ project.name }} {{ meeting.date }}"))
    check_audience(parsed("Dear {{ client.name }}"), parsed(f"{{{{ {shown} }}}}"))
