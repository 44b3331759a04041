from studio_data.tools.meetings import Meeting, confirm_meeting, schedule_meeting
from tests.examples.example import Example
from tests.examples.practice import Practice


def scheduled(practice: Practice) -> Meeting:
    return schedule_meeting(practice.project["id"], meeting_type="cdm", scheduled_date="2026-11-23")


def confirmed(practice: Practice) -> Meeting:
    return confirm_meeting(scheduled(practice)["id"])


EXAMPLES = {
    "schedule_meeting": Example(
        lambda practice: {
            "project_id": practice.project["id"],
            "meeting_type": "cdm",
            "scheduled_date": "2026-11-23",
        },
        logs=[("meeting", "created")],
    ),
    "confirm_meeting": Example(
        lambda practice: {"meeting_id": scheduled(practice)["id"]}, logs=[("meeting", "status_changed")]
    ),
    "reschedule_meeting": Example(
        lambda practice: {"meeting_id": confirmed(practice)["id"], "scheduled_date": "2026-12-01"},
        logs=[("meeting", "status_changed"), ("meeting", "status_changed")],
    ),
    "cancel_meeting": Example(
        lambda practice: {"meeting_id": confirmed(practice)["id"], "reason": "The clients are travelling."},
        logs=[("meeting", "status_changed")],
    ),
    "complete_meeting": Example(
        lambda practice: {
            "meeting_id": confirmed(practice)["id"],
            "transcript_s3_key": "nguyen/cdm/transcript.txt",
            "notes_s3_key": "nguyen/cdm/notes.md",
            "action_items": [
                {"description": "Send the revised sofa fabric.", "assigned_to": "Maria", "due_date": "2026-11-30"},
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
            "from_date": "2026-11-01",
            "to_date": "2026-11-30",
        }
    ),
}
