"""The frameworks run as their pages say."""

import pytest

from tests.support import with_setting


@pytest.fixture(autouse=True)
def somebody_must_act(committed_db: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse a write of which the framework has lost the actor."""
    with_setting(monkeypatch, "ACTOR_REQUIRED", "true")
