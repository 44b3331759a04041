from pathlib import Path

import pytest

from studio_data.config import settings
from studio_data.errors import ConfigurationError


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    settings.cache_clear()


def test_the_defaults_need_no_setting() -> None:
    assert settings().database_url is None
    assert settings().embedded_version in {"16", "18"}
    assert (settings().pool_max_size, settings().pool_timeout, settings().call_timeout) == (10, 5.0, 20.0)


def test_settings_come_from_the_environment_and_before_that_from_the_env_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text(
        "DATABASE_URL=postgresql://file/studio\nSTUDIO_DATA_POOL_MAX_SIZE=7\nSTUDIO_DATA_CALL_TIMEOUT=3\nOPENAI_API_KEY=x\n"
    )
    monkeypatch.setenv("STUDIO_DATA_POOL_MAX_SIZE", "3")

    assert settings().database_url == "postgresql://file/studio"
    assert (settings().pool_max_size, settings().call_timeout) == (3, 3.0)


def test_hosts_of_a_proxy_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_DATA_MCP_ALLOWED_HOSTS", "MCP.example.com, [::1]:8443,")
    monkeypatch.setenv("STUDIO_DATA_MCP_ALLOWED_ORIGINS", "https://app.example.com")

    assert settings().mcp_allowed_hosts == ("mcp.example.com", "[::1]:8443")
    assert settings().mcp_allowed_origins == ("https://app.example.com",)


def test_an_empty_setting_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "")

    assert settings().database_url is None


def test_an_unknown_setting_in_the_environment_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_DATA_POOL_SIZE", "3")

    with pytest.raises(ConfigurationError, match=r"STUDIO_DATA_POOL_SIZE .*Did you mean STUDIO_DATA_POOL_MAX_SIZE\?"):
        settings()


def test_an_unknown_setting_in_the_env_file_is_named(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("STUDIO_DATA_COLOUR=blue\n")

    with pytest.raises(ConfigurationError, match=r"STUDIO_DATA_COLOUR is unknown. Known settings: DATABASE_URL, ") as raised:
        settings()

    assert raised.value.details["setting"] == "STUDIO_DATA_COLOUR"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("STUDIO_DATA_POOL_MAX_SIZE", "many"),
        ("STUDIO_DATA_POOL_MAX_SIZE", "0"),
        ("STUDIO_DATA_EMBEDDED_VERSION", "15"),
        ("STUDIO_DATA_POOLER", "session"),
        ("STUDIO_DATA_CALL_TIMEOUT", "-1"),
        ("STUDIO_DATA_MCP_TOKEN", "hunter2"),
        ("STUDIO_DATA_MCP_TOKEN", "hunter2 with some blanks"),
        ("STUDIO_DATA_MCP_ALLOWED_HOSTS", "https://hunter2.example.com"),
        ("STUDIO_DATA_MCP_ALLOWED_HOSTS", "*"),
        ("STUDIO_DATA_MCP_ALLOWED_ORIGINS", "hunter2.example.com"),
        ("STUDIO_DATA_PHONE_COUNTRY", "hunter2"),
        ("DATABASE_URL", "mysql://ann:hunter2@db/studio"),
        ("DATABASE_URL", "nonsense hunter2"),
    ],
)
def test_a_malformed_setting_is_named_and_not_quoted(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(ConfigurationError, match=f"The setting {name} is malformed: .*Correct {name}") as raised:
        settings()

    assert "hunter2" not in str(raised.value)
    assert raised.value.details == {"setting": name}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"STUDIO_DATA_POOL_MAX_SIZE=3\nDATABASE_URL\n", "Line 2 of .env sets nothing. Write NAME=value"),
        (b'export DATABASE_URL = "postgresql://db/studio" and more\n', "Line 1 of .env sets nothing. Write NAME=value"),
        (b"DATABASE_URL=\xff\n", ".env cannot be read: .* Save it as UTF-8 text"),
    ],
)
def test_an_env_file_that_would_silently_mean_another_database_is_refused(tmp_path: Path, text: bytes, message: str) -> None:
    (tmp_path / ".env").write_bytes(text)

    with pytest.raises(ConfigurationError, match=message):
        settings()
