"""What came of a loop's requests."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Annotated, Final

import msgspec

from parley.cli.benching.book import Book
from parley.cli.benching.latencies import Latencies
from parley.cli.benching.mix import CREATE, PAGE, READ, Request

_GOOD: Final = {CREATE: 201, READ: 200, PAGE: 200}
_UNAVAILABLE: Final = 503
_SERVER_ERROR: Final = 500


class _Numbered(msgspec.Struct):
    number: Annotated[int, msgspec.Meta(ge=1)]


_number_of = msgspec.json.Decoder(_Numbered).decode


class Tally:
    """Latencies of good answers and reasons of the others, by operation; what was acknowledged goes into the book."""

    def __init__(self, book: Book) -> None:
        """Start empty; the book goes on from loop to loop."""
        self.latencies: defaultdict[str, Latencies] = defaultdict(Latencies)
        self.errors: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.in_window: dict[str, int] = {}
        """How many good answers came while load was offered: rates are of these."""
        self.good = 0
        self._book = book

    def answered(self, request: Request, status: int, body: bytes, seconds: float) -> None:
        """Count one answer."""
        operation = request.operation
        if status != _GOOD[operation]:
            self._refused(request, status)
            return
        if operation is CREATE:
            try:
                self._book.acknowledge(request.chat, _number_of(body).number)
            except (msgspec.DecodeError, UnicodeDecodeError):
                self.unanswered(request, "201 without a number", was_sent=True)
                return
        self.good += 1
        self.latencies[operation].add(seconds)

    def end_window(self) -> None:
        """Know that no more load is offered; what is answered from now on came late."""
        self.in_window = {operation: latencies.total for operation, latencies in self.latencies.items()}

    def unanswered(self, request: Request, why: str, *, was_sent: bool) -> None:
        """Count a request whose outcome nobody knows, unless it was never sent."""
        self.errors[request.operation][why] += 1
        if was_sent and request.operation is CREATE:
            self._book.unsettled[request.chat] += 1

    def _refused(self, request: Request, status: int) -> None:
        """503 means that nothing was written; what else a server or a proxy fails at may have been."""
        self.unanswered(request, str(status), was_sent=status >= _SERVER_ERROR and status != _UNAVAILABLE)
