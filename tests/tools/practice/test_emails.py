from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest

from studio_data import call as dispatch
from studio_data.db import many, one, transaction
from studio_data.errors import ConflictError, InvalidInputError
from studio_data.tools.practice.emails import (
    EmailTemplate,
    change_email_template,
    create_email_template,
    get_email_template,
    list_email_templates,
)
from studio_data.tools.practice.rules.mail_language import PLACEHOLDERS

SHIPPED = 22


def template(body: str, subject: str = "Hello") -> EmailTemplate:
    return create_email_template(f"T {uuid4()}", subject_template=subject, body_template=body)


def log_of(entity_id: object) -> list[dict[str, Any]]:
    return many("SELECT * FROM activity_log WHERE entity_id = %s ORDER BY id", (entity_id,))


def test_a_new_template_is_stored_as_it_is_written() -> None:
    made = create_email_template(
        "Fabric",
        subject_template="A fabric for {{ project.name }}",
        body_template="Dear {{ client.name }}",
        phase="detailed_design",
        requires_review=True,
    )

    assert made == one("SELECT * FROM email_templates WHERE name = 'Fabric'") == get_email_template(made["id"])
    (line,) = log_of(made["id"])
    assert (line["entity_type"], line["action"], line["project_id"]) == ("email_template", "created", None)
    assert line["metadata"] == {"name": "Fabric", "requires_review": True}


def test_a_template_changes_in_place_and_the_log_says_from_what_to_what() -> None:
    made = create_email_template("Fabric", subject_template="A", body_template="B", phase="purchasing")

    changed = change_email_template(made["id"], name="Cloth", subject_template="C", requires_review=True, clear=["phase"])

    assert changed == {**made, "name": "Cloth", "subject_template": "C", "requires_review": True, "phase": None}
    assert log_of(made["id"])[-1]["metadata"] == {
        "changes": {
            "name": ["Fabric", "Cloth"],
            "subject_template": ["A", "C"],
            "requires_review": [False, True],
            "phase": ["purchasing", None],
        }
    }
    assert change_email_template(made["id"], requires_review=True, name="Cloth") == changed
    assert change_email_template(made["id"], requires_review=False, phase="purchasing")["requires_review"] is False
    assert len(log_of(made["id"])) == 3


@pytest.mark.parametrize("argument", ["subject_template", "body_template"])
@pytest.mark.parametrize("bad", ["{{ client.email }}", "{% for i in range(9) %}{% endfor %}", "{{ ''.__class__ }}", "{{"])
def test_a_template_with_anything_but_known_placeholders_is_not_stored(argument: str, bad: str) -> None:
    made = template("B")
    good = {"name": "New", "subject_template": "A", "body_template": "B"}
    before = many("SELECT * FROM email_templates")

    for name, arguments in (
        ("create_email_template", good | {argument: bad}),
        ("change_email_template", {"email_template_id": str(made["id"]), argument: bad}),
    ):
        refused = dispatch(name, arguments)
        assert refused["code"] == "invalid_input"
        assert refused["details"]["arguments"] == [argument]
        assert refused["details"]["known"] == list(PLACEHOLDERS)
        assert all(known in refused["hint"] for known in PLACEHOLDERS)
    assert many("SELECT * FROM email_templates") == before


def test_a_change_must_not_mix_the_clients_and_the_trades_mail() -> None:
    made = template("Dear {{ recipient.name }}")

    with pytest.raises(InvalidInputError, match=r"project\.exhibit_b_total is for the client only"), transaction():
        change_email_template(made["id"], subject_template="{{ project.exhibit_b_total }}")
    with pytest.raises(InvalidInputError, match=r"client\.name is for the client only"), transaction():
        create_email_template("Mixed", subject_template="{{ recipient.name }}", body_template="{{ client.name }}")

    assert get_email_template(made["id"]) == made
    assert len(log_of(made["id"])) == 1


def test_a_name_belongs_to_one_template() -> None:
    made, other = template("A"), template("B")

    with pytest.raises(ConflictError, match=r"already exists\. change_email_template changes it") as raised, transaction():
        create_email_template(made["name"], subject_template="A", body_template="B")
    with pytest.raises(ConflictError, match=r"already exists\. change_email_template changes it"), transaction():
        change_email_template(other["id"], name=made["name"])

    assert raised.value.details == {"name": made["name"]}
    assert get_email_template(other["id"]) == other


def test_twelve_who_take_one_name_at_once_make_one_template(committed_db: str) -> None:
    def create(_: int) -> bool:
        try:
            create_email_template("Fabric", subject_template="A", body_template="B")
        except ConflictError:
            return False
        return True

    with ThreadPoolExecutor(12) as threads:
        assert sum(threads.map(create, range(12))) == 1


def test_twelve_who_change_a_template_at_once_lose_no_change(committed_db: str) -> None:
    made = template("A")

    def change(number: int) -> None:
        change_email_template(made["id"], body_template=f"B {number}")

    with ThreadPoolExecutor(12) as threads:
        list(threads.map(change, range(12)))

    changes = [line["metadata"]["changes"]["body_template"] for line in log_of(made["id"])[1:]]
    assert len(changes) == 12
    assert [old for old, _ in changes] == ["A", *(new for _, new in changes[:-1])]


def test_templates_are_listed_without_their_bodies() -> None:
    every = list_email_templates(limit=500)["items"]

    assert len(every) == SHIPPED
    assert set(every[0]) == {"id", "name", "phase", "subject_template", "requires_review"}
    purchasing = list_email_templates(phase="purchasing")["items"]
    assert [found["name"] for found in purchasing] == [found["name"] for found in every if found["phase"] == "purchasing"]
    first = list_email_templates(limit=20)
    assert first["items"] + list_email_templates(after=first["next"])["items"] == every


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("get_email_template", {}),
        ("change_email_template", {"name": "A"}),
        ("render_email", {"project_id": str(uuid4())}),
    ],
)
def test_an_unknown_template_is_not_found(name: str, arguments: dict[str, Any]) -> None:
    refused = dispatch(name, {"email_template_id": str(uuid4()), **arguments})

    assert (refused["code"], refused["hint"]) == ("not_found", "list_email_templates shows them all.")
