"""Grows a store to a history of so many messages, and its search index with it, through their ports."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from benchmarks.history import embedded, served
from benchmarks.history.entries import chats_of, messages_of
from benchmarks.history.shape import APPLICATIONS, Stage
from benchmarks.history.words import Talk
from parley.bootstrap.ports import Ports, open_ports
from parley.config import Settings
from parley.telemetry.clock import SystemClock
from parley.workers.feed import Feed
from parley.workers.index import IndexFollower

INDEX_MESSAGES: Final = 10_000


class Took(NamedTuple):
    """How long it took in seconds, to store what a stage adds, and to index it; 0 if it was not."""

    load_s: float
    index_s: float


class Store:
    """One history in one store, from its first stage to its last."""

    def __init__(self, talk: Talk) -> None:
        """Take what people say."""
        self.talk = talk
        self.tokens: Sequence[str] = ()

    async def grow(self, settings: Settings, stage: Stage, *, index: bool = True) -> Took:
        """Add a stage to the store of these settings, which nobody else has open."""
        clock = SystemClock()
        async with open_ports(settings, clock) as ports:
            began = clock.monotonic()
            await self._load(ports, stage)
            loaded = clock.monotonic()
            if index:
                await follow(ports)
            return Took(loaded - began, clock.monotonic() - loaded)

    async def _load(self, ports: Ports, stage: Stage) -> None:
        shared = ports.storage.shared
        if not self.tokens:
            self.tokens = [await _create(ports, number) for number in range(APPLICATIONS)]
        chats, messages = chats_of(stage, self.tokens), messages_of(stage, self.tokens, self.talk)
        if shared is None:
            await embedded.load(ports, chats)
            await embedded.load(ports, messages)
            return
        await served.load(shared, chats)
        await served.load(shared, messages)


async def follow(ports: Ports) -> None:
    """Index all that the index has not got yet."""
    feed = Feed(ports.search, lambda _: None, lambda: None)
    follower = IndexFollower(ports.storage.changes, ports.search, feed, SystemClock(), batch_messages=INDEX_MESSAGES)
    while not await follower.step():
        pass


async def _create(ports: Ports, number: int) -> str:
    application, _ = await ports.storage.tenants.create(f"application {number}", None)
    return application.token
