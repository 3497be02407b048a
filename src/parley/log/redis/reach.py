"""Signs of life of the log's servers, and what was not sent to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from parley.log.port import Reach, Unsent
from parley.log.redis.appends import RedisLog
from parley.log.redis.wires import Call, Wires

PATIENCE_S: Final = 0.4
"""A server that has not answered a PING by then gives no sign of life: it syncs a batch within milliseconds."""


class RedisReach:
    """Asks over connections of its own, which nothing else can block."""

    def __init__(self, wires: Wires, log: RedisLog, partitions: int) -> None:
        """Ask over ``wires``, whose time-out is `PATIENCE_S`; take back from ``log``."""
        self._wires = wires
        self._log = log
        self._calls = [Call(partition, ("PING",)) for partition in range(partitions)]

    async def away(self) -> frozenset[int]:
        """Give the partitions whose server does not answer."""
        replies = await self._wires.exchange(self._calls)
        return frozenset(
            call.partition for call, reply in zip(self._calls, replies, strict=True) if isinstance(reply, Exception)
        )

    def withdraw(self) -> list[Unsent]:
        """Take back every batch that was not sent yet."""
        return self._log.withdraw()


if TYPE_CHECKING:
    _conforms: type[Reach] = RedisReach
