"""The log in the hands of a partition's lease-holder: only here are the scripts of a life loaded."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, NamedTuple

from redis.exceptions import RedisError, ResponseError

from parley.domain.errors import ConflictError
from parley.domain.events import Logged, Position, position_id
from parley.domain.grants import Life
from parley.log.port import Keeper, Vitals
from parley.log.redis.durability import SETTINGS, keeps_all, read_info, read_settings
from parley.log.redis.entries import read_id, split_id
from parley.log.redis.errors import away
from parley.log.redis.line import Reply
from parley.log.redis.lives import Bound, Lives
from parley.log.redis.names import epoch_keys
from parley.log.redis.scripts import script
from parley.log.redis.servers import Servers, ask, opened
from parley.log.redis.wire import Command
from parley.log.redis.wires import Call, Wires

_LOAD_S: Final = 5.0
_STAMP_BITS: Final = 28
"""The stamps of two epochs never meet: what was refused in one is restored in no other."""
_OLD_EPOCHS: Final = 16
"""How many epochs back what may have been left lying is let go of."""


class Budget(NamedTuple):
    """How much of what is stored a partition's log keeps, to spare the database questions."""

    keys: int
    """In one of the two generations."""
    scopes: int
    idle_ms: int = 600_000
    """How long a scope stays at least after its last entry."""
    gate_ms: int = 86_400_000
    """How long a closed application stays closed here at least."""


class RedisKeeper:
    """Examines, opens, seals and trims a partition's log."""

    def __init__(self, servers: Servers, wires: Wires, lives: Lives, budget: Budget, *, is_single: bool) -> None:
        """Work over ``wires``; where there is not one server alone, a restart proves nothing."""
        self._servers = servers
        self._wires = wires
        self._lives = lives
        self.budget = budget
        self._is_single = is_single
        self._seen: dict[int, int] = {}
        self._held: dict[int, int] = {}

    async def examine(self, partition: int, life: Life) -> Vitals:
        """Look at the log in one round trip.

        Raises:
            UnavailableError: the log is away.
        """
        bound = self._lives.bind(partition, life)
        commands: tuple[Command, ...] = (
            ("XINFO", "STREAM", bound.keys.log),
            ("CONFIG", "GET", *SETTINGS),
            ("GET", bound.places.epoch),
            ("EXISTS", bound.keys.short),
            ("SCRIPT", "EXISTS", bound.append.digest, bound.restore.digest),
            ("INFO",),
            ("GET", bound.places.sealed),
            ("HMGET", bound.keys.meta, "stored_ms", "stored_seq"),
        )
        replies = await self._wires.exchange([Call(partition, command) for command in commands])
        stream, settings, *needed = replies
        for reply in (*needed, *(each for each in (stream, settings) if not isinstance(each, ResponseError))):
            if isinstance(reply, Exception):
                raise away(reply) from reply
        epoch, short, loaded, info, ended, stored = needed
        told = read_info(info)
        present = None if epoch is None else int(epoch)
        self._held[partition] = life.epoch
        self._seen[partition] = present or 0
        return Vitals(
            epoch=present,
            run_id=told["run_id"],
            end=_end(life.epoch, stream),
            is_open=present == life.epoch and all(loaded),
            keeps_all=self._is_single and keeps_all(told, read_settings(settings)),
            is_short=bool(short),
            ended=int(ended or 0),
            stored=_stored(life.epoch, stored),
        )

    async def seal(self, partition: int) -> None:
        """End the life that the log is in, and the one it was examined for: neither is opened again.

        Raises:
            UnavailableError: the log is away.
        """
        places = self._lives.bind(partition, Life(0, "")).places
        keys = (places.epoch, places.sealed)
        await self._run(partition, "seal", keys, self._held.get(partition, 0))

    async def open(self, partition: int, life: Life, floor: Position, keys_known_since: int) -> None:
        """Begin an epoch, or resume the one that the log was in when it was examined last; let go of older ones.

        Raises:
            UnavailableError: the log is away, or its engine is in another run than the life.
            ConflictError: somebody else has ended this epoch or begun a later one, or it is gone from the log.
        """
        bound = self._lives.bind(partition, life)
        keys = (bound.places.epoch, bound.places.sealed, bound.keys.meta, bound.keys.log)
        is_resumed = self._seen.get(partition) == life.epoch
        arguments = (life.epoch, *split_id(floor.id), keys_known_since, life.epoch << _STAMP_BITS, int(is_resumed))
        said = await self._run(partition, "open", keys, *arguments)
        if said != b"OK":
            detail = f"Partition {partition}'s log cannot be opened in epoch {life.epoch}: {said.decode()}"
            raise ConflictError(detail, code="lease_lost")
        self._seen[partition] = life.epoch
        await self._load(bound)
        await self._let_go(partition, life.epoch)

    async def trim(self, partition: int, until: Logged) -> None:
        """Let go of what lies up to an entry, and of scopes and keys beyond the budget that are stored.

        Raises:
            UnavailableError: the log is away.
        """
        keys = epoch_keys(self._lives.prefix, partition, until.position.epoch)
        arguments = (*split_id(until.position.id), *until.so_far, *self.budget)
        used = (keys.meta, keys.scopes, keys.keys_a, keys.keys_b, keys.log)
        await self._run(partition, "trim", used, *arguments)

    async def _load(self, bound: Bound) -> None:
        """Load a life's scripts into the very run that it names: no connection outlives a run."""
        try:
            async with asyncio.timeout(_LOAD_S), opened(self._servers, bound.partition) as connection:
                told = read_info(await ask(connection, "INFO", "server"))
                if told["run_id"] != bound.life.run_id:
                    raise away("its engine runs anew")
                for life_script in (bound.append, bound.restore):
                    await ask(connection, "SCRIPT", "LOAD", life_script.text)
        except (RedisError, OSError) as error:
            raise away(error) from error

    async def _let_go(self, partition: int, epoch: int) -> None:
        older = range(max(1, epoch - _OLD_EPOCHS), epoch)
        names = [name for old in older for name in epoch_keys(self._lives.prefix, partition, old)]
        if names:
            await self._wires.ask([Call(partition, ("UNLINK", *names))])

    async def _run(self, partition: int, name: str, keys: tuple[str, ...], *arguments: int) -> bytes:
        command: Command = ("EVAL", script(name), len(keys), *keys, *arguments)
        (reply,) = await self._wires.ask([Call(partition, command)])
        return bytes(reply)


def _end(epoch: int, stream: Reply) -> Position | None:
    """Give the stream's last position, also when all of it was trimmed; ``None`` where there is no stream."""
    if isinstance(stream, Exception):
        return None
    named = dict(zip(stream[::2], stream[1::2], strict=True))
    return Position(epoch, read_id(named[b"last-generated-id"]))


def _stored(epoch: int, told: list[bytes | None]) -> Position | None:
    ms, seq = (None if each is None else int(each) for each in told)
    return None if ms is None or seq is None else Position(epoch, position_id(ms, seq))


if TYPE_CHECKING:
    _conforms: type[Keeper] = RedisKeeper
