"""A new index beside the one that is searched: that there is one says that it is wanted."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from parley.domain.errors import ConflictError, UnavailableError
from parley.search.opensearch.asking import live
from parley.search.opensearch.generations import Generations
from parley.search.opensearch.layout import Names
from parley.search.opensearch.reached import Reached
from parley.search.opensearch.wire import CODE, Wire
from parley.search.opensearch.writing import Writing
from parley.search.port import Filling, Renewal, Target


class OpenSearchRenewal:
    """Wants, fills and publishes the next generation."""

    def __init__(
        self, generations: Generations, wire: Wire, names: Names, writing: Callable[[str, Reached], Writing]
    ) -> None:
        """Write into an index of ``names`` by what ``writing`` makes of its door."""
        self._generations = generations
        self._wire = wire
        self._names = names
        self._writing = writing

    async def ask(self) -> None:
        """Want a new index, unless one is wanted already."""
        if await self.searched() is None:
            raise ConflictError("The search index is being made already", code="index_incomplete")
        if await self._generations.find_next() is None:
            await self._generations.make_next()

    async def searched(self) -> str | None:
        """Name the index that is searched."""
        present = await self._generations.find()
        return present.uuid if present is not None and present.is_published else None

    async def asked(self) -> str | None:
        """Name the index that is wanted."""
        wanted = await self._generations.find_next()
        return None if wanted is None else wanted.uuid

    async def begin(self) -> tuple[str, Target]:
        """Put an empty one in the place of the one that is wanted."""
        wanted = await self._generations.make_next()
        return wanted.uuid, self._writing(self._names.door(wanted.number), Reached(self._wire))

    async def publish(self, name: str) -> None:
        """Let searches read that one."""
        wanted = await self._generations.find_next()
        if wanted is None or wanted.uuid != name:
            raise UnavailableError("Another search index is wanted by now", code=CODE)
        await self._generations.publish(wanted)

    async def filling(self) -> Filling | None:
        """Count the messages in it, and in the one that is searched."""
        wanted = await self._generations.find_next()
        if wanted is None:
            return None
        done, total = [await self._count(index) for index in (self._names.index(wanted.number), self._names.alias)]
        return Filling(done, total)

    async def cancel(self) -> None:
        """Want none any more."""
        await self._generations.drop_next()

    async def _count(self, index: str) -> int:
        answer = await self._wire.ask("POST", f"/{index}/_count", {"query": live()})
        count: int = answer["count"]
        return count


if TYPE_CHECKING:
    _conforms: type[Renewal] = OpenSearchRenewal
