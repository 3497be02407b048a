"""The indexes of one installation: which one is written, and when searches may see it.

One complete index stands behind the alias that searches read. A new one is made beside it or in its place, is
written by a name of its own, and gets the alias when it is complete.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from parley.domain.errors import ConfigurationError, UnavailableError
from parley.search.opensearch.address import Address
from parley.search.opensearch.layout import VERSION, Names, describe, is_ours
from parley.search.opensearch.wire import CODE, WORK_TIMEOUT_S, RefusedError, Wire

_EXISTS: Final = "resource_already_exists_exception"
_SHOWN: Final = "*.aliases,*.mappings._meta,*.settings.index.uuid"


class Generation(NamedTuple):
    """An index that is written."""

    number: int
    is_published: bool
    """Whether searches read it."""
    uuid: str
    """The engine's own name of it, which no other index ever has."""


class Generations:
    """Finds, makes, publishes and replaces the indexes."""

    def __init__(self, wire: Wire, address: Address, names: Names) -> None:
        """Work under ``names``."""
        self._wire = wire
        self._address = address
        self._names = names

    async def present(self) -> Generation:
        """Give the one that is written, made if there is none; what it replaced is deleted if that is still there.

        Raises:
            ConfigurationError: an index has one of our names and is not ours.
        """
        found = await self._of_layout()
        written = _written(found)
        if written is None:
            return await self._make(1)
        if written.is_published:
            await self._drop([generation for generation in found if generation.number < written.number])
        return written

    async def find(self) -> Generation | None:
        """Give the one that is written: the published one, else the youngest; ``None`` if there is none."""
        return _written(await self._of_layout())

    async def find_next(self) -> Generation | None:
        """Give the one that is made beside the published one; ``None`` if there are not both."""
        found = await self._of_layout()
        written = _written(found)
        if written is None or not written.is_published:
            return None
        return max((generation for generation in found if generation.number > written.number), default=None)

    async def make_next(self) -> Generation:
        """Make an empty index beside the published one, in the place of any that was made so before."""
        found = await self._of_layout()
        number = _next(found)
        made = await self._make(number)
        await self._drop([generation for generation in found if not generation.is_published])
        return made

    async def drop_next(self) -> None:
        """Delete what is made beside the published one."""
        if next_ := await self.find_next():
            await self._drop([next_])

    async def replace(self) -> Generation:
        """Make an empty index and delete the others of this layout; searches are refused from then on."""
        found = await self._of_layout()
        made = await self._make(_next(found))
        await self._drop(found)
        return made

    async def publish(self, generation: Generation) -> Generation:
        """Let searches read it and none else, with all that was written; what they read before is deleted.

        Not in one step: a search that begins while an index is deleted may still be led to it, and fails.
        """
        index = self._names.index(generation.number)
        await self._wire.ask("POST", f"/{index}/_refresh", timeout_s=WORK_TIMEOUT_S)
        found = await self._all()
        others = [each for each in found.get(VERSION, []) if each.is_published and each.number != generation.number]
        actions = [
            {"remove": {"index": self._names.index(other.number), "alias": self._names.alias}} for other in others
        ]
        actions.append({"add": {"index": index, "alias": self._names.alias}})
        await self._wire.ask("POST", "/_aliases", {"actions": actions}, timeout_s=WORK_TIMEOUT_S)
        await self._drop(others)
        await self._delete(
            [self._names.index(each.number, layout) for layout in found if layout < VERSION for each in found[layout]]
        )
        return generation._replace(is_published=True)

    async def _all(self) -> dict[int, list[Generation]]:
        """Give what there is by layout version."""
        answer = await self._wire.ask("GET", f"/{self._names.all}", filter_path=_SHOWN)
        found: dict[int, list[Generation]] = {}
        for index, facts in answer.items():
            parsed = self._names.parse(index)
            if parsed is None:
                continue
            if not is_ours(facts.get("mappings")):
                raise ConfigurationError(
                    f"the index {index} was not made by Parley; name another prefix in PARLEY_SEARCH_URL"
                )
            layout, number = parsed
            is_published = self._names.alias in facts.get("aliases", {})
            found.setdefault(layout, []).append(Generation(number, is_published, facts["settings"]["index"]["uuid"]))
        return found

    async def _of_layout(self) -> list[Generation]:
        """Give those of this layout."""
        return (await self._all()).get(VERSION, [])

    async def _make(self, number: int) -> Generation:
        """Make an index, or take the one that another process made at the same time.

        Raises:
            UnavailableError: it is gone again.
        """
        body = describe(self._address, self._names.door(number))
        try:
            await self._wire.ask("PUT", f"/{self._names.index(number)}", body, timeout_s=WORK_TIMEOUT_S)
        except RefusedError as error:
            if error.kind != _EXISTS:
                raise
        for made in await self._of_layout():
            if made.number == number:
                return made
        raise UnavailableError("The search index was deleted as soon as it was made", code=CODE)

    async def _drop(self, generations: Sequence[Generation]) -> None:
        await self._delete([self._names.index(generation.number) for generation in generations])

    async def _delete(self, indexes: list[str]) -> None:
        if indexes:
            path = f"/{','.join(indexes)}"
            await self._wire.ask("DELETE", path, ignore_unavailable="true", timeout_s=WORK_TIMEOUT_S)


def _next(found: Sequence[Generation]) -> int:
    return 1 + max((generation.number for generation in found), default=0)


def _written(found: Sequence[Generation]) -> Generation | None:
    published = [generation for generation in found if generation.is_published]
    return max(published or found, default=None)
