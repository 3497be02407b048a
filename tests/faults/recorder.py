"""Writes down what happens, one line an event, in the form that ``parley verify history`` reads."""

from __future__ import annotations

import time
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import msgspec

from parley.verify.history import MANIFEST, Event, Manifest

now_ns = time.monotonic_ns

_FILE: Final = "clients.jsonl"
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Event).decode


class Recorder:
    """One process's recording. Lines are complete: each is written in one call of a loop that has one thread."""

    def __init__(self, folder: Path) -> None:
        """Record into a folder that need not be there."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._file = (folder / _FILE).open("wb")
        self._clients = count(1)

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Have every line in the file."""
        self._file.close()

    def new_client(self) -> int:
        """Give a number that no client has had."""
        return next(self._clients)

    def write(self, **said: Any) -> Event:  # noqa: ANN401 - an event's fields
        """Write one line, at this very time."""
        event = Event(ns=now_ns(), **said)
        self._file.write(_encode(event) + b"\n")
        return event

    def read(self) -> list[Event]:
        """Give every line so far."""
        self._file.flush()
        with (self.folder / _FILE).open("rb") as lines:
            return [_decode(line) for line in lines]

    def conclude(self, manifest: Manifest) -> None:
        """Say what was run and what may be expected of it."""
        (self.folder / MANIFEST).write_bytes(msgspec.json.format(_encode(manifest)))
