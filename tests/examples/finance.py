from tests.examples.example import Example
from tests.examples.sourcing import specified

EXAMPLES = {
    "project_budget": Example(lambda practice: {"project_id": (specified(practice), practice.project["id"])[1]}),
    "project_budget_for_client": Example(lambda practice: {"project_id": (specified(practice), practice.project["id"])[1]}),
    "practice_report": Example(lambda _: {"from_date": "2026-01-01", "to_date": "2026-12-31"}),
}
