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
}
