"""The practice's work on its projects, as the library declares it: plan, design, sourcing, orders, meetings and money."""

from studio_data.contract.domain import Domain, Entity, Invariant, Table, View
from studio_data.hints import as_typed
from studio_data.tools.practice.rules import lifecycles
from studio_data.tools.practice.rules.core import CORE
from studio_data.tools.practice.rules.moves import ACTION_ITEM_MOVES, FEE_MOVES, MEETING_MOVES, TASK_MOVES, TRADE_QUOTE_MOVES
from studio_data.tools.practice.rules.orders import LINE_ITEM_MOVES, PURCHASE_ORDER_MOVES
from studio_data.tools.practice.rules.projects import PROJECT_MOVES
from studio_data.tools.practice.rules.words import WORDS

INSERTED = ("INSERT",)

DOMAIN = Domain(
    name="the practice",
    title="tasks, phases, rooms, line items, orders, trades, meetings, documents and fees",
    pages=["practice.md"],
    tables=[
        Table("project_rooms"),
        Table("design_fees", ends_of_days=("due_at",)),
        Table("pricing_benchmarks"),
        Table("vendors"),
        Table("line_items"),
        Table("vendor_quotes", INSERTED),
        Table("purchase_orders"),
        Table("purchase_order_numbers", final=("year",), is_for_readers=False),
        Table("email_templates"),
        Table("workflow_templates", is_locked=True),  # positions are moved one call at a time
        Table("project_tasks"),
        Table("trades"),
        Table("project_trades"),
        Table("meetings"),
        Table("meeting_action_items"),
        Table("documents", INSERTED),
        Table("phase_transitions", INSERTED),
    ],
    views=[View("task_answers")],
    functions=[
        "phase_held_in",
        "working_day",
        "working_days_before",
        "working_days_later",
        "task_answer",
        "room_estimate",
        "project_estimate",
        "project_exhibit_b",
        "exhibit_b_amounts",
        "exhibit_b_covers",
        "exhibit_b_is_signed",
    ],
    enums={
        "fee_status": lifecycles.FeeStatus,
        "document_type": lifecycles.DocumentType,
        "task_status": lifecycles.TaskStatus,
        "trade_role": lifecycles.TradeRole,
        "quote_status": lifecycles.QuoteStatus,
        "meeting_type": lifecycles.MeetingType,
        "meeting_status": lifecycles.MeetingStatus,
        "action_item_status": lifecycles.ActionItemStatus,
        "line_item_status": lifecycles.LineItemStatus,
        "po_status": lifecycles.PurchaseOrderStatus,
    },
    entities=[
        Entity("room", "project_rooms", owner="project", hint="list_rooms shows a project's.", name="name"),
        Entity("fee", "design_fees", owner="project", hint="list_fees shows the project's.", name="label"),
        Entity("benchmark", "pricing_benchmarks", hint="find_benchmarks finds them.", name="item_type"),
        Entity("vendor", "vendors", hint="list_vendors shows them all.", name="name"),
        Entity(
            "line_item",
            "line_items",
            owner="room",
            hint="list_line_items shows a project's.",
            name="coalesce(product_name, description_generic)",
        ),
        Entity("vendor_quote", "vendor_quotes", owner="line_item", hint="compare_quotes shows a line item's."),
        Entity(
            "purchase_order",
            "purchase_orders",
            owner="line_item",
            hint="list_purchase_orders shows them all.",
            name="po_number",
        ),
        Entity("email_template", "email_templates", hint="list_email_templates shows them all.", name="name"),
        Entity("workflow_template", "workflow_templates", hint="list_workflow_templates shows them all.", name="name"),
        Entity(
            "task",
            "project_tasks",
            owner="project",
            hint="list_tasks shows the project's.",
            name="coalesce(name, (SELECT name FROM workflow_templates AS template WHERE template.id = template_id))",
        ),
        Entity("trade", "trades", hint="list_trades shows them all.", name="name"),
        Entity("project_trade", "project_trades", owner="project", hint="list_project_trades shows the project's."),
        Entity("meeting", "meetings", owner="project", hint="list_meetings shows them all."),
        Entity(
            "action_item",
            "meeting_action_items",
            owner="meeting",
            hint="list_action_items shows them all.",
            name="description",
        ),
        Entity("document", "documents", owner="project", hint="list_documents shows a project's.", name="s3_key"),
        Entity("phase_transition", "phase_transitions", owner="project"),
    ],
    refusals={"freight_fraction_is_finite_and_not_negative": "a freight factor is between 0 and 9.9999"},
    words=WORDS,
    core=CORE,
    actions={
        "phase_changed": "a project's move; the row in phase_transitions has the gates",
        "retired": "a template will not be used for new projects",
    },
    moves=[
        PROJECT_MOVES,
        FEE_MOVES,
        TASK_MOVES,
        TRADE_QUOTE_MOVES,
        MEETING_MOVES,
        ACTION_ITEM_MOVES,
        LINE_ITEM_MOVES,
        PURCHASE_ORDER_MOVES,
    ],
    invariants=[
        Invariant(
            "line items that are ordered or further, without an order",
            """
            SELECT id FROM line_items
            WHERE status >= 'ordered' AND NOT EXISTS (
                SELECT FROM purchase_orders WHERE line_item_id = line_items.id AND status <> 'cancelled'
            )
            """,
            f"set the item's status to quoted with SQL, then {as_typed('call draft_purchase_order')}",
        ),
        Invariant(
            "orders that were submitted, for an item that is not yet ordered",
            """
            SELECT purchase_orders.id FROM purchase_orders
            JOIN line_items ON line_items.id = line_item_id
            WHERE purchase_orders.status NOT IN ('draft', 'cancelled') AND line_items.status < 'ordered'
            """,
            "correct the item's status with SQL",
        ),
        Invariant(
            "projects in another phase than their last transition says",
            """
            SELECT id FROM projects
            WHERE phase <> coalesce((
                SELECT to_phase FROM phase_transitions WHERE project_id = projects.id ORDER BY id DESC LIMIT 1
            ), 'conceptual_design')
            """,
            f"{as_typed('call advance_project')}, or correct the phase with SQL",
        ),
        Invariant(
            "order numbers that were given twice or left out",
            """
            SELECT year::text AS id FROM purchase_order_numbers
            WHERE last_number <> (
                SELECT count(*) FROM purchase_orders WHERE po_number LIKE '%-' || year || '-%'
            )
            """,
            "compare purchase_order_numbers with purchase_orders",
        ),
        Invariant(
            "rooms whose estimate is not the sum of their line items, and that nobody gave",
            """
            SELECT id FROM project_rooms
            WHERE (estimate_from_items OR investment_estimate IS NULL)
                AND investment_estimate IS DISTINCT FROM room_estimate(id)
            """,
            f"{as_typed('call update_room')} with investment_estimate in clear",
        ),
        Invariant(
            "projects whose estimate or Exhibit B total is not the sum over their rooms",
            """
            SELECT id FROM projects
            WHERE (investment_estimate, exhibit_b_total)
                IS DISTINCT FROM (project_estimate(projects), project_exhibit_b(id))
            """,
            f"{as_typed('call update_room')} with the name of a room, or correct the project's amounts with SQL",
        ),
    ],
)
