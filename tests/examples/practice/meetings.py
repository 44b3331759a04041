from studio_data.tools.practice.meetings import Meeting, confirm_meeting, schedule_meeting
from tests.examples.days import in_days
from tests.examples.example import Example
from tests.examples.studio import Practice


def scheduled(practice: Practice) -> Meeting:
    return schedule_meeting(practice.project["id"], meeting_type="cdm", scheduled_date=in_days(14))


def held_today(practice: Practice) -> Meeting:
    meeting = schedule_meeting(practice.project["id"], meeting_type="cdm", scheduled_date=in_days(0))
    return confirm_meeting(meeting["id"])


def confirmed(practice: Practice) -> Meeting:
    return confirm_meeting(scheduled(practice)["id"])


EXAMPLES = {
    "schedule_meeting": Example(
        lambda practice: {
            "project_id": practice.project["id"],
            "meeting_type": "cdm",
            "scheduled_date": in_days(14),
        },
        logs=[("meeting", "created")],
    ),
    "confirm_meeting": Example(
        lambda practice: {"meeting_id": scheduled(practice)["id"]}, logs=[("meeting", "status_changed")]
    ),
    "reschedule_meeting": Example(
        lambda practice: {"meeting_id": confirmed(practice)["id"], "scheduled_date": in_days(22)},
        logs=[("meeting", "status_changed"), ("meeting", "status_changed")],
    ),
    "cancel_meeting": Example(
        lambda practice: {"meeting_id": confirmed(practice)["id"], "reason": "The clients are travelling."},
        logs=[("meeting", "status_changed")],
    ),
    "complete_meeting": Example(
        lambda practice: {
            "meeting_id": held_today(practice)["id"],
            "transcript_s3_key": "nguyen/cdm/transcript.txt",
            "notes_s3_key": "nguyen/cdm/notes.md",
            "action_items": [
                {"description": "Send the revised sofa fabric.", "assigned_to": "Maria", "due_date": in_days(21)},
                {"description": "Measure the piano."},
            ],
        },
        logs=[("meeting", "status_changed"), ("action_item", "created"), ("action_item", "created")],
    ),
    "get_meeting": Example(lambda practice: {"meeting_id": scheduled(practice)["id"]}),
    "list_meetings": Example(
        lambda practice: {
            "project_id": scheduled(practice)["project_id"],
            "status": "scheduled",
            "from_date": in_days(0),
            "to_date": in_days(28),
        }
    ),
}
