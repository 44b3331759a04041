"""The API keys of agent profiles, encrypted in the database. Only a process with the encryption keys can read them.

``STUDIO_DATA_AGENT_KEYS`` holds Fernet keys, newest first. The newest one encrypts, all of them decrypt. To change it, put
a new key in front, run ``studio-data rotate-agent-keys``, and remove the old one.
"""

from types import ModuleType
from typing import TYPE_CHECKING

from studio_data.config import settings
from studio_data.contract.fields import Line
from studio_data.contract.validators import checked, line
from studio_data.db import one
from studio_data.errors import ConfigurationError, NotFoundError

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet


def agent_api_key(profile_name: Line) -> str | None:
    """Return a profile's API key in plain text, None if it is not set.

    For the harness that calls the model; no tool returns it. Raises ``NotFoundError`` for an unknown profile,
    ``ConfigurationError`` if this process lacks the key that encrypted it.
    """
    name = checked("profile_name", line, profile_name)
    row = one(
        "SELECT api_key_encrypted FROM agent_settings WHERE profile_name = %(profile_name)s",
        {"profile_name": name},
        reads=True,
    )
    if row is None:
        raise no_such_profile(name)
    return None if row["api_key_encrypted"] is None else decrypted(row["api_key_encrypted"])


def encrypted(api_key: str) -> str:
    """Return an API key as the newest key encrypts it. Raises ``ConfigurationError`` if there is no key."""
    return _all_keys(_fernet()).encrypt(api_key.encode()).decode()


def decrypted(token: str) -> str:
    """Return what was encrypted with any of the keys. Raises ``ConfigurationError`` if none of them fits."""
    fernet = _fernet()
    try:
        return _all_keys(fernet).decrypt(token.encode()).decode()
    except fernet.InvalidToken:
        raise ConfigurationError(
            "An API key was encrypted with a key that STUDIO_DATA_AGENT_KEYS does not have.",
            hint="Add the old key at its end, or set the API key again with set_agent_api_key.",
        ) from None


def is_newest(token: str) -> bool:
    """Tell whether the newest key encrypted it."""
    fernet = _fernet()
    try:
        fernet.Fernet(_keys()[0]).decrypt(token.encode())
    except fernet.InvalidToken:
        return False
    return True


def _fernet() -> ModuleType:
    try:
        from cryptography import fernet  # noqa: PLC0415 (optional)
    except ModuleNotFoundError:
        raise ConfigurationError(
            "API keys are encrypted with the package cryptography, which is not installed.",
            hint="Install studio-data[agents].",
        ) from None
    return fernet


def _all_keys(fernet: ModuleType) -> "MultiFernet":
    return fernet.MultiFernet([fernet.Fernet(key) for key in _keys()])


def _keys() -> list[str]:
    configured = settings().agent_keys
    if configured is None:
        raise ConfigurationError(
            "STUDIO_DATA_AGENT_KEYS is not set, so no API key can be stored or read.",
            hint='Create a key: python -c "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())".',
        )
    return [key.strip() for key in configured.get_secret_value().split(",")]


def no_such_profile(profile_name: str) -> NotFoundError:
    """Return the error for an unknown profile name."""
    return NotFoundError(
        f"There is no agent profile {profile_name}.",
        hint="list_agent_settings shows them all; create_agent_settings creates one.",
        details={"entity_type": "agent_settings", "profile_name": profile_name},
    )
