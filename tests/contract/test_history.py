"""A synthetic history, loaded through the ports of a real database, is one that ``parley check`` finds nothing in."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.history.shape import LARGE, NewChat, stages
from benchmarks.history.store import Store
from benchmarks.history.words import Talk
from parley.bootstrap.ports import open_ports
from parley.config import Settings, variable_of
from parley.domain.cursors import Window
from parley.domain.errors import UnavailableError
from parley.telemetry.clock import SystemClock
from tests.support.server import parley_command

STEPS = (10_000, 20_000)
SPOKEN = 50_000
URLS = ("database_url", "log_url", "search_url")


@pytest.fixture
def settings(profile: str, request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Give an empty installation's settings; its index is a file in both profiles."""
    if profile == "embedded":
        return Settings(data_dir=tmp_path)
    new_site: Callable[[], Any] = request.getfixturevalue("new_site")
    return Settings(data_dir=tmp_path, **new_site()._asdict())


async def test_a_history_grows_in_stages_to_a_store_in_which_nothing_differs(settings: Settings) -> None:
    """Rows, numbers, grants, counts, changes and the index agree, and the large chat is whole."""
    store, chats = Store(Talk(1, SPOKEN)), list[NewChat]()
    for stage in stages(1, STEPS):
        chats += stage.new_chats
        await store.grow(settings, stage)
    found = check(settings)
    assert found["ok"] is True, found
    assert "index_lag" not in found
    async with open_ports(settings, SystemClock()) as ports:
        for place, messages in chats:
            chat = await ports.storage.storage.get_chat(store.tokens[place.application], place.number)
            assert chat.messages_count == messages
        window = Window(before=2_001, limit=3)
        page = await ports.storage.storage.page_messages(store.tokens[LARGE.application], LARGE.number, window)
        assert [message.number for message in page.items] == [1_998, 1_999, 2_000]
    assert sum(messages for _, messages in chats) == STEPS[-1]


async def test_a_store_that_has_another_history_is_not_loaded_upon(settings: Settings) -> None:
    """Figures of a store with other contents would be of something else."""
    store = Store(Talk(1, SPOKEN))
    (stage,) = stages(1, STEPS[:1])
    await store.grow(settings, stage, index=False)
    again = next(stages(1, STEPS[:1]))
    with pytest.raises((ValueError, UnavailableError), match=r"instead of|of \d+ messages|cannot be stored"):
        await store.grow(settings, again, index=False)


def check(settings: Settings) -> dict[str, Any]:
    """Let the command compare everything, and give what it says."""
    urls = {variable_of(name): getattr(settings, name) for name in URLS}
    done = subprocess.run(
        [*parley_command(), "check", "--json", "--data-dir", str(settings.data_dir)],
        env={**os.environ, **urls}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    told: dict[str, Any] = json.loads(done.stdout)
    return told
