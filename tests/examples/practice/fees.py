from studio_data import db
from studio_data.tools.practice.fees import Fee, add_fee
from studio_data.tools.practice.invoicing import invoice_fee
from tests.examples.days import in_days
from tests.examples.example import Example
from tests.examples.studio import Practice


def fee(practice: Practice) -> Fee:
    return add_fee(practice.project["id"], label="Retainer", amount="5000.00")


def invoiced(practice: Practice) -> Fee:
    return invoice_fee(fee(practice)["id"])


def invoiced_lately(practice: Practice) -> dict[str, object]:
    fee_id = invoiced(practice)["id"]
    db.one("UPDATE design_fees SET invoiced_at = now() - interval '10 days' WHERE id = %s", (fee_id,))
    return {"fee_id": fee_id}


def past_due(practice: Practice) -> dict[str, object]:
    db.one("UPDATE design_fees SET due_at = now() - interval '1 day' WHERE id = %s", (invoiced(practice)["id"],))
    return {}


EXAMPLES = {
    "create_fee_schedule": Example(
        lambda practice: {
            "project_id": practice.project["id"],
            "amounts": [
                {"label": "Retainer", "amount": "5000.00", "due_date": in_days(8)},
                {"label": "At the DDM", "amount": "7500.00"},
            ],
        },
        logs=[("fee", "created"), ("fee", "created")],
    ),
    "add_fee": Example(
        lambda practice: {
            "project_id": practice.project["id"],
            "label": "Additional site visits",
            "amount": "1200.00",
            "due_date": in_days(120),
        },
        logs=[("fee", "created")],
    ),
    "invoice_fee": Example(
        lambda practice: {"fee_id": fee(practice)["id"], "due_date": in_days(38)}, logs=[("fee", "status_changed")]
    ),
    "pay_fee": Example(
        lambda practice: {**invoiced_lately(practice), "paid_on": in_days(-1)}, logs=[("fee", "status_changed")]
    ),
    "sweep_overdue_fees": Example(past_due, logs=[("fee", "status_changed")]),
    "get_fee": Example(lambda practice: {"fee_id": fee(practice)["id"]}),
    "list_fees": Example(lambda practice: {"project_id": fee(practice)["project_id"], "status": "pending", "limit": 10}),
}
