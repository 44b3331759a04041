from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any
from uuid import UUID, uuid4

import pytest

from studio_data import acting_as
from studio_data import call as dispatch
from studio_data.db import many, one, transaction
from studio_data.errors import ConflictError, NotFoundError
from studio_data.tools.clients import create_client
from studio_data.tools.practice.documents import Document, get_document, latest_documents, list_documents, register_document
from studio_data.tools.practice.rules.gates import gates_of
from studio_data.tools.practice.rules.lifecycles import DocumentType
from studio_data.tools.practice.rules.projects import facts_of
from studio_data.tools.rules.lifecycles import ProjectPhase
from tests.support import as_administrator
from tests.tools.practice.test_meetings import new_project


def register(project_id: UUID, doc_type: str = "exhibit_b") -> Document:
    return register_document(project_id, doc_type=doc_type, s3_key=f"{doc_type}.pdf")


def test_a_document_is_the_first_version_of_its_type_and_says_who_registered_it() -> None:
    project_id = new_project()
    with acting_as("agent", "scribe", on_behalf_of="Maria"):
        document = register_document(project_id, doc_type="exhibit_b", s3_key="nguyen/exhibit b.pdf")

    assert document == one("SELECT * FROM documents") == get_document(document["id"])
    assert (document["version"], document["created_by"]) == (1, "scribe")
    (line,) = many("SELECT * FROM activity_log WHERE entity_id = %s", (document["id"],))
    assert (line["entity_type"], line["action"], line["project_id"]) == ("document", "created", project_id)
    assert line["metadata"] == {"doc_type": "exhibit_b", "version": 1, "s3_key": "nguyen/exhibit b.pdf"}


def test_another_author_can_be_named() -> None:
    document = register_document(new_project(), doc_type="photo", s3_key="a.jpg", created_by="The photographer")

    assert document["created_by"] == "The photographer"


def test_versions_count_for_each_project_and_type() -> None:
    project_id, other = new_project(), new_project()

    assert [register(project_id)["version"] for _ in range(3)] == [1, 2, 3]
    assert register(project_id, "rfq")["version"] == 1
    assert register(other)["version"] == 1
    assert register(project_id)["version"] == 4


def test_every_type_of_document_can_be_registered() -> None:
    project_id = new_project()

    assert [register(project_id, doc_type)["doc_type"] for doc_type in DocumentType] == list(DocumentType)


def test_a_gate_is_satisfied_by_its_document() -> None:
    project_id = new_project()

    def gate() -> dict[str, Any]:
        facts = facts_of(project_id)
        assert facts is not None
        return next(dict(found) for found in gates_of(facts, ProjectPhase.DETAILED_DESIGN) if "exhibit_b" in found["gate"])

    (call,) = gate()["calls"]
    assert "code" not in dispatch(call["tool"], call["arguments"] | {"s3_key": "exhibit-b.pdf"})
    assert gate()["passed"]


# Lists ----------------------------------------------------------------------------------------------------------------


def test_documents_are_listed_by_type_and_version_and_the_newest_of_each_type_is_shown() -> None:
    project_id, other = new_project(), new_project()
    for doc_type in ("rfq", "proposal", "rfq", "photo", "proposal", "rfq"):
        register(project_id, doc_type)
    register(other, "agreement")

    def listed(documents: list[Document]) -> list[tuple[str, int]]:
        return [(document["doc_type"], document["version"]) for document in documents]

    every = [("proposal", 2), ("proposal", 1), ("rfq", 3), ("rfq", 2), ("rfq", 1), ("photo", 1)]
    assert listed(list_documents(project_id)["items"]) == every
    assert listed(list_documents(project_id, doc_type="rfq")["items"]) == [("rfq", 3), ("rfq", 2), ("rfq", 1)]
    assert listed(latest_documents(project_id)["items"]) == [("proposal", 2), ("rfq", 3), ("photo", 1)]
    for limit in range(1, 7):
        paged: list[Document] = []
        cursor = None
        while True:
            found = list_documents(project_id, limit=limit, after=cursor)
            paged += found["items"]
            cursor = found["next"]
            if cursor is None:
                break
        assert listed(paged) == every


def test_a_project_without_documents_has_none() -> None:
    project_id = new_project()

    assert list_documents(project_id) == {"items": [], "next": None, "left": 0}
    assert latest_documents(project_id) == {"items": []}


# Refusals and races ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "arguments"),
    [("register_document", {"doc_type": "photo", "s3_key": "a"}), ("list_documents", {}), ("latest_documents", {})],
)
def test_an_unknown_project_is_not_found(name: str, arguments: dict[str, Any]) -> None:
    client_id = create_client("Ann")["id"]

    refused = [dispatch(name, {"project_id": str(unknown), **arguments}) for unknown in (uuid4(), client_id)]

    assert [answer["code"] for answer in refused] == ["not_found", "not_found"]
    assert [answer["hint"] for answer in refused] == ["list_projects shows them all.", "That is the id of a client."]


def test_an_unknown_document_is_not_found() -> None:
    with pytest.raises(NotFoundError, match="list_documents shows a project's"):
        get_document(uuid4())


def test_twelve_who_register_at_once_get_the_versions_one_to_twelve(committed_db: str) -> None:
    project_id = new_project()

    with ThreadPoolExecutor(12) as threads:
        for doc_type in ("exhibit_b", "rfq", "proposal"):
            made = list(threads.map(register, [project_id] * 12, [doc_type] * 12))
            assert sorted(document["version"] for document in made) == list(range(1, 13))
    assert len(many("SELECT id FROM activity_log WHERE entity_type = 'document'")) == 36


def test_twelve_units_that_register_two_types_each_wait_for_one_another(committed_db: str) -> None:
    project_id = new_project()

    def register_both(number: int) -> list[int]:
        types = ["exhibit_b", "rfq"] if number % 2 else ["rfq", "exhibit_b"]
        with transaction():
            return [register(project_id, doc_type)["version"] for doc_type in types]

    with ThreadPoolExecutor(12) as threads:
        pairs = list(threads.map(register_both, range(12)))
    assert sorted(first for first, _ in pairs) == sorted(second for _, second in pairs)
    for doc_type in ("exhibit_b", "rfq"):
        versions = [document["version"] for document in list_documents(project_id, doc_type=doc_type)["items"]]
        assert versions == list(range(12, 0, -1))


def test_a_number_given_back_by_a_unit_that_was_undone_is_used(committed_db: str) -> None:
    project_id, waits = new_project(), Event()

    def undo() -> None:
        with transaction(rollback=True):
            register(project_id)
            waits.set()
            one("SELECT pg_sleep(0.2)")

    with ThreadPoolExecutor(2) as threads:
        undone = threads.submit(undo)
        assert waits.wait(5)
        assert register(project_id)["version"] == 1
        undone.result()


def test_a_number_taken_without_the_lock_is_a_conflict() -> None:
    """What psql can do: a row that appears while the number is being counted."""
    project_id = new_project()
    with as_administrator():
        one(
            """
            CREATE FUNCTION take_the_number() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF NEW.created_by <> 'psql' THEN
                    INSERT INTO documents (project_id, doc_type, s3_key, version, created_by)
                    VALUES (NEW.project_id, NEW.doc_type, 'x', NEW.version, 'psql');
                END IF;
                RETURN NEW;
            END $$;
            CREATE TRIGGER take_the_number BEFORE INSERT ON documents FOR EACH ROW EXECUTE FUNCTION take_the_number()
            """
        )

    with pytest.raises(ConflictError, match="Another exhibit_b was just registered"), transaction():
        register(project_id)
    assert list_documents(project_id)["items"] == []
