"""Sends documents to an index in bulk and settles each one's outcome."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, NamedTuple

import msgspec
import structlog

from parley.domain.errors import UnavailableError
from parley.search.opensearch.wire import CODE, WORK_TIMEOUT_S, Answer, RefusedError, Wire, convert, unreadable

MOST_BYTES: Final = 5 * 1024 * 1024
MOST_LINES: Final = 2_000
TRIES: Final = 5
FIRST_PAUSE_S: Final = 0.2
"""Doubled with each try, and shortened by chance to not less than its half."""

_STORED: Final = range(200, 300)
_OLDER: Final = 409
_MALFORMED: Final = 400
_REFUSALS: Final = frozenset({"mapper_parsing_exception", "illegal_argument_exception"})
"""What the engine says of a document by itself; whatever else it refuses could be taken later."""

_BUSY: Final = frozenset({429, 502, 503, 504})
_PATIENCE: Final = "5s"
"""For which the engine itself waits for a shard that is away."""

_SHOWN: Final = "items.*.status,items.*.error.type"

_log = structlog.get_logger(__name__)


class Line(NamedTuple):
    """One document as it is sent: an action and its source, each with a line's end."""

    id: str
    json: bytes


class Bulk:
    """Repeats what a busy engine put off, a few times, each later than the one before."""

    def __init__(self, wire: Wire, jitter: Callable[[], float]) -> None:
        """Take a source of chances from 0 to 1."""
        self._wire = wire
        self._jitter = jitter

    async def send(self, door: str, lines: Iterable[Line]) -> None:
        """Store all lines; one that is older than what is stored counts as stored.

        Raises:
            ValueError: the engine can never take one of them; others may be stored.
            UnavailableError: it does not take them now; some may be stored.
        """
        for chunk in chunks(lines):
            await self._settle(door, chunk)

    async def _settle(self, door: str, lines: Sequence[Line]) -> None:
        for tries in range(1, TRIES + 1):
            lines, status = await self._attempt(door, lines)
            if not lines:
                return
            if tries < TRIES:
                _log.debug("search engine is busy", documents=len(lines), status=status, tries=tries)
                await asyncio.sleep(FIRST_PAUSE_S * 2 ** (tries - 1) * (1 + self._jitter()) / 2)
        raise UnavailableError(f"The search engine is busy: it answered {status} {TRIES} times", code=CODE)

    async def _attempt(self, door: str, lines: Sequence[Line]) -> tuple[list[Line], int]:
        """Give the lines that were put off, and the last status that said so."""
        body = b"".join(line.json for line in lines)
        try:
            answer = await self._wire.ask(
                "POST",
                f"/{door}/_bulk",
                body,
                timeout_s=WORK_TIMEOUT_S,
                timeout=_PATIENCE,
                require_alias="true",
                filter_path=_SHOWN,
            )
        except RefusedError as error:
            if error.status not in _BUSY:
                raise
            return list(lines), error.status
        outcomes = _outcomes(answer)
        if len(outcomes) != len(lines):
            raise unreadable()
        put_off = [
            (line, outcome.status)
            for line, outcome in zip(lines, outcomes, strict=True)
            if _is_put_off(line, outcome.status, outcome.error.type)
        ]
        return [line for line, _ in put_off], put_off[-1][1] if put_off else 0


class _Error(msgspec.Struct):
    type: str = ""


class _Outcome(msgspec.Struct):
    status: int
    error: _Error = msgspec.field(default_factory=_Error)


def _outcomes(answer: Answer) -> list[_Outcome]:
    """Give the lines' outcomes in their order, without what kind of action each was.

    Raises:
        UnavailableError: the answer has another form.
    """
    items = convert(answer.get("items", []), list[dict[str, _Outcome]])
    return [outcome for item in items for outcome in item.values()]


def _is_put_off(line: Line, status: int, kind: str) -> bool:
    """Tell whether a line is to be sent again.

    Raises:
        ValueError: it can never be stored.
        RefusedError: the index takes nothing as it is.
    """
    if status in _STORED or status == _OLDER:
        return False
    if status in _BUSY:
        return True
    if status == _MALFORMED and kind in _REFUSALS:
        raise ValueError(f"document {line.id} was refused: {kind}")
    raise RefusedError(status, kind)


def chunks(lines: Iterable[Line]) -> Iterator[list[Line]]:
    """Part the lines into requests of bounded size."""
    chunk: list[Line] = []
    size = 0
    for line in lines:
        if chunk and (size + len(line.json) > MOST_BYTES or len(chunk) == MOST_LINES):
            yield chunk
            chunk, size = [], 0
        chunk.append(line)
        size += len(line.json)
    if chunk:
        yield chunk
