from studio_data.tools.practice.order_progress import deliver_purchase_order
from tests.examples.days import in_days
from tests.examples.example import Example
from tests.examples.practice.purchase_orders import order, order_in
from tests.examples.studio import Practice

ORDER_ALONE = [("purchase_order", "status_changed")]
WITH_ITS_ITEM = [("purchase_order", "status_changed"), ("line_item", "status_changed")]


def delivered_item(practice: Practice) -> dict[str, object]:
    return {"line_item_id": deliver_purchase_order(order_in(practice, "shipped")["id"])["line_item_id"]}


EXAMPLES = {
    "submit_purchase_order": Example(order("draft"), logs=WITH_ITS_ITEM),
    "acknowledge_purchase_order": Example(order("submitted", estimated_delivery=in_days(56)), logs=ORDER_ALONE),
    "start_production": Example(order("acknowledged"), logs=ORDER_ALONE),
    "ship_purchase_order": Example(order("in_production", estimated_delivery=in_days(30)), logs=WITH_ITS_ITEM),
    "deliver_purchase_order": Example(order("shipped", actual_delivery=in_days(0)), logs=WITH_ITS_ITEM),
    "cancel_purchase_order": Example(order("acknowledged", reason="The fabric is discontinued."), logs=WITH_ITS_ITEM),
    "install_line_item": Example(delivered_item, logs=[("line_item", "status_changed")]),
}
