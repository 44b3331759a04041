"""A transaction that does not end, anywhere on the server, holds back followers and seals: they say so, and name it."""

import psycopg

from studio_data import db
from studio_data.tools.activity import log_activity
from studio_data.tools.change_feed import changes_since
from studio_data.tools.clients import create_client


def test_a_follower_hears_how_much_is_held_back_and_since_when(elsewhere: psycopg.Connection) -> None:
    client = create_client("Ann")
    log_activity("client", client["id"], "called")

    changes = changes_since()
    assert (changes["items"], changes["more"]) == ([], False)
    written = db.many("SELECT created_at FROM activity_log ORDER BY id")
    assert changes.get("held_back") == {"lines": 2, "since": written[0]["created_at"]}
    assert changes_since(entity_type="project").get("held_back") is None
    assert changes_since(only_new=True).get("held_back") is not None
    with db.transaction():
        log_activity("client", client["id"], "visited")
        assert changes_since().get("held_back") == changes.get("held_back")  # a unit's own lines wait for its own end

    elsewhere.rollback()
    settled = changes_since()
    assert len(settled["items"]) == 3
    assert "held_back" not in settled
