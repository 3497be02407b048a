"""The log that the simulation models does what the scripts do on a real Redis: the same commands have the same replies.

Time stands still on both sides, because the log's own time is ahead of every clock; it moves when a life is resumed.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from itertools import count
from random import Random
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import RedisError

from parley.domain.events import (
    ApplicationClosed,
    ChatCreated,
    ChatDeleted,
    ChatRetitled,
    Entry,
    IdempotencyKey,
    MessageDeleted,
    MessageEdited,
    MessagesPosted,
    NumbersBurnt,
    What,
)
from parley.domain.grants import Life
from parley.domain.model import Draft
from parley.log.redis.entries import encode_entry
from parley.log.redis.lives import Bound
from parley.log.redis.packing import Packed
from parley.log.redis.scripts import script
from tests.simulation.engine import Engine
from tests.simulation.scripts import Machine
from tests.support.engines.redis import RedisServer

AHEAD_MS = 4_000_000_000_000
TTL_MS = 1_000
TOKENS = ("one", "two")
CHATS = 4
STEPS = 60
META = (
    *("ms", "seq", "messages", "bytes", "stored_messages", "stored_bytes", "stored_ms", "stored_seq"),
    *("stamp", "since", "young", "young_since", "turned_ms", "turned_seq"),
)
_PREFIXES = count(1)


class Pair:
    """A real log and the modelled one, under the same commands."""

    def __init__(self, client: Redis, rng: Random) -> None:
        """Begin with nothing on either side."""
        self.rng = rng
        self.epoch = 0
        self.ms = AHEAD_MS
        self.real: Callable[..., Any] = client.execute_command
        self.engine = Engine(Machine(lambda: 0))
        self._prefix = f"simulated-{next(_PREFIXES)}"
        self._sequences = {"a": 0, "b": 0}
        self.bound = self.bind("a")

    def bind(self, writer: str) -> Bound:
        """Name all that a writer needs in the present life."""
        return Bound(self._prefix, 0, Life(self.epoch, "run"), writer)

    def ask(self, *command: Any) -> Any:  # noqa: ANN401 - whatever is answered
        """Run a command on both sides, and give the reply that both gave."""
        modelled = self.engine.execute(command)
        try:
            real = self.real(*command)
        except RedisError as error:
            real = error
        if isinstance(real, Exception):
            assert type(modelled) is type(real), (command, modelled, real)
        else:
            assert modelled == real, command
        return real

    def run(self, name: str, keys: tuple[str, ...], *arguments: object) -> Any:  # noqa: ANN401
        """Run one of the scripts that nobody has to load."""
        return self.ask("EVAL", script(name), len(keys), *keys, *arguments)

    def begin(self, *, is_next: bool) -> None:
        """Begin an epoch, or resume the present one, later; have its scripts loaded."""
        self.epoch += is_next
        self.ms += self.rng.randrange(900)
        self.bound = bound = self.bind("a")
        keys = (bound.places.epoch, bound.places.sealed, bound.keys.meta, bound.keys.log)
        since = self.ms - self.rng.choice((0, 2 * TTL_MS))
        self.run("open", keys, self.epoch, self.ms, 0, since, self.epoch << 28, int(not is_next))
        for each in (bound.append, bound.restore):
            self.ask("SCRIPT", "LOAD", each.text)

    def append(self) -> None:
        """Append a batch: mostly the next one of a writer, now and then an old one, or in another life."""
        writer = self.rng.choice(("a", "b"))
        packed = Packed()
        for place in range(self.rng.randrange(1, 5)):
            packed.add(place, self._entry(), self._vouched)
        self._sequences[writer] += self.rng.choice((1, 1, 1, 1, 1, 0))
        sequence = max(1, self._sequences[writer] - self.rng.choice((0, 0, 0, 0, 0, 0, 1, 3)))
        bound = self.bind(writer)
        if self.rng.random() < 0.05:
            bound = Bound(self._prefix, 0, Life(self.epoch + 1, "run"), writer)
        self.ask(*bound.append_head, *packed.arguments(sequence, TTL_MS))

    def restore(self) -> None:
        """Tell what a database would know of some scopes."""
        arguments: list[object] = [self.rng.choice(("", self._stamp(), self._stamp(), self._stamp() + 1))]
        for name in self.rng.sample(self.names(), 2):
            stored, first = self.rng.randrange(6), self.rng.choice((1, 1, 4, 9, 1_001))
            burnt = encode_entry(Entry(name, None, NumbersBurnt(first - 1)))
            closed = int(self.rng.random() < 0.05)
            arguments += [name, closed, stored, first, first + self.rng.randrange(8), burnt]
        self.ask(*self.bound.restore_head, *arguments)

    def trim(self) -> None:
        """Let go of what lies before some place."""
        keys = self.bound.keys
        at = self.ms - self.rng.choice((0, 0, 300))
        counts = self.rng.randrange(40), self.rng.randrange(4_000)
        budget = self.rng.randrange(1, 4), self.rng.randrange(1, 4), self.rng.choice((0, 200)), 500
        used = (keys.meta, keys.scopes, keys.keys_a, keys.keys_b, keys.log)
        self.run("trim", used, at, self.rng.randrange(20), *counts, *budget)

    def seal(self) -> None:
        """End the life, and begin the next; the old one is not to be had any more."""
        places = self.bound.places
        self.run("seal", (places.epoch, places.sealed), self.epoch)
        self.begin(is_next=False)
        self.ask("GET", places.epoch)
        self.append()
        self.begin(is_next=True)

    def compare(self) -> None:
        """Hold everything that is kept on one side against the other."""
        keys = self.bound.keys
        self.ask("GET", self.bound.places.epoch)
        self.ask("HMGET", keys.meta, *META)
        self.ask("HMGET", keys.scopes, *self.names())
        self.ask("XRANGE", keys.log, b"(0-0", "+", "COUNT", 1_000)
        for name in (keys.keys_a, keys.keys_b):
            flat = self.real("HGETALL", name)
            real = dict(zip(flat[::2], flat[1::2], strict=True))
            modelled = self.engine.machine.data.get(name, {})
            assert real == {key.encode(): struct.pack(">16sIQI", *value) for key, value in modelled.items()}

    def names(self) -> list[str]:
        """Give the names of all scopes that are used."""
        return [*TOKENS, *(f"{token}:{chat}" for token in TOKENS for chat in range(1, CHATS))]

    def _stamp(self) -> int:
        meta = self.engine.machine.data.get(self.bound.keys.meta)
        return 0 if meta is None else int(meta.stamp)

    def _vouched(self, *_: str) -> int:
        return self.rng.choice((0, self._stamp()))

    def _entry(self) -> Entry:
        rng = self.rng
        token, chat = rng.choice(TOKENS), rng.randrange(1, CHATS)
        whats: list[tuple[int | None, What]] = [
            *([(chat, MessagesPosted(tuple(Draft("hi") for _ in range(rng.choice((1, 1, 2, 5))))))] * 6),
            *([(None, ChatCreated("title"))] * 2),
            (chat, ChatRetitled("other")),
            (chat, MessageEdited("edited")),
            (chat, MessageDeleted()),
        ]
        if rng.random() < 0.03:
            whats = [(chat, ChatDeleted()), (None, ApplicationClosed())]
        where, what = rng.choice(whats)
        number = rng.randrange(1, 9) if isinstance(what, MessageEdited | MessageDeleted) else None
        key = IdempotencyKey("route", rng.choice("abcdef"), rng.choice((b"x", b"x", b"y")) * 16)
        return Entry(token, where, what, number, key if rng.random() < 0.5 else None)


def append_without_keys(pairs: list[Pair]) -> None:
    """Append to logs whose models forget keys."""
    for pair in pairs:
        pair.engine.machine.broken = frozenset({"duplicate key ignored"})
        pair.begin(is_next=True)
        pair.restore()
        for _ in range(STEPS):
            pair.append()


@pytest.fixture
def client(redis_server: RedisServer) -> Iterator[Redis]:
    """Give a client of the real one, whose replies stay as they came."""
    client = Redis.from_url(redis_server.url, protocol=2)
    client.response_callbacks.clear()
    yield client
    client.close()


@pytest.mark.parametrize("seed", range(40))
def test_model_answers_as_the_scripts_do(client: Redis, seed: int) -> None:
    """Random appends, restores, trims and lives leave the same replies, keys, gates and entries on both sides."""
    rng = Random(seed)
    pair = Pair(client, rng)
    pair.begin(is_next=True)
    pair.restore()

    for _ in range(STEPS):
        draw = rng.random()
        if draw < 0.6:
            pair.append()
        elif draw < 0.8:
            pair.restore()
        elif draw < 0.9:
            pair.trim()
        elif draw < 0.97:
            pair.begin(is_next=False)
        else:
            pair.seal()
        pair.compare()

    assert pair.engine.machine.data


def test_the_comparison_sees_a_model_that_forgets_a_rule(client: Redis) -> None:
    """A model that ignores keys differs from the scripts within a few sequences."""
    pairs = [Pair(client, Random(seed)) for seed in range(20)]

    with pytest.raises(AssertionError):
        append_without_keys(pairs)
