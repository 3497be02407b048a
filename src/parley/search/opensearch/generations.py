"""The indexes of one installation: which one is written, and when searches may see it.

One complete index stands behind the alias that searches read. A new one is made beside it or in its place, is
written by a name of its own, and gets the alias when it is complete.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from parley.domain.errors import ConfigurationError
from parley.search.opensearch.address import Address
from parley.search.opensearch.layout import VERSION, Names, describe, is_ours
from parley.search.opensearch.wire import WORK_TIMEOUT_S, RefusedError, Wire

_EXISTS: Final = "resource_already_exists_exception"
_SHOWN: Final = "*.aliases,*.mappings._meta"


class Generation(NamedTuple):
    """An index that is written."""

    number: int
    is_published: bool
    """Whether searches read it."""


class Generations:
    """Finds, makes, publishes and replaces the indexes."""

    def __init__(self, wire: Wire, address: Address, names: Names) -> None:
        """Work under ``names``."""
        self._wire = wire
        self._address = address
        self._names = names

    async def present(self) -> Generation:
        """Give the one that is written, made if there is none.

        Raises:
            ConfigurationError: an index has one of our names and is not ours.
        """
        return await self.find() or await self._make(1)

    async def find(self) -> Generation | None:
        """Give the one that is written: the published one, else the youngest; ``None`` if there is none."""
        found = (await self._all()).get(VERSION, [])
        published = [generation for generation in found if generation.is_published]
        return max(published or found, default=None)

    async def replace(self) -> Generation:
        """Make an empty index and delete the others of this layout; searches are refused from then on."""
        found = (await self._all()).get(VERSION, [])
        made = await self._make(1 + max((generation.number for generation in found), default=0))
        await self._delete([self._names.index(generation.number) for generation in found])
        return made

    async def publish(self, generation: Generation) -> Generation:
        """Let searches read it and none else, with all that was written; indexes of older layouts are deleted."""
        index = self._names.index(generation.number)
        await self._wire.ask("POST", f"/{index}/_refresh", timeout_s=WORK_TIMEOUT_S)
        found = await self._all()
        others = [each for each in found.get(VERSION, []) if each.is_published and each.number != generation.number]
        actions: list[dict[str, object]] = [
            {"remove_index": {"index": self._names.index(other.number)}} for other in others
        ]
        actions.append({"add": {"index": index, "alias": self._names.alias}})
        await self._wire.ask("POST", "/_aliases", {"actions": actions}, timeout_s=WORK_TIMEOUT_S)
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
            found.setdefault(layout, []).append(Generation(number, self._names.alias in facts.get("aliases", {})))
        return found

    async def _make(self, number: int) -> Generation:
        """Make an index, or take the one that another process made at the same time."""
        body = describe(self._address, self._names.door(number))
        try:
            await self._wire.ask("PUT", f"/{self._names.index(number)}", body, timeout_s=WORK_TIMEOUT_S)
        except RefusedError as error:
            if error.kind != _EXISTS:
                raise
        return Generation(number, is_published=False)

    async def _delete(self, indexes: list[str]) -> None:
        if indexes:
            path = f"/{','.join(indexes)}"
            await self._wire.ask("DELETE", path, ignore_unavailable="true", timeout_s=WORK_TIMEOUT_S)
