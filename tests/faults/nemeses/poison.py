"""Puts entries onto the log that nobody can store."""

from __future__ import annotations

from itertools import cycle
from typing import Final

from redis import Redis

from parley.domain.events import Entry, MessageEdited, MessagesPosted, What
from parley.domain.model import Draft
from parley.domain.partitions import partition_of
from parley.log.redis.entries import VERSION, encode_entry
from tests.faults.client import RecordedClient
from tests.faults.run import Strike
from tests.faults.server import ServerSite
from tests.faults.world import KnownApplication
from tests.faults.writing import Writers

_COUNT: Final = 20
_CLASHES: Final = 4
_UNFIT: Final = 4
_UNREADABLE: Final = (
    (b"9", b"of a version to come"),
    (b"1", b"short"),
    (b"1", b"\0" * 20 + b"\x84\xa5token\xa4cut"),
    (b"1", b"\0" * 20 + b"\xff\xfe\x00 not MessagePack"),
)
_TOO_LONG: Final = "poison " + "x" * 70_000
_PUT: Final = """
local ms, seq = unpack(redis.call('HMGET', KEYS[1], 'ms', 'seq'))
redis.call('XADD', KEYS[2], string.format('%.0f-%.0f', ms, seq + 1), ARGV[1], ARGV[2])
redis.call('HSET', KEYS[1], 'seq', seq + 1)
"""
"""As an append would: behind the last entry, and counted as the last one."""
_PUT_READABLE: Final = """
local counts = redis.call('HMGET', KEYS[1], 'messages', 'bytes')
local messages, bytes = counts[1] + 1, counts[2] + #ARGV[2]
redis.call('HSET', KEYS[1], 'messages', messages, 'bytes', bytes)
ARGV[2] = struct.pack('>I4I8I8', ARGV[3], messages, bytes) .. ARGV[2]
"""
"""With the number and the counts that are in front of every entry: whoever reads the log relies on them."""


async def poison(strike: Strike[ServerSite]) -> None:
    """Put poison between the entries of every partition; all else passes, and the letters are given up at the end.

    Some cannot be read, some clash with a message that is stored, and the text of some does not fit.
    """
    application, chat, numbers = await _make_chat(strike)
    with Redis(port=strike.site.redis.port) as client:
        logs = sorted(client.scan_iter(f"*{strike.site.fleet.database}*:log"))
        own = logs[partition_of(application, len(logs))]
        kinds = cycle(_UNREADABLE)
        async with strike.fault("poison"):
            for i in range(_COUNT - len(numbers)):
                _put(client, logs[i % len(logs)], *next(kinds))
                await strike.load.acknowledge(10)
            for i, number in enumerate(numbers):
                what: What = MessagesPosted((Draft("poison"),)) if i < _CLASHES else MessageEdited(_TOO_LONG)
                given = None if i < _CLASHES else number
                _put(client, own, VERSION, encode_entry(Entry(application, chat, what, given)), number)
                await strike.load.acknowledge(10)
    await strike.calm()
    letters = strike.site.letters()
    if len(letters) != _COUNT:
        strike.wrong(f"{len(letters)} letters of {_COUNT} poisons")
    for id_ in letters:
        done = strike.site.run("dead-letters", "discard", str(id_), "--yes")
        assert done.returncode == 0, done.stdout + done.stderr
    strike.told["letters"] = len(letters)


async def _make_chat(strike: Strike[ServerSite]) -> tuple[str, int, list[int]]:
    """Make a chat of which no other client knows; give its application, it, and some of its messages."""
    application = KnownApplication(strike.load.applications[0].token)
    client = RecordedClient(strike.recorder)
    writers = Writers(client, strike.load.doors, strike.rng, strike.load)
    assert await writers.create_chat(application)
    (chat,) = application.chats
    while len(chat.messages) < _CLASHES + _UNFIT:
        assert await writers.post(application)
    client.close()
    return application.token, chat.number, chat.messages


def _put(client: Redis, log: bytes, version: bytes, value: bytes, number: int | None = None) -> None:
    """Put an entry onto a log; one that has a number can be read, and counts as an entry does."""
    script = _PUT if number is None else _PUT_READABLE + _PUT
    client.eval(script, 2, log.removesuffix(b":log") + b":meta", log, version, value, *([number] if number else []))
