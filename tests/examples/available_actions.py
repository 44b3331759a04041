from tests.examples.example import Example

EXAMPLES = {
    "available_actions": Example(lambda practice: {"entity_type": "project", "entity_id": practice.project["id"]}),
}
