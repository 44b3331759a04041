"""The moves of what has few rules beside its states: fees, tasks, trades' quotes, meetings and action items."""

from studio_data.contract.lifecycle import Facts, Move, Moves, Rule, move_to, read_by
from studio_data.errors import RuleViolationError
from studio_data.tools.practice.rules.lifecycles import (
    ACTION_ITEM,
    FEE,
    MEETING,
    TASK,
    TRADE_QUOTE,
    ActionItemStatus,
    FeeStatus,
    MeetingStatus,
    QuoteStatus,
    TaskStatus,
)
from studio_data.tools.practice.rules.live import work_goes_on
from studio_data.tools.rules.lifecycles import ProjectPhase

FEE_MOVES = Moves(
    FEE,
    "fee_id",
    read_by("SELECT id, status FROM design_fees WHERE id = %(id)s"),
    [move_to(FEE, "invoice_fee", FeeStatus.INVOICED), move_to(FEE, "pay_fee", FeeStatus.PAID)],
)


def no_open_task(project_id: object) -> RuleViolationError:
    """Return the refusal of an open task in a completed project."""
    return RuleViolationError(
        f"Project {project_id} is completed and cannot have open tasks.",
        rule="completed_projects_have_no_open_task",
        found="completed",
        hint="Create a project for further work.",
    )


def _project_is_not_completed(facts: Facts, _to: str) -> RuleViolationError | None:
    is_closed = facts["status"] in {TaskStatus.COMPLETED, TaskStatus.SKIPPED}
    return no_open_task(facts["project_id"]) if is_closed and facts["phase"] == ProjectPhase.COMPLETED else None


_WAYS = {
    TaskStatus.NOT_STARTED: "start_task",
    TaskStatus.BLOCKED: "unblock_task",
    TaskStatus.COMPLETED: "reopen_task",
    TaskStatus.SKIPPED: "reopen_task",
}
"""The tool that takes a task on from a state that others do not."""


def _unless_another_takes_it_on(tool: str) -> Rule:
    def rule(facts: Facts, to: str) -> RuleViolationError | None:
        present = facts["status"]
        way = _WAYS.get(present)
        if way in {None, tool} or present not in TASK.sources_of(TaskStatus(to)):
            return None
        return RuleViolationError(
            f"Task {facts['id']} is {present}. Only {way} moves it from there to {to}.",
            rule="each_tool_moves_from_its_own_states",
            found=present,
            calls=[{"tool": str(way), "arguments": {"task_id": str(facts["id"])}}],
            hint=f"Call {way}.",
        )

    return rule


def _work_goes_on(facts: Facts, to: str) -> RuleViolationError | None:
    return work_goes_on(facts, to) if facts["status"] in {TaskStatus.NOT_STARTED, TaskStatus.BLOCKED} else None


BEGINS_WORK = frozenset({"start_task", "unblock_task"})
"""The tools that take a task up, in live projects only. The others record what was done, or close it."""

TASK_MOVES = Moves(
    TASK,
    "task_id",
    read_by(
        """
        SELECT
            task.id, task.status, project.id AS project_id, project.phase, client.id AS client_id,
            client.status AS client_status, EXISTS (SELECT FROM live_projects WHERE id = project.id) AS is_live
        FROM project_tasks AS task
        JOIN projects AS project ON project.id = task.project_id
        JOIN clients AS client ON client.id = project.client_id
        WHERE task.id = %(id)s
        """
    ),
    [
        move_to(
            TASK,
            "start_task",
            TaskStatus.IN_PROGRESS,
            but=[TaskStatus.BLOCKED],
            rules=(_unless_another_takes_it_on("start_task"), _work_goes_on),
            rules_first=True,
        ),
        move_to(TASK, "complete_task", TaskStatus.COMPLETED),
        move_to(TASK, "block_task", TaskStatus.BLOCKED, is_step=False),
        Move(
            "unblock_task",
            TaskStatus.NOT_STARTED.value,
            (TaskStatus.BLOCKED.value,),
            rules=(_unless_another_takes_it_on("unblock_task"), _work_goes_on),
            rules_first=True,
        ),
        Move(
            "unblock_task",
            TaskStatus.IN_PROGRESS.value,
            (TaskStatus.BLOCKED.value,),
            rules=(_unless_another_takes_it_on("unblock_task"), _work_goes_on),
            rules_first=True,
            arguments={"to": TaskStatus.IN_PROGRESS.value},
            is_listed=False,
        ),
        move_to(TASK, "skip_task", TaskStatus.SKIPPED, is_step=False),
        move_to(
            TASK,
            "reopen_task",
            TaskStatus.NOT_STARTED,
            but=[TaskStatus.BLOCKED],
            rules=(_unless_another_takes_it_on("reopen_task"), _project_is_not_completed),
            rules_first=True,
        ),
    ],
)

TRADE_QUOTE_MOVES = Moves(
    TRADE_QUOTE,
    "project_trade_id",
    read_by(
        """
        SELECT
            assigned.id, assigned.quote_status AS status, project.id AS project_id, project.phase, client.id AS client_id,
            client.status AS client_status, EXISTS (SELECT FROM live_projects WHERE id = project.id) AS is_live
        FROM project_trades AS assigned
        JOIN projects AS project ON project.id = assigned.project_id
        JOIN clients AS client ON client.id = project.client_id
        WHERE assigned.id = %(id)s
        """
    ),
    [
        move_to(TRADE_QUOTE, "record_ballpark", QuoteStatus.BALLPARK_RECEIVED),
        move_to(TRADE_QUOTE, "send_final_rfq", QuoteStatus.FINAL_RFQ_SENT, rules=(work_goes_on,)),
        move_to(TRADE_QUOTE, "record_final_quote", QuoteStatus.FINAL_QUOTE_RECEIVED),
    ],
)


def _its_day_has_come(facts: Facts, _to: str) -> RuleViolationError | None:
    if not facts["is_ahead"]:
        return None
    return RuleViolationError(
        f"Meeting {facts['id']} is on {facts['scheduled_date']}, a day to come, and cannot have been held.",
        rule="meetings_are_held_on_their_day",
        found=str(facts["scheduled_date"]),
        calls=[{"tool": "reschedule_meeting", "arguments": {"meeting_id": str(facts["id"])}}],
        hint="Complete it on its day. If it was held earlier, reschedule_meeting gives it that day.",
    )


# With its new date a rescheduled meeting is scheduled again.
MEETING_MOVES = Moves(
    MEETING,
    "meeting_id",
    read_by(
        """
        SELECT id, status, scheduled_date, (scheduled_date > today()) IS TRUE AS is_ahead
        FROM meetings
        WHERE id = %(id)s
        """
    ),
    [
        move_to(MEETING, "confirm_meeting", MeetingStatus.CONFIRMED),
        Move(
            "reschedule_meeting",
            MeetingStatus.SCHEDULED.value,
            (*MEETING.sources_of(MeetingStatus.RESCHEDULED), *MEETING.sources_of(MeetingStatus.SCHEDULED)),
        ),
        move_to(MEETING, "reschedule_meeting", MeetingStatus.RESCHEDULED, is_step=False, is_listed=False),
        move_to(MEETING, "complete_meeting", MeetingStatus.COMPLETED, rules=(_its_day_has_come,)),
        move_to(MEETING, "cancel_meeting", MeetingStatus.CANCELLED, is_step=False),
    ],
)

ACTION_ITEM_MOVES = Moves(
    ACTION_ITEM,
    "action_item_id",
    read_by(
        """
        SELECT
            item.id, item.status, project.id AS project_id, project.phase, client.id AS client_id,
            client.status AS client_status, EXISTS (SELECT FROM live_projects WHERE id = project.id) AS is_live
        FROM meeting_action_items AS item
        JOIN meetings AS meeting ON meeting.id = item.meeting_id
        JOIN projects AS project ON project.id = meeting.project_id
        JOIN clients AS client ON client.id = project.client_id
        WHERE item.id = %(id)s
        """
    ),
    [
        move_to(ACTION_ITEM, "start_action_item", ActionItemStatus.IN_PROGRESS, rules=(work_goes_on,)),
        move_to(ACTION_ITEM, "complete_action_item", ActionItemStatus.COMPLETED),
        move_to(ACTION_ITEM, "cancel_action_item", ActionItemStatus.CANCELLED, is_step=False),
    ],
)
