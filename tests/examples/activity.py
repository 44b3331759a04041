from tests.examples.example import Example

EXAMPLES = {
    "log_activity": Example(
        lambda practice: {
            "entity_type": "project",
            "entity_id": practice.project["id"],
            "action": "site_visited",
            "metadata": {"weather": "rain", "measured": ["living room", "dining room"]},
        },
        logs=[("project", "site_visited")],
    ),
    "list_activity": Example(lambda practice: {"entity_type": "project", "entity_id": practice.project["id"]}),
    "get_history": Example(lambda practice: {"entity_type": "project", "entity_id": practice.project["id"], "limit": 10}),
    "project_feed": Example(lambda practice: {"project_id": practice.project["id"], "limit": 10}),
    "changes_since": Example(lambda _: {"limit": 10}),
}
