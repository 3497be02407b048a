"""Puts entries onto the log that nobody can store."""

from __future__ import annotations

from itertools import cycle
from typing import Final

from redis import Redis

from tests.faults.run import Strike
from tests.faults.server import ServerSite

_COUNT: Final = 40
_POISONS: Final = (
    (b"9", b"of a version to come"),
    (b"1", b"short"),
    (b"1", b"\0" * 20 + b"\x84\xa5token\xa4cut"),
    (b"1", b"\0" * 20 + b"\xff\xfe\x00 not MessagePack"),
)
_PUT: Final = """
local ms, seq = unpack(redis.call('HMGET', KEYS[1], 'ms', 'seq'))
redis.call('XADD', KEYS[2], string.format('%.0f-%.0f', ms, seq + 1), ARGV[1], ARGV[2])
redis.call('HSET', KEYS[1], 'seq', seq + 1)
"""
"""As an append would: behind the last entry, and counted as the last one."""


async def poison(strike: Strike[ServerSite]) -> None:
    """Put poison between the entries of every partition; all else passes, and the letters are given up at the end."""
    kinds = cycle(_POISONS)
    with Redis(port=strike.site.redis.port) as client:
        logs = sorted(client.scan_iter(f"*{strike.site.fleet.database}*:log"))
        async with strike.fault("poison"):
            for i in range(_COUNT):
                log = logs[i % len(logs)]
                client.eval(_PUT, 2, log.removesuffix(b":log") + b":meta", log, *next(kinds))
                await strike.load.acknowledge(5)
    await strike.calm()
    letters = strike.site.letters()
    if len(letters) != _COUNT:
        strike.wrong(f"{len(letters)} letters of {_COUNT} poisons")
    for id_ in letters:
        done = strike.site.run("dead-letters", "discard", str(id_), "--yes")
        assert done.returncode == 0, done.stdout + done.stderr
    strike.told["letters"] = len(letters)
