from tests.examples.example import Example

EXAMPLES = {
    "create_project": Example(
        lambda practice: {
            "client_id": practice.client["id"],
            "name": "Nguyen LR/DR/MBED",
            "project_type": "furnishings",
            "address": "123 Main St, Olathe, KS",
            "investment_estimate": "100000.00",
        },
        logs=[("project", "created")],
    ),
    "get_project": Example(lambda practice: {"project_id": practice.project["id"]}),
    "update_project": Example(
        lambda practice: {"project_id": practice.project["id"], "name": "Nguyen, first floor", "address": "123 Main St"},
        logs=[("project", "updated")],
    ),
    "list_projects": Example(lambda practice: {"client_id": practice.project["client_id"], "phase": "conceptual_design"}),
}
