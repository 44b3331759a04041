"""A person's record outlives a deal: who comes back keeps their history, and who is there twice becomes one."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import pytest

from studio_data import db
from studio_data.contract.domain import domains
from studio_data.errors import ConflictError, InvalidInputError, NotFoundError, StudioError
from studio_data.tools.activity import get_history
from studio_data.tools.available_actions import available_actions
from studio_data.tools.client_merges import merge_clients
from studio_data.tools.clients import create_client, get_client, list_clients, record_screening, update_client
from studio_data.tools.pipeline import advance_client, churn_client, reopen_client
from studio_data.tools.practice.phases import resume_project
from studio_data.tools.projects import create_project, get_project, list_projects
from tests.support.lifecycle import lines


def client_in(status: str, name: str = "Ann", **more: Any) -> UUID:
    client = create_client(name, **more)["id"]
    db.one("UPDATE clients SET status = %s::client_status WHERE id = %s", (status, client))
    return client


def project_of(client_id: UUID, phase: str = "conceptual_design") -> UUID:
    project = create_project(client_id, "LR", "furnishings")["project"]["id"]
    db.one("UPDATE projects SET phase = %s::project_phase WHERE id = %s", (phase, project))
    return project


# Coming back ----------------------------------------------------------------------------------------------------------


def test_a_completed_client_comes_back_with_their_history() -> None:
    client = create_client("Ann", email="ann@example.com", screening_data={"style": "warm"})["id"]
    for to in ("qualified", "proposal_sent", "contracted"):
        advance_client(client, to=to)
    first = project_of(client, "completed")
    advance_client(client, to="completed")

    assert reopen_client(client)["status"] == "lead"

    for to in ("qualified", "proposal_sent", "contracted"):
        advance_client(client, to=to)
    second = create_project(client, "Den", "furnishings")["project"]["id"]
    assert get_client(client)["status"] == "active"
    assert [project["id"] for project in list_projects(client_id=client)["items"]] == [second, first]
    moves = [
        line["metadata"]["changes"]["status"] for line in reversed(get_history("client", client, limit=500)["items"][:-1])
    ]
    assert [moves[4], moves[5]] == [["active", "completed"], ["completed", "lead"]]


def test_a_churned_client_comes_back_and_their_project_goes_on() -> None:
    client = create_client("Ann")["id"]
    project = project_of(client)
    churn_client(client, reason="They moved away.")
    reopen_client(client)

    assert resume_project(project)["project"]["phase"] == "conceptual_design"


# Merging --------------------------------------------------------------------------------------------------------------


def test_everything_of_the_duplicate_moves_to_the_client_who_is_kept() -> None:
    kept = client_in("completed", "Ann", email="ann@example.com", screening_data={"style": "warm"})
    twice = client_in("contracted", "Ann Example", phone="1", address="12 Elm", screening_data={"style": "cold", "pets": 1})
    project = project_of(twice)

    merged = merge_clients(kept, from_client_id=twice)

    assert merged == db.one("SELECT * FROM clients WHERE id = %s", (kept,))
    assert (merged["name"], merged["email"], merged["phone"], merged["address"]) == ("Ann", "ann@example.com", "1", "12 Elm")
    assert merged["screening_data"] == {"style": "warm", "pets": 1}
    assert merged["status"] == "active"
    assert get_project(project)["client_id"] == kept
    of_kept, of_twice, of_project = lines()[-3:]
    assert (of_kept["entity_id"], of_kept["action"]) == (kept, "merged")
    assert (of_kept["metadata"]["merged_id"], of_kept["metadata"]["projects_moved"]) == (str(twice), 1)
    assert of_kept["metadata"]["changes"]["status"] == ["completed", "active"]
    assert (of_twice["entity_id"], of_twice["metadata"]) == (twice, {"changes": {"merged_into": [None, str(kept)]}})
    assert (of_project["project_id"], of_project["metadata"]) == (
        project, {"changes": {"client_id": [str(twice), str(kept)]}},
    )  # fmt: skip


def test_the_merged_id_answers_with_the_one_who_is_kept() -> None:
    kept, twice = (create_client(name, email="ann@example.com")["id"] for name in ("Ann", "Ann Example"))
    merge_clients(kept, from_client_id=twice)

    assert get_client(twice)["id"] == kept
    assert [client["id"] for client in list_clients(search="ann")["items"]] == [kept]
    assert update_client(twice, phone="1")["id"] == kept
    assert record_screening(twice, {"style": "warm"})["id"] == kept
    assert advance_client(twice, to="qualified")["id"] == kept
    assert available_actions("client", twice)["status"] == "qualified"
    project = create_project(twice, "LR", "furnishings")["project"]
    assert project["client_id"] == kept
    assert list_projects(client_id=twice)["items"] == list_projects(client_id=kept)["items"] == [project]
    assert [alike["id"] for alike in create_client("Ann", email="ann@example.com").get("likely_duplicates", [])] == [kept]
    assert db.one("SELECT status, phone FROM clients WHERE id = %s", (twice,)) == {"status": "lead", "phone": None}


def test_one_history_tells_of_both() -> None:
    kept, twice = create_client("Ann")["id"], create_client("Ann Example")["id"]
    merge_clients(kept, from_client_id=twice)

    told = get_history("client", kept)["items"]
    assert [(line["entity_id"], line["action"]) for line in reversed(told)] == [
        (kept, "created"), (twice, "created"), (kept, "merged"), (twice, "merged"),
    ]  # fmt: skip
    assert get_history("client", twice)["items"] == told
    assert [line["id"] for line in get_history("client", kept, limit=2)["items"]] == [line["id"] for line in told[:2]]


@pytest.mark.parametrize(
    ("of_kept", "of_twice", "expected"),
    [
        ("lead", "active", "active"), ("active", "lead", "active"), ("completed", "lead", "lead"),
        ("churned", "completed", "completed"), ("completed", "churned", "completed"), ("churned", "qualified", "qualified"),
        ("contracted", "completed", "contracted"), ("churned", "churned", "churned"),
    ],
)  # fmt: skip
def test_the_status_that_is_further_on_counts(of_kept: str, of_twice: str, expected: str) -> None:
    kept, twice = client_in(of_kept), client_in(of_twice)

    assert merge_clients(kept, from_client_id=twice)["status"] == expected


def test_a_client_with_an_open_project_is_not_completed_by_a_merge() -> None:
    kept, twice = client_in("completed"), create_client("Ann")["id"]
    project_of(twice)
    churn_client(twice, reason="They moved away.")

    assert merge_clients(kept, from_client_id=twice)["status"] == "churned"


def test_a_merge_leaves_nothing_that_contradicts_a_rule() -> None:
    kept = create_client("Ann", email="ann@example.com", screening_data={"style": "warm"})["id"]
    twice = create_client("Ann Example", email="ann@example.com", screening_data={"style": "warm"})["id"]
    for to in ("qualified", "proposal_sent", "contracted"):
        advance_client(twice, to=to)
    create_project(twice, "LR", "furnishings")
    merge_clients(kept, from_client_id=twice)

    broken = [rule.found for domain in domains().values() for rule in domain.invariants if db.many(rule.query)]
    assert broken == []


def test_who_was_merged_twice_leads_to_the_last_who_is_kept() -> None:
    first, second, third = (create_client(name)["id"] for name in ("A", "B", "C"))
    merge_clients(second, from_client_id=first)
    merge_clients(third, from_client_id=second)

    assert {get_client(client)["id"] for client in (first, second, third)} == {third}
    assert len(get_history("client", third)["items"]) == 7


def test_a_merge_of_one_client_or_of_nobody_is_refused() -> None:
    kept, twice = create_client("Ann")["id"], create_client("Ann Example")["id"]
    merge_clients(kept, from_client_id=twice)
    before = lines()

    with pytest.raises(InvalidInputError, match="are the same client"):
        merge_clients(kept, from_client_id=str(kept))
    with pytest.raises(ConflictError, match=rf"its id means 'Ann' \({kept}\)\. Nothing is left to merge") as refused:
        merge_clients(kept, from_client_id=twice)
    assert refused.value.details["kept_id"] == str(kept)
    for pair in ((uuid4(), kept), (kept, uuid4())):
        with pytest.raises(NotFoundError):
            merge_clients(pair[0], from_client_id=pair[1])
    assert lines() == before


def test_projects_made_during_a_merge_are_not_left_behind(committed_db: str) -> None:
    kept, twice = create_client("Ann")["id"], create_client("Ann Example")["id"]

    def attempt(number: int) -> str:
        try:
            if number == 5:
                merge_clients(kept, from_client_id=twice)
            else:
                create_project(twice, f"Project {number}", "furnishings")
        except StudioError as error:
            return error.code
        return "made"

    with ThreadPoolExecutor(12) as threads:
        answers = list(threads.map(attempt, range(12)))

    assert answers[5] == "made"
    assert {row["client_id"] for row in db.many("SELECT client_id FROM projects")} <= {kept}
    assert len(list_projects(client_id=kept)["items"]) == answers.count("made") - 1
