"""What writers tell the log, so that it can number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from parley.domain.events import Entry, NumbersBurnt
from parley.domain.grants import Known, Life, ScopeName
from parley.domain.partitions import partition_of
from parley.log.port import Feeding
from parley.log.redis.entries import encode_entry
from parley.log.redis.errors import away, is_other_life
from parley.log.redis.lives import Bound, Lives
from parley.log.redis.packing import is_closed, scope_name
from parley.log.redis.wire import Command
from parley.log.redis.wires import Call, Wires

_BETWEEN: Final = "it is between two lives"
_MAX_VOUCHED: Final = 100_000
"""Keys that were vouched for and not appended: their requests are over by now."""


class RedisFeeding:
    """Adopts lives, restores scopes, vouches for keys."""

    def __init__(self, wires: Wires, lives: Lives, partitions: int) -> None:
        """Tell the log over ``wires``."""
        self._partitions = partitions
        self._wires = wires
        self._lives = lives
        self._vouched: dict[tuple[str, str, str], int] = {}

    async def is_open(self, name: ScopeName) -> bool | None:
        """Look at the scope's own gate and the application's, in the life that is adopted.

        Raises:
            UnavailableError: the log is away, or between two lives.
        """
        bound = self._bound(partition_of(name.token, self._partitions))
        commands: tuple[Command, ...] = (
            *_signs(bound),
            ("HMGET", bound.keys.scopes, name.token, scope_name(name)),
        )
        epoch, loaded, scopes = await self._wires.ask([Call(bound.partition, command) for command in commands])
        if epoch != b"%d" % bound.life.epoch or not loaded[0]:
            raise away(_BETWEEN)
        gates = [None if scope is None else is_closed(scope) for scope in scopes]
        return False if True in gates else None if None in gates else True

    async def closed(self) -> list[int]:
        """Give the partitions that nobody has opened in the life that is adopted.

        Raises:
            UnavailableError: the log is away.
        """
        bound = [self._lives.get(partition) for partition in range(self._partitions)]
        calls = [Call(each.partition, command) for each in bound if each is not None for command in _signs(each)]
        replies = iter(await self._wires.ask(calls))
        open_ = {
            each.partition
            for each, epoch, loaded in zip(filter(None, bound), replies, replies, strict=False)
            if epoch == b"%d" % each.life.epoch and loaded[0]
        }
        return [partition for partition in range(self._partitions) if partition not in open_]

    def adopt(self, lives: Mapping[int, Life]) -> None:
        """Name these lives from now on; one without a run is nobody's yet."""
        self._lives.adopt(lives)

    async def restore(self, partition: int, stamp: int | None, scopes: Sequence[Known]) -> None:
        """Set what is absent and extend grants, unless something was let go of since the refusal with ``stamp``.

        Without a ``stamp`` extend grants alone.

        Raises:
            UnavailableError: the log is away or in another life; the database may be asked and this repeated at will.
        """
        bound = self._bound(partition)
        arguments: list[bytes | str | int] = ["" if stamp is None else stamp]
        for known in scopes:
            arguments += _arguments(known)
        replies = await self._wires.exchange([Call(partition, (*bound.restore_head, *arguments))])
        if is_other_life(replies[0]):
            raise away(_BETWEEN)
        if isinstance(replies[0], Exception):
            raise away(replies[0]) from replies[0]

    def vouch(self, token: str, route: str, key: str, stamp: int) -> None:
        """Let the key's next append be new, if nothing was let go of since ``stamp``."""
        if len(self._vouched) >= _MAX_VOUCHED:
            self._vouched.clear()
        self._vouched[token, route, key] = stamp

    def vouched(self, token: str, route: str, key: str) -> int:
        """Give the stamp that a key was vouched for with, once; 0 if it was not."""
        return self._vouched.pop((token, route, key), 0)

    def _bound(self, partition: int) -> Bound:
        bound = self._lives.get(partition)
        if bound is None:
            raise away("nobody has opened it yet")
        return bound


def _signs(bound: Bound) -> tuple[Command, Command]:
    """Ask which epoch is open, and whether the life's script is loaded."""
    return ("GET", bound.places.epoch), ("SCRIPT", "EXISTS", bound.append.digest)


def _arguments(known: Known) -> tuple[bytes | str | int, ...]:
    burnt = encode_entry(Entry(*known.name, NumbersBurnt(known.first - 1)))
    return (scope_name(known.name), int(known.closed), known.last, known.first, known.until, burnt)


if TYPE_CHECKING:
    _conforms: type[Feeding] = RedisFeeding
