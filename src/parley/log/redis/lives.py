"""The life of each partition's log that this process was told of last, with all that an append in it begins with."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping

from parley.domain.grants import Life
from parley.log.redis.names import EpochKeys, PartitionKeys, epoch_keys, partition_keys
from parley.log.redis.scripts import LifeScript, life_script


class Bound:
    """A partition's life, the names of its keys, and the scripts that serve it."""

    __slots__ = ("append", "append_head", "keys", "life", "partition", "places", "restore", "restore_head")

    def __init__(self, prefix: str, partition: int, life: Life, writer_id: str) -> None:
        """Name everything that an append in this life needs."""
        self.partition = partition
        self.life = life
        self.places: PartitionKeys = partition_keys(prefix, partition)
        self.keys: EpochKeys = epoch_keys(prefix, partition, life.epoch)
        self.append: LifeScript = life_script("append", self.places.tag, life)
        self.restore: LifeScript = life_script("restore", self.places.tag, life)
        keys = self.keys
        own = f"{keys.writers}{writer_id}"
        used = (self.places.epoch, keys.meta, keys.scopes, keys.keys_a, keys.keys_b, keys.log, own)
        self.append_head = _head(self.append, used, life)
        self.restore_head = _head(self.restore, (self.places.epoch, keys.meta, keys.scopes, keys.log), life)


class Lives:
    """All partitions' lives, as adopted so far."""

    def __init__(self, prefix: str, writer_id: str) -> None:
        """Know none yet."""
        self.prefix = prefix
        self._writer_id = writer_id
        self._bound: dict[int, Bound] = {}
        self._adopted = asyncio.Event()

    def adopt(self, lives: Mapping[int, Life]) -> None:
        """Take these lives; a partition that is not named keeps its own."""
        for partition, life in lives.items():
            known = self._bound.get(partition)
            if life.run_id and (known is None or known.life != life):
                self._bound[partition] = self.bind(partition, life)
        self._adopted.set()
        self._adopted = asyncio.Event()

    def bind(self, partition: int, life: Life) -> Bound:
        """Name everything of a life, adopted or not."""
        return Bound(self.prefix, partition, life, self._writer_id)

    def get(self, partition: int) -> Bound | None:
        """Give a partition's life; ``None`` before anybody looked at its log."""
        return self._bound.get(partition)

    def all(self) -> Iterable[Bound]:
        """Give every partition's."""
        return tuple(self._bound.values())

    async def adopted(self, timeout_s: float) -> None:
        """Wait until lives are adopted, not longer than a time."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._adopted.wait()
        except TimeoutError:
            return


def _head(script: LifeScript, keys: tuple[str, ...], life: Life) -> tuple[bytes, ...]:
    names = (key.encode() for key in keys)
    return (b"EVALSHA", script.digest, b"%d" % len(keys), *names, b"%d" % life.epoch)
