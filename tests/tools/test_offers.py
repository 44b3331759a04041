"""What ``available_actions`` offers succeeds, and what it refuses is refused with the reason shown: in random practices.

A practice is driven by random calls, an agent's and a person's in turn. After each, everything that is said of one thing is
tried: the offers are made and undone, the others have to fail with the same message, rule and calls.
"""

from datetime import date, timedelta
from itertools import count
from random import Random
from typing import Any

import pytest

from studio_data import acting_as, call
from studio_data.contract.domain import domains, entities
from studio_data.db import many, one, transaction

KINDS = [moves.lifecycle.entity_type for domain in domains().values() for moves in domain.moves]
OFTEN = ["line_item", "purchase_order", "agent_session", "line_item", "purchase_order"]
"""What has the longest way to go."""
STEPS = 80
REASON = {"reason": "It has to be."}
BACK = {
    "churn_client", "hold_project", "skip_task", "cancel_meeting", "cancel_action_item", "cancel_purchase_order",
    "respecify_line_item", "fail_session",
}  # fmt: skip
"""What calls off is seldom done, so that something gets to its end."""
ONLY_THE_CALLER_KNOWS: dict[str, dict[str, Any]] = {
    "churn_client": REASON,
    "hold_project": REASON,
    "block_task": REASON,
    "skip_task": REASON,
    "cancel_meeting": REASON,
    "cancel_action_item": REASON,
    "cancel_purchase_order": REASON,
    "respecify_line_item": REASON,
    "fail_session": REASON,
    "specify_line_item": {"product_name": "Sofa 90"},
    "record_ballpark": {"ballpark_amount": "100.00"},
    "record_final_quote": {"final_amount": "120.00"},
    "record_iteration": {"qa_passed": True},
    "reject_session": {"feedback": "Again."},
}


class Practice:
    """A practice of a few rows of each kind, and what somebody might do in it next."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.tried = 0
        self.days_without_meetings = count(100)
        for number in range(2):
            client = self.make("create_client", name=f"Client {number}", email=f"client{number}@example.com")
            self.make("record_screening", client_id=client["id"], screening_data={"style": "warm"})
            for to in ("qualified", "proposal_sent", "contracted"):
                self.make("advance_client", client_id=client["id"], to=to)
            kind = random.choice(["furnishings", "renovation"])
            created = self.make("create_project", client_id=client["id"], name=f"House {number}", project_type=kind)
            room = self.make("add_room", project_id=created["project"]["id"], name="Living")
            self.make("add_line_item", room_id=room["id"], description_generic="Sofa")
            self.begin_later(created["project"]["id"])
        self.make("create_client", name="Lead")
        self.make("create_vendor", name="Fine Sofas")
        self.make("create_trade", name="Bob Builder")
        self.make("create_agent_settings", profile_name="pm", provider="anthropic", model="m")

    def make(self, tool: str, **arguments: Any) -> dict[str, Any]:
        answer = call(tool, arguments)
        assert "code" not in answer, answer
        return answer

    def begin_later(self, project_id: str) -> None:
        """Bring a project to some phase, as a person may who overrides its gates, perhaps with Exhibit B."""
        if self.random.random() < 0.8:
            self.make("register_document", project_id=project_id, doc_type="exhibit_b", s3_key=project_id)
        with acting_as("user", "Maria"):
            for _ in range(self.random.choice([0, 1, 2, 2, 2, 3, 3])):
                self.make("advance_project", project_id=project_id, override_reason="It began before this library.")

    def some(self, kind: str, where: str = "true") -> str | None:
        """Return the id of some row of a kind."""
        table = entities()[kind].table
        rows = many(f"SELECT id::text FROM {table} WHERE {where} ORDER BY id LIMIT 4")  # noqa: S608  # pyright: ignore[reportArgumentType]
        return self.random.choice(rows)["id"] if rows else None

    def some_amount(self) -> str:
        return self.random.choice(["900.00", "1250.00", "1300.00", "9999999999.99"])

    def do_something(self) -> None:
        """Make a row, or change what the rules look at. A refusal by a rule is as good as a row."""
        project, room, meeting = self.some("project"), self.some("room"), self.some("meeting")
        item, session = self.some("line_item"), self.some("agent_session")
        number, of_project = str(self.random.random()), {"project_id": project}
        doc_type = self.random.choice(["exhibit_b", "presentation", "scope_delineation"])
        meeting_type = self.random.choice(["cdm", "ddm"])
        day = self.random.choice([one("SELECT today() AS today")["today"], self.some_day()])
        quote = {"vendor_id": self.some("vendor"), "unit_cost": self.some_amount()}
        tool, arguments = self.random.choice([
            ("add_room", {**of_project, "name": number}),
            ("update_room", {"room_id": room, "investment_estimate": "5000.00"}),
            ("update_room", {"room_id": room, "exhibit_b_amount": self.random.choice(["900.00", "950.00"])}),
            ("add_line_item", {"room_id": room, "description_generic": "Sofa", "quantity": self.random.choice([1, 40])}),
            ("record_quote", {"line_item_id": item, **quote}),
            ("register_document", {**of_project, "s3_key": number, "doc_type": doc_type}),
            ("create_fee_schedule", {**of_project, "total": "1000.00", "instalments": 2}),
            ("schedule_meeting", {**of_project, "meeting_type": meeting_type, "scheduled_date": str(day)}),
            ("add_action_item", {"meeting_id": meeting, "description": "Send samples"}),
            ("assign_trade", {**of_project, "trade_id": self.some("trade"), "role": "gc"}),
            ("advance_project", {**of_project, "override_reason": "The client wants it."}),
            ("update_client", {"client_id": self.some("client"), "email": "new@example.com"}),
            ("hold_project", {**of_project, **REASON}),
            ("resume_project", of_project),
            ("open_session", {"session_id": number, "user_mission": "A room"}),
            ("start_execution", {"session_id": session, "agent_type": "pm"}),
        ])  # fmt: skip
        if None not in arguments.values():
            with acting_as("user", "Maria"):
                answer = call(tool, arguments)
            assert answer.get("code") in {None, "rule_violation", "conflict", "invalid_transition"}, answer

    def some_day(self) -> date:
        return self.today() + timedelta(days=self.random.randrange(1, 100))

    def today(self) -> date:
        return one("SELECT today() AS today")["today"]

    def missing(self, tool: str, entity_id: str) -> dict[str, Any] | None:
        """Return the arguments of a call that only its caller can know; None where there is nothing to give."""
        if tool == "select_quote":
            quote = self.some("vendor_quote", f"line_item_id = '{entity_id}'")
            return None if quote is None else {"vendor_quote_id": quote}
        if tool == "reschedule_meeting":
            return {"scheduled_date": str(self.today() + timedelta(days=next(self.days_without_meetings)))}
        return ONLY_THE_CALLER_KNOWS.get(tool, {})

    def try_everything_that_is_said(self) -> None:
        """Make every offer and every refused call of some thing, and then one of the offers for good."""
        kind = self.random.choice([*KINDS, *OFTEN])
        entity_id = self.some(kind)
        if entity_id is None:
            return
        said = call("available_actions", {"entity_type": kind, "entity_id": entity_id})
        offers: list[tuple[str, dict[str, Any]]] = []
        for offer in said["available"]:
            more = self.missing(offer["tool"], entity_id)
            assert more is not None, offer
            arguments = {**offer["arguments"], **more}
            offers.append((offer["tool"], arguments))
            with transaction(rollback=True):
                answer = call(offer["tool"], arguments)
            assert "code" not in answer, (said, offer, answer)
        for refused in said["refused"]:
            more = self.missing(refused["tool"], entity_id)
            if more is None:
                continue  # there is no quote to select
            answer = call(refused["tool"], {**refused["arguments"], **more})
            assert answer.get("message") == refused["reason"], (said["status"], refused, answer)
            assert answer["details"].get("rule", "lifecycle") == refused["rule"]
            assert answer["details"].get("calls", []) == refused["calls"]
        self.tried += len(said["available"]) + len(said["refused"])
        on = [offer for offer in offers if offer[0] not in BACK or self.random.random() < 0.1]
        if on:
            tool, arguments = self.random.choice(on)
            self.make(tool, **arguments)


@pytest.mark.parametrize("seed", range(8))
def test_every_offer_succeeds_and_every_other_call_is_refused_as_said(seed: int) -> None:
    random = Random(seed)
    practice = Practice(random)

    for _ in range(STEPS):
        practice.do_something()
        with acting_as(random.choice(["user", "agent"]), "somebody"):
            practice.try_everything_that_is_said()

    assert practice.tried > STEPS
