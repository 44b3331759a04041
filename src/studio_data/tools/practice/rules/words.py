"""Everyday words of a studio, and the words that the tools have for them."""

_SAID = {
    "damaged broken scratched defective wrong": "deliver_purchase_order add_action_item respecify_line_item",
    "missing backordered discontinued": "respecify_line_item purchase_order",
    "arrived received delivery": "deliver_purchase_order",
    "shipping shipment tracking": "ship_purchase_order",
    "buy buying po": "purchase_order",
    "deposit retainer instalment installment": "fee",
    "bill billing charge": "invoice_fee",
    "paid payment": "pay_fee",
    "money profit margin spending": "budget practice_report",
    "cost price pricing": "benchmark quote estimate",
    "bid tender": "quote ballpark final_rfq",
    "holiday vacation closed delay delayed postpone later": "shift_schedule reschedule",
    "deadline due": "reschedule_task schedule",
    "timeline calendar gantt": "schedule_project list_tasks",
    "supplier manufacturer showroom brand": "vendor",
    "contractor builder electrician plumber painter installer workroom": "trade",
    "customer homeowner inquiry prospect": "client",
    "lost quit cancelled": "churn_client cancel",
    "pause paused": "hold_project",
    "furniture sofa rug lamp product furnishing": "line_item",
    "appointment visit presentation": "meeting",
    "minutes transcript": "complete_meeting",
    "todo checklist": "task action_item",
    "contract agreement drawing photo plan attachment": "document",
    "letter message": "email",
    "phone call visited": "log_activity",
    "who when changed audit": "get_history list_activity",
    "ready next allowed": "available_actions check_gates",
    "summary status dashboard": "project_overview practice_report",
}

WORDS = {word: meant for words, meant in _SAID.items() for word in words.split()}
"""What ``find_tools`` also looks for."""
