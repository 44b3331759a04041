from studio_data.tools.practice.workflow_templates import list_workflow_templates
from tests.examples.example import Example
from tests.examples.studio import Practice


def first_template(_: Practice) -> dict[str, object]:
    return {"workflow_template_id": list_workflow_templates(phase="construction", limit=1)["items"][0]["id"]}


EXAMPLES = {
    "list_workflow_templates": Example(lambda _: {"phase": "purchasing", "include_retired": True, "limit": 10}),
    "add_workflow_template": Example(
        lambda _: {
            "phase": "conceptual_design",
            "name": "Scan the rooms with the lidar camera",
            "description": "Every room in Exhibit A has a scan on file that the drafter has opened.",
            "duration_days": 2,
            "position": 11,
        },
        logs=[("workflow_template", "created")],
    ),
    "change_workflow_template": Example(
        lambda practice: {**first_template(practice), "duration_days": 3, "clear": ["email_template_id"]},
        logs=[("workflow_template", "retired"), ("workflow_template", "created")],
    ),
    "retire_workflow_template": Example(first_template, logs=[("workflow_template", "retired")]),
}
