from tests.examples.example import Example

EXAMPLES = {
    "project_budget": Example(lambda practice: {"project_id": practice.project["id"]}),
    "project_budget_for_client": Example(lambda practice: {"project_id": practice.project["id"]}),
    "practice_report": Example(lambda _: {"from_date": "2026-10-01", "to_date": "2026-12-31", "limit": 10}),
}
