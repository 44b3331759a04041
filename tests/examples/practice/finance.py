from tests.examples.days import in_days
from tests.examples.example import Example

EXAMPLES = {
    "project_budget": Example(lambda practice: {"project_id": practice.project["id"]}),
    "project_budget_for_client": Example(lambda practice: {"project_id": practice.project["id"]}),
    "practice_report": Example(lambda _: {"from_date": in_days(-90), "to_date": in_days(30), "limit": 10}),
}
