"""The commands of the roles that run apart: what they say, and what they refuse before anything is touched."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from parley.cli import main
from parley.config import JOBS, load_settings, refuse_files, refuse_public_bind
from parley.domain.errors import ConfigurationError

SERVERS = {"database_url": "mysql://parley@db/parley", "log_url": "redis://log", "search_url": "http://search:9200"}
COMMANDS = ("serve", "api", "write", "work")


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("PARLEY_"):
            monkeypatch.delenv(name)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example_and_hides_what_only_a_parent_gives(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """And only settings that the role uses."""
    assert main([command, "--help"]) == 0

    shown = capsys.readouterr().out
    assert f"Example: parley {command} " in shown
    assert "inherited" not in shown
    assert ("--processes" in shown, "--jobs" in shown) == (command == "write", command == "work")


@pytest.mark.parametrize("name", SERVERS)
def test_operator_is_told_which_url_is_a_file(name: str) -> None:
    """One process owns it, whatever the others are."""
    embedded = getattr(load_settings(), name)
    settings = load_settings({**SERVERS, name: embedded})

    refuse_files(settings, [other for other in SERVERS if other != name])
    with pytest.raises(ConfigurationError, match="parley serve") as refused:
        refuse_files(settings, list(SERVERS))

    assert f"PARLEY_{name.upper()}" in refused.value.detail
    assert embedded in refused.value.detail


@pytest.mark.parametrize("arguments", [["api"], ["write"], ["write", "--processes", "2"], ["work"]], ids=" ".join)
def test_role_apart_on_the_embedded_profile_is_one_line_and_1(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says which command to use."""
    assert main([*arguments, "--data-dir", str(tmp_path / "data")]) == 1

    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert "use parley serve" in err
    assert not (tmp_path / "data").exists()


def test_operator_may_not_be_the_parent(capsys: pytest.CaptureFixture[str]) -> None:
    """The hidden option is refused by hand."""
    flags = [word for name, url in SERVERS.items() for word in (f"--{name.replace('_', '-')}", url)]

    assert main(["write", *flags, "--inherited", "yes"]) == 1

    assert "never by hand" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "jobs"),
    [
        ("index", "index"),
        (" reconcile, persist ,", "persist,reconcile"),
        ("erase,erase", "erase"),
        ("", ",".join(JOBS)),
    ],
)
def test_operator_names_jobs_in_any_order(given: str, jobs: str) -> None:
    """Twice is once, and nothing means all."""
    assert load_settings({"jobs": given}).jobs == jobs


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("jobs", "persist,sleep", "some of persist, index, erase, reconcile, separated by commas"),
        ("jobs", ",", "some of persist"),
        ("processes", "0", "a whole number from 1 to 64"),
        ("processes", "65", "a whole number from 1 to 64"),
        ("admin_bind", "8081", "host:port"),
    ],
)
def test_operator_is_told_what_is_allowed(name: str, value: str, words: str) -> None:
    """With the setting's name."""
    with pytest.raises(ConfigurationError) as refused:
        load_settings({name: value})

    assert f"PARLEY_{name.upper()}" in refused.value.detail
    assert words in refused.value.detail


def test_operator_may_not_show_probes_to_others_without_a_token() -> None:
    """Where the role listens there; and not on the address of the service."""
    public = load_settings({"admin_bind": "0.0.0.0:8081"})
    same = load_settings({"admin_bind": "127.0.0.1:8080"})

    refuse_public_bind(public)
    for settings, words in ((public, "PARLEY_ADMIN_TOKEN"), (same, "are both 127.0.0.1:8080")):
        with pytest.raises(ConfigurationError, match=words):
            refuse_public_bind(settings, ["write_bind", "admin_bind"])
