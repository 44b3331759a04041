from studio_data.tools.practice.project_trades import (
    ProjectTrade,
    assign_trade,
    record_ballpark,
    record_final_quote,
    send_final_rfq,
)
from tests.examples.example import Example
from tests.examples.practice.trades import trade
from tests.examples.studio import Practice


def invited(practice: Practice) -> ProjectTrade:
    """Put a trade on the project."""
    return assign_trade(practice.project["id"], trade_id=trade()["id"], role="soft_trade", scope="Drapery, living room")


def bidding(practice: Practice) -> ProjectTrade:
    """Put a general contractor on the project."""
    return assign_trade(practice.project["id"], trade_id=trade()["id"], role="gc")


def with_ballpark(practice: Practice) -> ProjectTrade:
    return record_ballpark(invited(practice)["id"], ballpark_amount="4800.00")


def asked(practice: Practice) -> ProjectTrade:
    return send_final_rfq(with_ballpark(practice)["id"])


def quoted(practice: Practice) -> ProjectTrade:
    return record_final_quote(asked(practice)["id"], final_amount="5150.00")


MOVED = [("project_trade", "status_changed")]
EXAMPLES = {
    "assign_trade": Example(
        lambda practice: {
            "project_id": practice.project["id"],
            "trade_id": trade()["id"],
            "role": "soft_trade",
            "scope": "Drapery, living room",
        },
        logs=[("project_trade", "created")],
    ),
    "record_ballpark": Example(
        lambda practice: {"project_trade_id": invited(practice)["id"], "ballpark_amount": "4800.00"}, logs=MOVED
    ),
    "send_final_rfq": Example(lambda practice: {"project_trade_id": with_ballpark(practice)["id"]}, logs=MOVED),
    "record_final_quote": Example(
        lambda practice: {"project_trade_id": asked(practice)["id"], "final_amount": "5150.00"}, logs=MOVED
    ),
    "choose_gc": Example(
        lambda practice: {"project_trade_id": bidding(practice)["id"]}, logs=[("project_trade", "updated")]
    ),
    "list_project_trades": Example(
        lambda practice: {
            "project_id": quoted(practice)["project_id"],
            "role": "soft_trade",
            "quote_status": "final_quote_received",
        }
    ),
    "compare_trades": Example(
        lambda practice: {"project_id": quoted(practice)["project_id"], "role": "soft_trade", "specialty": "drapery"}
    ),
}
