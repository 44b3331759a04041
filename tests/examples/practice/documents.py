from studio_data.tools.practice.documents import Document, register_document
from tests.examples.example import Example
from tests.examples.studio import Practice


def registered(practice: Practice) -> Document:
    return register_document(practice.project["id"], doc_type="exhibit_b", s3_key="nguyen/exhibit-b.pdf")


EXAMPLES = {
    "register_document": Example(
        lambda practice: {
            "project_id": practice.project["id"],
            "doc_type": "exhibit_b",
            "s3_key": "nguyen/exhibit-b-signed.pdf",
            "created_by": "Linh Nguyen",
        },
        logs=[("document", "created")],
    ),
    "get_document": Example(lambda practice: {"document_id": registered(practice)["id"]}),
    "list_documents": Example(lambda practice: {"project_id": registered(practice)["project_id"], "doc_type": "exhibit_b"}),
    "latest_documents": Example(lambda practice: {"project_id": registered(practice)["project_id"]}),
}
