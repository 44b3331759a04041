from studio_data import db
from studio_data.tools.clients import create_client
from tests.examples.example import Example
from tests.examples.studio import Practice


def churned(practice: Practice) -> dict[str, object]:
    db.one("UPDATE clients SET status = 'churned' WHERE id = %s", (practice.client["id"],))
    return {"client_id": practice.client["id"]}


EXAMPLES = {
    "create_client": Example(
        lambda _: {
            "name": "David & Linh Nguyen",
            "email": "linh@example.com",
            "source": "referral",
            "screening_data": {"style": "modern", "budget_range": "90k-110k"},
        },
        logs=[("client", "created")],
    ),
    "get_client": Example(lambda practice: {"client_id": practice.client["id"]}),
    "list_clients": Example(lambda practice: {"status": practice.client["status"], "search": "nguyen", "limit": 10}),
    "update_client": Example(
        lambda practice: {"client_id": practice.client["id"], "phone": "+1 913 555 0134", "clear": ["source"]},
        logs=[("client", "updated")],
    ),
    "record_screening": Example(
        lambda practice: {"client_id": practice.client["id"], "screening_data": {"rooms": ["living room"], "pets": 1}},
        logs=[("client", "updated")],
    ),
    "advance_client": Example(
        lambda practice: {"client_id": practice.screened_client["id"], "to": "qualified"},
        logs=[("client", "status_changed")],
    ),
    "churn_client": Example(
        lambda practice: {"client_id": practice.project["client_id"], "reason": "Chose another designer."},
        logs=[("client", "status_changed"), ("project", "phase_changed")],
    ),
    "merge_clients": Example(
        lambda practice: {
            "client_id": practice.client["id"],
            "from_client_id": create_client("D. & L. Nguyen", phone="+1 913 555 0199")["id"],
        },
        logs=[("client", "merged"), ("client", "merged")],
    ),
    "reopen_client": Example(churned, logs=[("client", "status_changed")]),
}
