"""Settings: where a value comes from, and one clear line for each that is not allowed."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from parley.config import (
    Settings,
    load_settings,
    mask,
    origin_of,
    refuse_public_bind,
    secret_names,
    sentence_of,
    unknown_variables,
)
from parley.domain.errors import ConfigurationError

TOKEN = "an-admin-token-of-our-own"  # noqa: S105 - of nobody


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("PARLEY_"):
            monkeypatch.delenv(name)


def refusal(**overrides: object) -> str:
    """Give the one line with which settings are refused."""
    with pytest.raises(ConfigurationError) as caught:
        load_settings(overrides)
    assert "\n" not in caught.value.detail
    return caught.value.detail


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_has_a_sentence(name: str) -> None:
    """One that begins with a capital and ends with a full stop."""
    assert re.fullmatch(r"[A-Z].*\.", sentence_of(name))


def test_operator_gives_nothing() -> None:
    """The defaults are the embedded profile on loopback, in absolute paths."""
    settings = load_settings()

    folder = Path("data").absolute()
    assert settings.data_dir == folder
    assert settings.database_url == f"sqlite://{folder}/parley.db"
    assert settings.log_url == settings.database_url
    assert settings.search_url == f"sqlite://{folder}/search.db"
    refuse_public_bind(settings)


def test_operator_gives_flags_over_the_environment_over_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """The nearest wins, and each says where it came from."""
    monkeypatch.setenv("PARLEY_READERS", "5")
    monkeypatch.setenv("PARLEY_PARTITIONS", "8")
    flags = {"readers": "7"}

    settings = load_settings(flags)

    assert (settings.readers, settings.partitions, settings.max_connections) == (7, 8, 4096)
    origins = [origin_of(name, flags) for name in ("readers", "partitions", "max_connections")]
    assert origins == ["flag", "environment", "default"]


def test_operator_leaves_a_variable_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty value means: not set."""
    monkeypatch.setenv("PARLEY_READERS", "")
    monkeypatch.setenv("PARLEY_ADMIN_TOKEN", "")

    settings = load_settings({"data_dir": ""})

    assert (settings.readers, settings.admin_token) == (3, None)
    assert origin_of("readers") == "default"


def test_urls_follow_the_data_folder() -> None:
    """Characters with a meaning in URLs are escaped."""
    settings = load_settings({"data_dir": "/srv/a b?c#d%20"})

    assert settings.data_dir == Path("/srv/a b?c#d%20")
    assert settings.database_url == "sqlite:///srv/a%20b%3Fc%23d%2520/parley.db"


def test_the_log_follows_the_database() -> None:
    """Unless it is given too."""
    url = "sqlite:///srv/other.db"

    assert load_settings({"database_url": url}).log_url == url
    assert load_settings({"database_url": url, "log_url": "redis://a"}).log_url == "redis://a"


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("readers", "0", "a whole number from 1 to 64"),
        ("readers", "many", "a whole number from 1 to 64"),
        ("readers", "2.5", "a whole number from 1 to 64"),
        ("max_connections", "-1", "a whole number of at least 1"),
        ("drain_timeout_s", "nan", "a number above 0"),
        ("drain_timeout_s", "inf", "a number above 0"),
        ("drain_timeout_s", "0", "a number above 0"),
        ("log_level", "loud", "one of debug, info, warning, error"),
        ("log_durability", "perhaps", "one of synced, relaxed"),
        ("api_bind", "nonsense", "127.0.0.1:3000"),
        ("api_bind", "127.0.0.1", "127.0.0.1:3000"),
        ("api_bind", "127.0.0.1:99999", "from 0 to 65535"),
        ("write_bind", ":8080", "127.0.0.1:3000"),
        ("write_bind", "::1:8080", "[::1]:3000"),
        ("write_bind", "[::1", "[::1]:3000"),
        ("write_bind", "[nonsense]:80", "[::1]:3000"),
        ("database_url", "sqlite:", "a URL such as"),
        ("database_url", "sqlite://", "sqlite:///path"),
        ("database_url", "sqlite:///", "sqlite:///path"),
        ("pubsub_url", "nonsense", "a URL such as"),
        ("cors_origins", "https://a.example/path", "without a path"),
        ("cors_origins", "a b", "without a path"),
    ],
)
def test_operator_is_told_what_is_allowed(name: str, value: str, allowed: str) -> None:
    """The line names the variable, the flag, what was given and what may be."""
    line = refusal(**{name: value})

    assert f"PARLEY_{name.upper()} (--{name.replace('_', '-')}) is {value!r}" in line
    assert allowed in line


def test_operator_is_told_all_that_is_wrong_at_once() -> None:
    """And nothing of what follows from it."""
    line = refusal(readers="x", api_bind="y", data_dir="/srv")

    assert line.count(" must be ") == 2


@pytest.mark.parametrize(
    ("token", "why"),
    [
        ("short", "at least 16"),
        ("with a space in it", "without spaces"),
        ("größer-als-sechzehn", "ASCII"),
        ("changeme-changeme", "sample"),
        ("change_me_change_me", "sample"),
        ("your-admin-token-here", "sample"),
        ("aaaaaaaaaaaaaaaaaaaa", "sample"),
        ("<openssl-rand-hex-24>", "sample"),
    ],
)
def test_operator_is_told_that_a_token_is_weak_but_not_which(token: str, why: str) -> None:
    """A short token, or one out of a manual, is refused and not printed."""
    line = refusal(admin_token=token)

    assert "PARLEY_ADMIN_TOKEN" in line
    assert why in line
    assert token not in line


def test_operator_keeps_the_token_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its line end is not part of it; the variable itself comes first, and a flag before both."""
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    monkeypatch.setenv("PARLEY_ADMIN_TOKEN_FILE", str(file))

    settings = load_settings()

    assert settings.admin_token is not None
    assert settings.admin_token.get_secret_value() == TOKEN
    assert origin_of("admin_token") == "file"
    monkeypatch.setenv("PARLEY_ADMIN_TOKEN", f"{TOKEN}-2")
    assert origin_of("admin_token") == "environment"
    monkeypatch.delenv("PARLEY_ADMIN_TOKEN_FILE")
    assert origin_of("admin_token", {"admin_token_file": str(file)}) == "file"
    from_flag = load_settings({"admin_token_file": str(file)}).admin_token
    assert from_flag is not None
    assert from_flag.get_secret_value() == TOKEN


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b""])
def test_operator_is_told_that_the_file_is_no_token(content: bytes | None, tmp_path: Path) -> None:
    """Missing, not text, or empty."""
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)

    line = refusal(admin_token_file=str(file))

    assert "PARLEY_ADMIN_TOKEN" in line


@pytest.mark.parametrize("bind", ["0.0.0.0:3000", "[::]:3000", "192.168.1.5:3000", "chat.example.org:3000"])
@pytest.mark.parametrize("name", ["api_bind", "write_bind"])
def test_operator_may_not_listen_to_others_without_a_token(name: str, bind: str) -> None:
    """Either port; with a token both may be public."""
    settings = load_settings({name: bind})

    with pytest.raises(ConfigurationError, match="PARLEY_ADMIN_TOKEN"):
        refuse_public_bind(settings)

    refuse_public_bind(load_settings({name: bind, "admin_token": TOKEN}))


@pytest.mark.parametrize("bind", ["127.0.0.1:1", "127.8.8.8:1", "[::1]:1", "localhost:1", "LocalHost:1"])
def test_operator_listens_to_this_machine_without_a_token(bind: str) -> None:
    """Loopback in every spelling."""
    refuse_public_bind(load_settings({"api_bind": bind}))


def test_operator_may_not_give_both_services_one_address() -> None:
    """Port 0 means two free ports, and is fine."""
    same = load_settings({"api_bind": "127.0.0.1:5", "write_bind": "127.0.0.1:5"})

    with pytest.raises(ConfigurationError, match="are both"):
        refuse_public_bind(same)

    refuse_public_bind(load_settings({"api_bind": "127.0.0.1:0", "write_bind": "127.0.0.1:0"}))


def test_operator_is_told_of_a_variable_that_is_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the nearest name; those that are settings are not mentioned."""
    for name in ("PARLEY_DATADIR", "PARLEY_READERS", "PARLEY_ADMIN_TOKEN_FILE"):
        monkeypatch.setenv(name, "1")

    assert unknown_variables() == ["PARLEY_DATADIR is not a setting; did you mean PARLEY_DATA_DIR?"]


def test_a_password_in_a_url_is_masked() -> None:
    """In what is printed and in what is refused."""
    assert mask("redis://user:pass@host/0") == "redis://user:********@host/0"
    assert mask("redis://:pass@host/0") == "redis://:********@host/0"
    assert mask("sqlite:///a@b:c") == "sqlite:///a@b:c"
    for unencoded in ("pa:ss", "pa/ss", "pa@ss", "pa?s#s", ":@/"):
        assert mask(f"mysql://user:{unencoded}@host/parley") == "mysql://user:********@host/parley"
    sentinels = "redis+sentinel://host/main?sentinel_password=pass&prefix=p"
    assert mask(sentinels) == "redis+sentinel://host/main?sentinel_password=********&prefix=p"
    assert "pass" not in refusal(database_url="redis:user:pass@host/0")


def test_a_secret_is_masked_everywhere() -> None:
    """In its own text too."""
    settings = load_settings({"admin_token": TOKEN})

    assert secret_names() == ["admin_token"]
    assert mask(settings.admin_token) == "********"
    assert TOKEN not in repr(settings)
