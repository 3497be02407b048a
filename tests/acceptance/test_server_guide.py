"""What docs/server.md tells the reader to type exists."""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable

import pytest

from parley.config import Settings, variable_of
from parley.database.mysql.address import parse_address as parse_database_url
from parley.log import ADAPTERS as LOGS
from parley.log.redis.urls import parse_url as parse_log_url
from parley.search import ADAPTERS as INDEXES
from parley.search.opensearch.address import parse_address as parse_search_url
from parley.storage import ADAPTERS as STORAGES
from tests.support.containers import SECRETS, containers, parse_command, resolved
from tests.support.dockerfile import ROOT

GUIDE = ROOT / "docs" / "server.md"


def test_the_guide_names_commands_and_settings_that_exist() -> None:
    """What a reader copies is read by the real command line."""
    guide = GUIDE.read_text("utf-8")
    settings = {variable_of(name) for name in Settings.model_fields}

    commands = re.findall(r"^(parley .+)$", "\n".join(re.findall(r"```sh\n(.*?)```", guide, re.DOTALL)), re.MULTILINE)

    roles = {name for name, role in containers(SECRETS).items() if role.is_ours}
    assert {command.split()[1] for command in commands} == {*roles, "backup"}
    for command in commands:
        parse_command(command.split())
    assert set(re.findall(r"\bPARLEY_[A-Z_]+", guide)) <= settings
    assert set(re.findall(r"\bparley_([a-z]+)", guide)) == {*resolved(SECRETS)["volumes"], "engines"}


@pytest.mark.parametrize("name", ["runbook.md", "server.md"])
def test_a_command_through_compose_starts_no_engine(name: str) -> None:
    """Whoever asks what is away must not wait for it; and what is asked is a service."""
    text = (GUIDE.parent / name).read_text("utf-8")

    runs = re.findall(r"docker compose run (.+)", text)
    asked = re.findall(r"docker compose exec (\w+)", text)

    assert runs
    assert all(run.startswith("--rm --no-deps ") for run in runs)
    assert set(asked) <= set(resolved(SECRETS)["services"])


def test_the_guide_has_every_url_form_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each form is understood by the adapter of its setting, and each scheme is in the guide."""
    monkeypatch.setattr(ssl, "create_default_context", lambda cafile=None: cafile)  # the authority is not there
    table = GUIDE.read_text("utf-8").partition("## URLs")[2].partition("`sqlite:")[0]
    _, *parts = re.split(r"`PARLEY_(\w+)_URL`", table)
    told = {name: re.findall(r"`([a-z+]+://[^`]*)`", text) for name, text in zip(parts[::2], parts[1::2], strict=True)}
    parsers: dict[str, Callable[[str], object]] = {
        "LOG": parse_log_url,
        "DATABASE": parse_database_url,
        "SEARCH": parse_search_url,
    }

    assert set(told) == set(parsers)
    for name, adapters in (("LOG", LOGS), ("DATABASE", STORAGES), ("SEARCH", INDEXES)):
        assert {url.partition(":")[0] for url in told[name]} == set(adapters) - {"sqlite"}, name
        for url in told[name]:
            if url.partition("//")[2]:
                parsers[name](url)
