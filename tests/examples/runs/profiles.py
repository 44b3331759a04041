"""With what the agents work: profiles, keys, prompts and budgets."""

from studio_data import db
from studio_data.tools.runs.budgets import Reservation, reserve_usage
from studio_data.tools.runs.prompts import AgentPrompt, activate_prompt, save_prompt
from studio_data.tools.runs.settings import AgentSettings, create_agent_settings, set_agent_api_key
from tests.examples.example import Example
from tests.examples.runs.sessions import running
from tests.examples.studio import Practice
from tests.support.agent_keys import under_the_old_key

CHANGED = [("agent_settings", "updated")]


def new_name() -> str:
    """Return a name that no profile has yet."""
    profiles = db.one("SELECT count(*) AS profiles FROM agent_settings")["profiles"]
    return f"eng {1 + profiles}"


def profile(_: Practice) -> AgentSettings:
    return create_agent_settings(new_name(), provider="anthropic", model="large", daily_limit="5", hard_limit="10")


def with_old_key(practice: Practice) -> dict[str, object]:
    """Store an API key that a former key has encrypted; see tests/conftest.py for both."""
    settings = set_agent_api_key(profile(practice)["profile_name"], api_key="sk-eng-0123456789")
    token = under_the_old_key("sk-eng-0123456789")
    db.one("UPDATE agent_settings SET api_key_encrypted = %s WHERE id = %s", (token, settings["id"]))
    return {}


def reserved(practice: Practice) -> Reservation:
    return reserve_usage(profile(practice)["profile_name"], amount="0.5")


def used_yesterday(practice: Practice) -> dict[str, object]:
    name = profile(practice)["profile_name"]
    reserve_usage(name, amount="0.5")
    db.one("UPDATE agent_settings SET last_reset_date = last_reset_date - 1 WHERE profile_name = %s", (name,))
    return {}


def prompt(_: Practice) -> AgentPrompt:
    save_prompt("eng", "You write plans.\nBe brief.")
    save_prompt("eng", "You write plans.\nName dates.", note="Dates were missing")
    activate_prompt("eng", 1)
    return activate_prompt("eng", 2)


EXAMPLES = {
    "create_agent_settings": Example(
        lambda _: {
            "profile_name": new_name(),
            "provider": "anthropic",
            "model": "large",
            "daily_limit": "5",
            "hard_limit": "10",
            "usage_unit": "cost",
            "env_overrides": {"LOG_LEVEL": "info"},
        },
        logs=[("agent_settings", "created")],
    ),
    "update_agent_settings": Example(
        lambda practice: {
            "profile_name": profile(practice)["profile_name"],
            "model": "larger",
            "hard_limit": "20",
            "clear": ["daily_limit"],
        },
        logs=CHANGED,
    ),
    "set_agent_api_key": Example(
        lambda practice: {"profile_name": profile(practice)["profile_name"], "api_key": "sk-eng-0123456789"}, logs=CHANGED
    ),
    "rotate_agent_api_keys": Example(with_old_key, logs=CHANGED),
    "list_agent_settings": Example(lambda practice: {"profile_name": profile(practice)["profile_name"]}),
    "reserve_usage": Example(
        lambda practice: {
            "profile_name": profile(practice)["profile_name"],
            "amount": "0.5",
            "session_id": running(practice)["session_id"],
        },
        logs=[("agent_reservation", "created")],
    ),
    "settle_usage": Example(
        lambda practice: {"reservation_id": reserved(practice)["id"], "amount": "0.425"},
        logs=[("agent_reservation", "updated")],
    ),
    "reset_usage": Example(
        lambda practice: {"profile_name": reserved(practice)["profile_name"], "reason": "The clock was ahead."},
        logs=CHANGED,
    ),
    "sweep_usage": Example(used_yesterday, logs=CHANGED),
    "save_prompt": Example(
        lambda _: {"profile_name": "eng", "prompt_content": "You write plans.\nBe brief.", "note": "The first"},
        logs=[("agent_prompt", "created")],
    ),
    "activate_prompt": Example(
        lambda practice: {"profile_name": prompt(practice)["profile_name"], "version_number": 1},
        logs=[("agent_prompt", "updated")],
    ),
    "roll_back_prompt": Example(
        lambda practice: {"profile_name": prompt(practice)["profile_name"]}, logs=[("agent_prompt", "updated")]
    ),
    "get_prompt": Example(lambda practice: {"profile_name": prompt(practice)["profile_name"], "version_number": 2}),
    "list_prompts": Example(lambda practice: {"profile_name": prompt(practice)["profile_name"], "limit": 10}),
    "diff_prompts": Example(lambda practice: {"profile_name": prompt(practice)["profile_name"], "before": 1, "after": 2}),
}
