"""Reads a recording: its manifest, its operations, its faults, and what is wrong with it as a recording."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from parley.verify.faults import Fault, Faults
from parley.verify.history import EVENTS, FORMAT, MANIFEST, Event, Manifest, Row
from parley.verify.operations import Operation
from parley.verify.pairing import Pairing

Tell = Callable[[str, int, int], None]
"""Is told what is counted, how many are done, and of how many."""

_TELL_EVERY: Final = 20_000
_SWITCHES: Final = ("fault_on", "fault_off")


class Recording(msgspec.Struct):
    """What was read."""

    manifest: Manifest
    operations: list[Operation]
    faults: Faults
    events: int = 0
    damage: list[str] = []
    """Why nothing can be proven by it; each names its file, and its line where it has one."""


class _Form(msgspec.Struct):
    format: int = FORMAT


class _Damaged(Exception):  # noqa: N818 - it is a state of the recording, not of this program
    """The manifest cannot be used."""


def read_recording(folder: Path, tell: Tell) -> Recording:
    """Read ``manifest.json`` and every ``*.jsonl`` of a folder.

    Raises:
        OSError: a file cannot be read.
    """
    try:
        manifest = _read_manifest(folder / MANIFEST)
    except _Damaged as damage:
        return Recording(Manifest(), [], Faults(()), damage=[str(damage)])
    return _Reader(folder, tell).read(manifest)


def _read_manifest(path: Path) -> Manifest:
    if not path.is_file():
        raise _Damaged(f"{path.name}: there is none")
    raw = path.read_bytes()
    try:
        form = msgspec.json.decode(raw, type=_Form)
        if form.format != FORMAT:
            raise _Damaged(f"{path.name}: its format is {form.format}, and this version reads {FORMAT}")
        return msgspec.json.decode(raw, type=Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise _Damaged(f"{path.name}: {error}") from error


class _Reader:
    """Reads the files of events one after the other."""

    def __init__(self, folder: Path, tell: Tell) -> None:
        self._paths: Final = sorted(folder.glob(EVENTS))
        self._total: Final = sum(path.stat().st_size for path in self._paths)
        self._tell: Final = tell
        self._pairing: Final = Pairing()
        self._faults: Final = _Switches()
        self._rows: Final[dict[str, Row]] = {}
        self._odd: Final[dict[Row, Row]] = {}
        self._damage: Final[list[str]] = []
        self._events = 0
        self._bytes = 0

    def read(self, manifest: Manifest) -> Recording:
        if not self._paths:
            self._damage.append(f"{EVENTS}: there is none")
        for path in self._paths:
            self._read_file(path)
        self._tell("bytes", self._total, self._total)
        operations, faults = self._pairing.operations, Faults(self._faults.end())
        return Recording(manifest, operations, faults, self._events, self._damage)

    def _read_file(self, path: Path) -> None:
        decode = msgspec.json.Decoder(Event).decode
        with path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                self._events += 1
                self._bytes += len(line)
                try:
                    wrong = self._take(decode(line))
                except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
                    wrong = f"cannot be read: {error}"
                if wrong is not None:
                    self._damage.append(f"{path.name}:{number}: {wrong}")
                if self._events % _TELL_EVERY == 0:
                    self._tell("bytes", self._bytes, self._total)
        self._pairing.end_file()

    def _take(self, event: Event) -> str | None:
        if event.f in _SWITCHES:
            return self._faults.take(event)
        if event.t == "invoke":
            return self._pairing.invoke(event)
        return self._pairing.complete(event, self._shared(event.rows) if event.rows else ())

    def _shared(self, rows: tuple[Row, ...]) -> tuple[Row, ...]:
        """Keep one object of what is read again and again: that saves most of the memory, and tells equals apart."""
        known = self._rows
        shared = tuple([known.setdefault(row.value, row) for row in rows])
        if shared == rows:
            return shared
        odd = self._odd
        return tuple(same if same == row else odd.setdefault(row, row) for same, row in zip(shared, rows, strict=True))


class _Switches:
    """Turns lines of faults that begin and end into faults."""

    def __init__(self) -> None:
        self._on: Final[dict[str, list[int]]] = {}
        self._ended: Final[list[Fault]] = []

    def take(self, event: Event) -> str | None:
        begins = self._on.setdefault(event.svc, [])
        if event.f == "fault_on":
            begins.append(event.ns)
        elif not begins:
            return f"the fault {event.svc!r} ends without having begun"
        else:
            self._ended.append(Fault(event.svc, begins.pop(0), event.ns))
        return None

    def end(self) -> list[Fault]:
        return [*self._ended, *(Fault(name, on_ns) for name, begins in self._on.items() for on_ns in begins)]
