"""How far the index is: every partition's position, in one document beside the messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec

from parley.domain.errors import UnavailableError
from parley.domain.events import Position
from parley.search.opensearch.layout import POSITIONS
from parley.search.opensearch.wire import CODE, WORK_TIMEOUT_S, RefusedError, Wire, convert

_ID: Final = "positions"
_MISSING: Final = 404
_CONFLICT: Final = 409
_TRIES: Final = 5


class _Held(msgspec.Struct):
    """The document's own content."""

    positions: dict[int, Position]


class _State(NamedTuple):
    """What an index held when it was last asked or written, and which state of the document that was."""

    name: str
    positions: dict[int, Position]
    written_as: dict[str, int | str]


class Reached:
    """Reads in real time what was stored, and never takes a position back.

    A writer that slept while another went on finds the document changed. It may add what it reached in
    other partitions, but is refused where the other is further.
    """

    def __init__(self, wire: Wire) -> None:
        """Remember nothing yet."""
        self._wire = wire
        self._state: _State | None = None

    async def read(self, name: str) -> dict[int, Position]:
        """Give the positions in the index of that name.

        Raises:
            RefusedError: there is no such index.
        """
        answer = await self._wire.ask("GET", f"/{name}/_doc/{_ID}", allow=[_MISSING], routing=_ID)
        if "error" in answer:
            raise RefusedError(_MISSING, str(answer["error"]["type"]))
        if not answer["found"]:
            self._state = _State(name, {}, {"op_type": "create"})
        else:
            held = convert(answer["_source"], _Held)
            state = {"if_seq_no": answer["_seq_no"], "if_primary_term": answer["_primary_term"]}
            self._state = _State(name, held.positions, state)
        return dict(self._state.positions)

    async def put(self, name: str, positions: Mapping[int, Position]) -> None:
        """Store what was reached beside what other partitions have.

        Raises:
            RefusedError: there is no such index.
            UnavailableError: somebody else is further: ask for the positions again.
        """
        for _ in range(_TRIES):
            state = self._state
            if state is None or state.name != name:
                await self.read(name)
            elif await self._replace(state, positions):
                return
        raise UnavailableError("Others write the search index's positions all the time", code=CODE)

    async def _replace(self, state: _State, positions: Mapping[int, Position]) -> bool:
        """Write the document unless it changed since; `False` if it did."""
        self._state = None
        for partition, position in positions.items():
            if state.positions.get(partition, position) > position:
                raise UnavailableError("Another process is further with the search index", code=CODE)
        merged = {**state.positions, **positions}
        answer = await self._wire.ask(
            "PUT",
            f"/{state.name}/_doc/{_ID}",
            {POSITIONS: merged},
            allow=[_CONFLICT],
            timeout_s=WORK_TIMEOUT_S,
            routing=_ID,
            require_alias="true",
            **state.written_as,
        )
        if "error" in answer:
            return False
        written_as: dict[str, int | str] = {
            "if_seq_no": answer["_seq_no"],
            "if_primary_term": answer["_primary_term"],
        }
        self._state = _State(state.name, merged, written_as)
        return True
