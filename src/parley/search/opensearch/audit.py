"""Reads what the index holds, on one snapshot of the engine's."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from typing import TYPE_CHECKING, Final

from parley.domain.errors import ConfigurationError, UnavailableError
from parley.domain.events import Position
from parley.search.opensearch.address import Address, parse_address
from parley.search.opensearch.asking import everything_query
from parley.search.opensearch.banner import read_banner
from parley.search.opensearch.generations import Generations
from parley.search.opensearch.layout import Names
from parley.search.opensearch.reached import Reached
from parley.search.opensearch.wire import WORK_TIMEOUT_S, Answer, Wire
from parley.search.port import IndexAudit

_MISSING: Final = 404
_KEPT: Final = "10m"
"""How long the engine keeps the snapshot between two questions."""

_SHOWN: Final = "_scroll_id,hits.hits.sort"


def open_audit(url: str) -> OpenSearchAudit | None:
    """Open an index for reading; ``None`` if there is none yet.

    Raises:
        ConfigurationError: the URL is wrong, the engine does not answer or is not supported.
    """
    address = parse_address(url)
    runner = asyncio.Runner()
    try:
        reading = runner.run(_open(address))
    except UnavailableError as error:
        runner.close()
        raise ConfigurationError(f"cannot read the search index: {error.detail}") from error
    except BaseException:
        runner.close()
        raise
    if reading is None:
        runner.close()
        return None
    return OpenSearchAudit(runner, reading)


class OpenSearchAudit:
    """One snapshot, walked once from its begin to its end; positions are those from before it was made."""

    def __init__(self, runner: asyncio.Runner, reading: _Reading) -> None:
        """Ask by an event loop of its own."""
        self._runner = runner
        self._reading = reading
        self._ahead: list[int] = []
        self._passed = 0

    def integrity(self) -> list[str]:
        """Find nothing: a damaged shard is away, and without one of its shards no snapshot is made."""
        return []

    def positions(self) -> dict[int, Position]:
        """Give the last indexed position by partition; none while it is made again."""
        return dict(self._reading.positions)

    def documents(self, after: int, limit: int) -> list[int]:
        """Give documents above ``chat id << 32 | number``, in that order; ``after`` never falls from call to call."""
        if after < self._passed:
            raise ValueError(f"{after} was passed: the snapshot is walked once")
        self._passed = after
        del self._ahead[: bisect_right(self._ahead, after)]
        while len(self._ahead) < limit and (page := self._runner.run(self._reading.page())):
            self._ahead += page[bisect_right(page, after) :]
        return self._ahead[:limit]

    def close(self) -> None:
        """Let go of the snapshot."""
        try:
            self._runner.run(self._reading.close())
        finally:
            self._runner.close()


class _Reading:
    """The snapshot as the engine gives it, page by page."""

    def __init__(self, wire: Wire, positions: dict[int, Position], first: Answer) -> None:
        self.positions = positions
        self._wire = wire
        self._first: Answer | None = first
        self._scroll = str(first["_scroll_id"])

    async def page(self) -> list[int]:
        """Give the next keys; none at the end."""
        answer, self._first = self._first, None
        if answer is None:
            more = {"scroll": _KEPT, "scroll_id": self._scroll}
            answer = await self._wire.ask("POST", "/_search/scroll", more, timeout_s=WORK_TIMEOUT_S, filter_path=_SHOWN)
            self._scroll = answer["_scroll_id"]
        return [hit["sort"][0] for hit in answer.get("hits", {}).get("hits", ())]

    async def close(self) -> None:
        """Tell the engine that the snapshot is not needed any more."""
        try:
            await self._wire.ask("DELETE", "/_search/scroll", {"scroll_id": [self._scroll]}, allow=[_MISSING])
        finally:
            await self._wire.close()


async def _open(address: Address) -> _Reading | None:
    """Read the positions, then make the snapshot: what they promise is in it."""
    wire, names = Wire(address), Names(address.prefix)
    try:
        read_banner(await wire.ask("GET", "/"))
        generation = await Generations(wire, address, names).find()
        if generation is None:
            await wire.close()
            return None
        index = names.index(generation.number)
        positions = await Reached(wire).read(index)
        await wire.ask("POST", f"/{index}/_refresh", timeout_s=WORK_TIMEOUT_S)
        first = await wire.ask(
            "POST",
            f"/{index}/_search",
            everything_query(),
            timeout_s=WORK_TIMEOUT_S,
            scroll=_KEPT,
            allow_partial_search_results="false",
            filter_path=_SHOWN,
        )
    except BaseException:
        await wire.close()
        raise
    return _Reading(wire, positions, first)


if TYPE_CHECKING:
    _conforms: type[IndexAudit] = OpenSearchAudit
