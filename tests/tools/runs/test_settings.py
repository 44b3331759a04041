"""Agent settings: profiles, limits, and API keys that nobody sees."""

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest

from studio_data import call, call_key, db, preview
from studio_data.errors import ConfigurationError, ConflictError, InvalidInputError, NotFoundError
from studio_data.tools.runs.api_keys import agent_api_key
from studio_data.tools.runs.settings import (
    create_agent_settings,
    list_agent_settings,
    rotate_agent_api_keys,
    set_agent_api_key,
    update_agent_settings,
)
from tests.support import contents, studio_data, with_setting
from tests.support.agent_keys import NEW, under_the_old_key
from tests.support.lifecycle import lines

SECRET = "sk-eng-0123456789"  # noqa: S105


@pytest.fixture
def eng() -> None:
    create_agent_settings("eng", provider="anthropic", model="large", daily_limit="5", hard_limit="10")


def test_a_profile_is_set_up_changed_and_cleared(eng: None) -> None:
    changed = update_agent_settings("eng", model="larger", hard_limit="20", env_overrides={"LOG_LEVEL": "debug"})
    assert (changed["model"], changed["hard_limit"], changed["left_today"]) == ("larger", 20, 20)
    assert lines()[-1]["metadata"] == {
        "user_action": "settings_changed",
        "profile_name": "eng",
        "changes": {
            "model": ["large", "larger"],
            "hard_limit": [10, 20],
            "env_overrides": [{}, {"LOG_LEVEL": "debug"}],
        },
    }

    cleared = update_agent_settings("eng", clear=["daily_limit", "hard_limit"])
    assert (cleared["daily_limit"], cleared["hard_limit"], cleared["left_today"]) == (None, None, None)


def test_a_name_is_one_profiles(eng: None) -> None:
    with pytest.raises(ConflictError, match="Profile eng already exists"):
        create_agent_settings("eng", provider="another", model="small")
    with pytest.raises(NotFoundError, match="There is no agent profile qa"):
        update_agent_settings("qa", model="small")
    assert len(lines()) == 1


@pytest.mark.parametrize(
    "attempt",
    [
        lambda: create_agent_settings("qa", provider="a", model="b", daily_limit="6", hard_limit="5"),
        lambda: update_agent_settings("eng", daily_limit="11"),
        lambda: update_agent_settings("eng", hard_limit="4.5"),
    ],
)
def test_a_daily_limit_above_the_hard_one_is_refused(eng: None, attempt: Callable[[], Any]) -> None:
    before = contents()

    with pytest.raises(InvalidInputError, match="daily_limit must be at most hard_limit: "):
        attempt()
    assert contents() == before


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"ANTHROPIC_API_KEY": SECRET}, "must not hold secrets, but ANTHROPIC_API_KEY looks like one"),
        ({"db_password": SECRET}, "must not hold secrets"),
        ({"A B": "c"}, "names of environment variables"),
        ({"DEPTH": 3}, "must have only text as values, but the value of DEPTH is not text"),
    ],
)
def test_environment_variables_hold_text_and_no_secrets(overrides: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message) as raised:
        create_agent_settings("eng", provider="anthropic", model="large", env_overrides=overrides)
    assert SECRET not in json.dumps(raised.value.to_dict())


# API keys -------------------------------------------------------------------------------------------------------------


def test_an_api_key_is_read_by_the_harness_and_shown_by_nothing(eng: None, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with call_key("k"):
        answers: list[Any] = [set_agent_api_key("eng", api_key=SECRET)]
    with preview() as plan:
        set_agent_api_key("eng", api_key=SECRET)
    answers += [plan.changes, list_agent_settings(), update_agent_settings("eng", model="larger")]
    answers.append(call("set_agent_api_key", {"profile_name": "qa", "api_key": SECRET}))
    answers.append(call("set_agent_api_key", {"profile_name": "eng", "api_key": SECRET + " "}))
    answers.append(call("set_agent_api_key", {"profile_name": "eng", "api_key": {"key": SECRET}}))
    everything = repr([answers, contents(), db.many("SELECT * FROM call_ledger")]) + caplog.text

    assert agent_api_key("eng") == SECRET
    assert SECRET not in everything
    assert [answer["code"] for answer in answers[-3:]] == ["not_found", "invalid_input", "invalid_input"]
    assert list_agent_settings()["items"][0]["has_api_key"]
    assert "gAAAA" not in repr([answers[0], *answers[2:], lines()])  # nor its ciphertext, but in a preview of the row


def test_a_cleared_key_is_gone(eng: None) -> None:
    set_agent_api_key("eng", api_key=SECRET)

    assert update_agent_settings("eng", clear=["api_key"])["has_api_key"] is False
    assert agent_api_key("eng") is None
    assert lines()[-1]["metadata"]["changes"] == {"api_key_encrypted": ["set", None]}


def test_a_rotation_encrypts_anew_what_the_newest_key_has_not(eng: None, monkeypatch: pytest.MonkeyPatch) -> None:
    create_agent_settings("qa", provider="anthropic", model="small")
    set_agent_api_key("qa", api_key="sk-qa-0123456789")
    db.one("UPDATE agent_settings SET api_key_encrypted = %s WHERE profile_name = 'eng'", (under_the_old_key(SECRET),))

    assert rotate_agent_api_keys() == {"rotated": ["eng"]}
    assert rotate_agent_api_keys() == {"rotated": []}
    assert [line["metadata"]["user_action"] for line in lines()][-1] == "api_key_rotated"
    monkeypatch.setenv("STUDIO_DATA_AGENT_KEYS", NEW)
    from studio_data.config import settings  # noqa: PLC0415

    settings.cache_clear()
    assert (agent_api_key("eng"), agent_api_key("qa")) == (SECRET, "sk-qa-0123456789")


def test_the_command_rotates(eng: None) -> None:
    db.one("UPDATE agent_settings SET api_key_encrypted = %s", (under_the_old_key(SECRET),))

    assert studio_data("rotate-agent-keys", "--actor", "maria")[:2] == (0, "Encrypted again: eng.\n")
    assert studio_data("rotate-agent-keys")[1] == "Nothing to do: the newest key encrypted all.\n"
    assert (lines()[-1]["actor_type"], lines()[-1]["actor_name"]) == ("user", "maria")


def test_without_the_key_of_the_keys_there_is_one_clear_error(committed_db: str, monkeypatch: pytest.MonkeyPatch) -> None:
    create_agent_settings("eng", provider="anthropic", model="large")
    db.one("UPDATE agent_settings SET api_key_encrypted = %s", (under_the_old_key(SECRET),))
    with_setting(monkeypatch, "AGENT_KEYS", NEW)
    with pytest.raises(ConfigurationError, match="encrypted with a key that STUDIO_DATA_AGENT_KEYS does not have"):
        agent_api_key("eng")
    with pytest.raises(ConfigurationError, match="does not have"):
        rotate_agent_api_keys()

    with_setting(monkeypatch, "AGENT_KEYS", "")
    with pytest.raises(ConfigurationError, match="STUDIO_DATA_AGENT_KEYS is not set") as raised:
        set_agent_api_key("eng", api_key=SECRET)
    assert SECRET not in str(raised.value)

    with_setting(monkeypatch, "AGENT_KEYS", "hunter2")
    with pytest.raises(ConfigurationError, match="STUDIO_DATA_AGENT_KEYS is malformed: it must be Fernet keys") as raised:
        agent_api_key("eng")
    assert "hunter2" not in str(raised.value)
