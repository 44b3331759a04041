from studio_data.tools.practice.trades import Trade, create_trade
from tests.examples.example import Example


def trade(name: str = "Olathe Drapery") -> Trade:
    """Make a trade."""
    return create_trade(name, specialty="drapery", company=f"{name} LLC", email="shop@example.com", phone="+1 913 555 0177")


EXAMPLES = {
    "create_trade": Example(
        lambda _: {"name": "Kate Meyer", "specialty": "drapery", "company": "Olathe Drapery", "email": "kate@example.com"},
        logs=[("trade", "created")],
    ),
    "get_trade": Example(lambda _: {"trade_id": trade()["id"]}),
    "list_trades": Example(lambda _: {"specialty": trade()["specialty"], "search": "olathe", "limit": 10}),
    "update_trade": Example(
        lambda _: {"trade_id": trade()["id"], "phone": "+1 913 555 0178", "clear": ["email"]}, logs=[("trade", "updated")]
    ),
}
