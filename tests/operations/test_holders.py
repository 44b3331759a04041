"""Who holds back followers and seals is named: a session or a prepared transaction anywhere on the server."""

from datetime import timedelta

import psycopg
import pytest

from studio_data import db
from studio_data.operations import doctor, seals
from studio_data.tools.clients import create_client
from tests.support import studio_data
from tests.support.embedded import within


def session_of(connection: psycopg.Connection) -> str:
    return f"session {connection.info.backend_pid} of {connection.info.user} in the database postgres"


def test_the_seal_and_the_doctor_name_who_holds_back(elsewhere: psycopg.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    create_client("Ann")

    assert [holder["what"] for holder in seals.holders()] == [session_of(elsewhere)]
    code, said, noted = studio_data("audit", "seal")
    assert code == 0
    assert "Not sealed yet: lines 1, the oldest of " in said + noted
    assert f"They wait for {session_of(elsewhere)}, open since " in said + noted

    assert found() == []  # it has not been open for long
    monkeypatch.setattr(doctor, "LONGEST_OPEN", timedelta(0))
    (finding,) = found()
    assert finding.message.startswith(f"{session_of(elsewhere)} is open since ")
    assert finding.fix == f"SELECT pg_terminate_backend({elsewhere.info.backend_pid})"

    db.one(finding.fix)  # pyright: ignore[reportArgumentType]
    assert within(10, lambda: seals.holders() == [])
    assert list(seals.seal()) == [1]


def found() -> list[doctor.Finding]:
    return [finding for checked in doctor.examine() for finding in checked.findings if "neither followed" in finding.message]
