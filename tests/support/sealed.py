"""A trail that is sealed, and what an examination of it finds."""

from studio_data.operations import seals
from studio_data.tools.clients import create_client, update_client


def kinds(kept: seals.Head | str | None = None) -> set[str]:
    return {finding["kind"] for _, found in seals.verify(kept) for finding in found}


def sealed(clients: int = 20) -> seals.Head:
    for number in range(clients):
        client = create_client(f"Client {number}", source="referral")
        update_client(client["id"], phone=f"+1 913 555 {number:04}")
    list(seals.seal())
    newest = seals.head()
    assert newest is not None
    return newest
