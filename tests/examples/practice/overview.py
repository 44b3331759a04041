from tests.examples.example import Example

EXAMPLES = {
    "project_overview": Example(lambda practice: {"project_id": practice.project["id"]}),
    "project_overview_for_client": Example(lambda practice: {"project_id": practice.project["id"]}),
}
