"""Pairs invocations with their completions, and says where a recording does not keep to the form."""

from __future__ import annotations

from typing import Final

from parley.verify.history import Event, Row
from parley.verify.operations import Operation, join


class _Client:
    """Where one ``p`` is."""

    __slots__ = ("file", "is_lost", "last", "open")

    def __init__(self, file: int) -> None:
        self.file = file
        self.last = -1
        self.open: dict[int, Event] = {}
        self.is_lost = False
        """Whether it should have gone on under a new ``p``: after an unknown outcome."""


class Pairing:
    """Takes the lines of one file after the other, each in order."""

    def __init__(self) -> None:
        """Begin with the first file."""
        self.operations: Final[list[Operation]] = []
        self._clients: Final[dict[int, _Client]] = {}
        self._file = 0

    def invoke(self, event: Event) -> str | None:
        """Take an invocation; give what is wrong with it."""
        client = self._clients.get(event.p)
        if client is None:
            client = self._clients[event.p] = _Client(self._file)
        wrong = self._misplaced(client, event)
        client.last = max(client.last, event.i)
        client.open[event.i] = event
        return wrong

    def complete(self, event: Event, rows: tuple[Row, ...]) -> str | None:
        """Take a completion with its rows; give what is wrong with it."""
        client = self._clients.get(event.p)
        invoke = None if client is None or client.file != self._file else client.open.pop(event.i, None)
        if client is None or invoke is None:
            known = client is not None and client.file == self._file and event.i <= client.last
            return f"{_name(event)} {'has a second completion' if known else 'was never invoked'}"
        if event.f != invoke.f or event.ns < invoke.ns:
            return f"{_name(event)} was invoked as {invoke.f} at {invoke.ns}"
        client.is_lost = event.t == "info"
        self.operations.append(join(invoke, event, rows))
        return None

    def end_file(self) -> None:
        """End a file: the outcome of what is open is unknown, as when a client is killed."""
        for client in self._clients.values():
            if client.file == self._file:
                self.operations.extend(join(invoke, None) for invoke in client.open.values())
                client.open.clear()
        self._file += 1

    def _misplaced(self, client: _Client, event: Event) -> str | None:
        if client.file != self._file:
            return f"client {event.p} is in another file, too"
        if event.i <= client.last:
            return f"{_name(event)} is invoked again, or after a later one"
        if event.f == "final":
            return None
        if client.open:
            return f"{_name(event)} begins before its client's operation {next(iter(client.open))} has ended"
        if client.is_lost:
            return f"{_name(event)} follows an unknown outcome, and must be of a new client"
        return None


def _name(event: Event) -> str:
    return f"{event.f} {event.p}/{event.i}"
