"""Checks that come before anything is looked up, in the contract's order."""

from __future__ import annotations

from parley.http.exchange import Exchange
from parley.http.parameters import Parameters
from parley.http.requests import check_content, check_size, read_wait
from parley.ingest.writes import Writes


def check_read(exchange: Exchange) -> None:
    """Return if a read may go on.

    Raises:
        MediaTypeError: it has a body that is not plain JSON.
        TooLargeError: it has a body above the limit.
    """
    check_content(exchange)
    check_size(exchange)


def check_write(exchange: Exchange, writes: Writes) -> int | None:
    """Give the seconds of ``Prefer: wait`` if a change may go on.

    Raises:
        UnavailableError: too much waits already.
        MediaTypeError: its body is not plain JSON.
        TooLargeError: its body is above the limit.
    """
    writes.admission.check()
    check_read(exchange)
    return read_wait(exchange)


def kept(parameters: Parameters, *names: str) -> list[tuple[str, str]]:
    """Give those of a request's parameters that its links repeat."""
    return [(name, parameters[name]) for name in names if name in parameters]
