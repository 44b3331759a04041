"""Settings, read once from the environment and from ``.env`` in the working directory.

``DATABASE_URL`` keeps the name that every tool knows; all others begin with ``STUDIO_DATA_``.
"""

import os
import re
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from dotenv.parser import parse_stream
from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from studio_data.errors import ConfigurationError, did_you_mean

PREFIX = "STUDIO_DATA_"
ENV_FILE = Path(".env")
_HOST = r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?"


class Settings(BaseSettings):
    """The settings. A field's variable is ``STUDIO_DATA_`` and its name in capitals, unless the field says otherwise."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=ENV_FILE,
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
    )

    database_url: str | None = Field(default=None, validation_alias="DATABASE_URL", repr=False)
    """``DATABASE_URL``, a libpq connection string. Not set: the embedded server."""

    embedded_dir: Path | None = None
    """Folder of the embedded server. Not set: the user's data folder, or ``/var/lib/studio-data`` for root."""

    embedded_version: Literal["16", "18"] = "16"
    """Major version of the embedded Postgres."""

    pool_max_size: int = Field(default=10, ge=1, le=500)
    """Connections that one process opens at most."""

    pool_timeout: float = Field(default=5.0, gt=0, le=600)
    """Seconds that a call waits for a connection. Then the error says that the database is busy."""

    connect_timeout: int = Field(default=5, ge=2, le=600)
    """Seconds that one attempt to connect may take."""

    call_timeout: float = Field(default=20.0, gt=0, le=3600)
    """Seconds after which a call ends, its retries included, even if the server does not answer."""

    retry_attempts: int = Field(default=5, ge=1, le=100)
    """Attempts of one call in total, if a retry is safe."""

    retry_pause: float = Field(default=0.01, ge=0, le=60)
    """Seconds. The pause before a retry is random, up to this limit, which doubles with each attempt."""

    retry_longest_pause: float = Field(default=0.5, ge=0, le=60)
    """Seconds of the longest pause."""

    migration_timeout: float = Field(default=60.0, gt=0, le=3600)
    """Seconds that one migration may take, and seconds that it waits for another process that migrates."""

    pooler: Literal["none", "transaction"] = "none"
    """``transaction`` behind PgBouncer's transaction pooling; then statements are not prepared."""

    actor_required: bool = False
    """Whether writes outside ``acting_as`` are refused. Set it to true wherever agents run."""

    mcp_token: SecretStr | None = None
    """The bearer token that the MCP server demands over HTTP. Not set: no token, and only on loopback."""

    mcp_allowed_hosts: Annotated[tuple[str, ...], NoDecode] = ()
    """Host names by which clients reach the MCP server through a proxy, separated by commas: ``mcp.example.com``."""

    mcp_allowed_origins: Annotated[tuple[str, ...], NoDecode] = ()
    """Web origins whose pages may call it, besides those of the allowed hosts: ``https://app.example.com``."""

    phone_country: str = "US"
    """Two letters of the country whose phone numbers are written without a country's number."""

    ignored_arguments: Annotated[tuple[str, ...], NoDecode] = ()
    """Names that a harness adds to the arguments of every call, separated by commas. They are dropped: ``tool_call_id``."""

    agent_keys: SecretStr | None = None
    """Fernet keys that encrypt the agents' API keys, separated by commas, newest first. Not set: none can be stored."""

    @field_validator("agent_keys")
    @classmethod
    def _are_fernet_keys(cls, value: SecretStr | None) -> SecretStr | None:
        for key in value.get_secret_value().split(",") if value is not None else ():
            if not re.fullmatch(r"[A-Za-z0-9_-]{43}=", key.strip()):
                raise ValueError("it must be Fernet keys of 44 characters each, separated by commas")
        return value

    @field_validator("mcp_allowed_hosts", "mcp_allowed_origins", "ignored_arguments", mode="before")
    @classmethod
    def _are_separated_by_commas(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("mcp_allowed_hosts")
    @classmethod
    def _are_hosts(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(re.fullmatch(_HOST, host) for host in value):
            raise ValueError("it must be host names like mcp.example.com or mcp.example.com:8443, separated by commas")
        return tuple(host.lower() for host in value)

    @field_validator("mcp_allowed_origins")
    @classmethod
    def _are_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(re.fullmatch(f"https?://{_HOST}", origin) for origin in value):
            raise ValueError("it must be origins like https://app.example.com, separated by commas")
        return tuple(origin.lower() for origin in value)

    @field_validator("phone_country")
    @classmethod
    def _has_phone_numbers(cls, value: str) -> str:
        from phonenumbers import SUPPORTED_REGIONS  # noqa: PLC0415 (not needed for the default)

        if value.upper() not in SUPPORTED_REGIONS:
            raise ValueError("it must be the two letters of a country, like US")
        return value.upper()

    @field_validator("database_url")
    @classmethod
    def _is_connection_string(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                conninfo_to_dict(value)
            except ProgrammingError:
                # The driver's own message may quote the password.
                raise ValueError("it must be like postgresql://user:password@host:5432/database") from None
        return value

    @field_validator("mcp_token")
    @classmethod
    def _can_be_sent_and_not_guessed(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not re.fullmatch(r"[!-~]{16,}", value.get_secret_value()):
            raise ValueError("it must be at least 16 visible ASCII characters without blanks")
        return value


@cache
def settings() -> Settings:
    """Return the settings of this process.

    Raises ``ConfigurationError`` for a setting that is unknown or malformed, and names it.
    """
    _refuse_unknown_names()
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = _variable(str(first["loc"][0]))
        problem = first["msg"].removeprefix("Value error, ")
        raise ConfigurationError(
            f"The setting {name} is malformed: {problem}.",
            hint=f"Correct {name} in the environment or in {ENV_FILE}.",
            details={"setting": name},
        ) from None


def _variable(field: str) -> str:
    return field if field == "DATABASE_URL" else PREFIX + field.upper()


def _refuse_unknown_names() -> None:
    known = {
        _variable(field.validation_alias if isinstance(field.validation_alias, str) else name)
        for name, field in Settings.model_fields.items()
    }
    for name in (*os.environ, *_names_in_env_file()):
        if name.upper().startswith(PREFIX) and name.upper() not in known:
            # Compared without the prefix, which would make all names similar.
            near = did_you_mean(name.upper().removeprefix(PREFIX), [other.removeprefix(PREFIX) for other in known])
            raise ConfigurationError(
                f"The setting {name} is unknown.",
                hint=near.replace("mean ", f"mean {PREFIX}") if near else f"Known settings: {', '.join(sorted(known))}.",
                details={"setting": name, "known": sorted(known)},
            )


def _names_in_env_file() -> list[str]:
    """Return the names that ``.env`` sets. A line that sets nothing is an error: it could silently mean another database."""
    if not ENV_FILE.exists():
        return []
    try:
        with ENV_FILE.open(encoding="utf-8") as file:
            lines = list(parse_stream(file))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{ENV_FILE} cannot be read: {error}.", hint="Save it as UTF-8 text.") from error
    for line in lines:
        if line.error or (line.key is not None and line.value is None):
            raise ConfigurationError(
                f"Line {line.original.line} of {ENV_FILE} sets nothing.",
                hint="Write NAME=value, without spaces around the =.",
            )
    return [line.key for line in lines if line.key is not None]
