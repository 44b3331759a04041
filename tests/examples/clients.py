from tests.examples.example import Example

EXAMPLES = {
    "create_client": Example(
        lambda _: {
            "name": "David & Linh Nguyen",
            "email": "linh@example.com",
            "source": "referral",
            "screening_data": {"style": "modern", "budget_range": "90k-110k"},
        },
        logs=[("client", "created")],
    ),
    "get_client": Example(lambda practice: {"client_id": practice.client["id"]}),
    "list_clients": Example(lambda practice: {"status": practice.client["status"], "limit": 10}),
}
