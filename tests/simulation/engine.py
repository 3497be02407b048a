"""The log's engine in memory: the commands that the product sends, and how it crashes, forgets and comes back."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Sequence
from functools import cache
from hashlib import sha1
from typing import Any, Final

from redis.exceptions import NoScriptError, ResponseError

from parley.log.redis.scripts import script
from tests.simulation.scripts import Argument, Data, Machine, Meta, Stream, copy_data

Command = Sequence[Argument]
Place = tuple[str, int, int]
"""Where an entry lies: its stream's key, and its id."""
_SCOPE: Final = struct.Struct(">IIBQ")
_SCRIPTS: Final = {script(name): name for name in ("open", "seal", "trim")}
_LIFE: Final = re.compile(rb"-- parley (\w+) ")
_SETTINGS: Final = (b"appendonly", b"yes", b"no-appendfsync-on-rewrite", b"no", b"maxmemory-policy", b"noeviction")


class Engine:
    """Executes one command at a time; a run of it ends with a crash, and another begins over what was kept."""

    def __init__(
        self, machine: Machine, *, is_synced: bool = True, is_stored: Callable[[Place], bool] = lambda _: False
    ) -> None:
        """Start empty; ``is_stored`` says whether the database has an entry by now.

        ``is_synced``: it syncs before it answers, so a crash loses nothing that anybody was told.
        """
        self.machine = machine
        self.is_up = True
        self.is_synced = is_synced
        self.run = 1
        self.appends = 0
        """Entries that were written; and how many batches they came in."""
        self.batches = 0
        self.written: dict[Place, bytes] = {}
        """Every entry that ever lay on a stream."""
        self.lost: set[Place] = set()
        """Those that were on a stream alone, maybe answered for, when a fault took them away."""
        self._is_stored = is_stored
        self._loaded: dict[bytes, str] = {}
        self._commands: dict[str, Callable[..., Any]] = {
            "EVALSHA": self._run_loaded,
            "EVAL": self._run_script,
            "SCRIPT": self._script,
            "GET": self._get,
            "SET": self._set,
            "EXISTS": lambda key: int(key in self.machine.data),
            "UNLINK": self._unlink,
            "HMGET": self._read_hash,
            "XRANGE": self._range,
            "XINFO": self._describe,
            "CONFIG": lambda *_: [*_SETTINGS, b"appendfsync", b"always" if self.is_synced else b"everysec"],
            "INFO": lambda *_: b"role:master\r\nmaster_replid2:0000\r\nrun_id:%s\r\n" % self.run_id.encode(),
            "PING": lambda: b"PONG",
        }

    @property
    def run_id(self) -> str:
        """Name the present run."""
        return f"run{self.run}"

    def execute(self, command: Command) -> Any:  # noqa: ANN401 - whatever the engine says
        """Execute a command and give its reply; an error is given, not raised."""
        name, *arguments = command
        return self._commands[name.decode() if isinstance(name, bytes) else str(name)](*arguments)

    def picture(self) -> Data:
        """Give a copy of all that is kept, to be put back later."""
        return copy_data(self.machine.data)

    def crash(self, kept: Data | None = None) -> None:
        """End this run; the next begins over ``kept``, or over everything."""
        self.is_up = False
        self._loaded.clear()
        if kept is not None:
            self.replace(kept)

    def restart(self) -> None:
        """Begin another run."""
        self.run += 1
        self.is_up = True

    def replace(self, data: Data) -> None:
        """Have other data: what lay on the streams alone and does not any more is lost."""
        before = _entries(self.machine.data)
        self.machine.data = data
        self.lost |= {place for place in before - _entries(data) if not self._is_stored(place)}

    def finish(self, rest: list[tuple[str, tuple[int, int, bytes]]]) -> None:
        """Write what a broken build has only numbered so far."""
        if self.is_up:
            self.machine.write_rest(rest)
            self.appends += sum(self._note(log) for log, _ in rest)

    def _run_loaded(self, digest: bytes, count: Argument, *rest: Argument) -> Any:  # noqa: ANN401
        name = self._loaded.get(digest)
        if name is None and "epoch not checked" in self.machine.broken:
            name = "append" if count == b"7" else "restore"
        if name is None:
            return NoScriptError("No matching script.")
        keys, arguments = [_name(key) for key in rest[: int(count)]], rest[int(count) :]
        if name == "restore":
            reply = self.machine.restore(keys, arguments)
            self._note(keys[3])
            return reply
        reply = self.machine.append(keys, arguments)
        count = self._note(keys[5])
        self.appends += count
        self.batches += count > 0
        return reply

    def _note(self, log: str) -> int:
        """Remember what came onto a stream; tell how many entries did."""
        stream, written = self.machine.data.get(log), len(self.written)
        for ms, seq, value in reversed(stream.entries if stream else ()):
            if (log, ms, seq) in self.written and (log, ms, seq) not in self.lost:
                break
            self.written[log, ms, seq] = value
        return len(self.written) - written

    def _run_script(self, text: str, count: int, *rest: Argument) -> bytes:
        reply: bytes = getattr(self.machine, _SCRIPTS[text])([str(key) for key in rest[:count]], rest[count:])
        return reply

    def _script(self, what: str, *arguments: bytes) -> Any:  # noqa: ANN401
        if what == "EXISTS":
            return [int(digest in self._loaded) for digest in arguments]
        (text,) = arguments
        found = _LIFE.search(text)
        digest = _digest(text)
        self._loaded[digest] = found[1].decode() if found else ""
        return digest

    def _get(self, key: str) -> bytes | None:
        value = self.machine.data.get(key)
        return None if value is None else b"%d" % value

    def _set(self, key: str, value: str) -> bytes:
        self.machine.data[key] = int(value)
        return b"OK"

    def _unlink(self, *keys: str) -> int:
        return sum(self.machine.data.pop(key, None) is not None for key in keys)

    def _read_hash(self, key: str, *fields: str) -> list[bytes | None]:
        value = self.machine.data.get(key)
        if isinstance(value, Meta):
            told = [getattr(value, field) for field in fields]
            return [None if each is None else str(each).encode() for each in told]
        scopes = [(value or {}).get(field) for field in fields]
        return [None if s is None else _SCOPE.pack(s.last, s.until, s.closed, s.at) for s in scopes]

    def _range(self, key: str, after: bytes, _: str, __: str, limit: int) -> list[Any]:
        stream: Stream | None = self.machine.data.get(key)
        if stream is None or not stream.entries:
            return []
        ms, seq = map(int, after[1:].split(b"-"))
        found = [entry for entry in stream.entries if entry[:2] > (ms, seq)][:limit]
        return [[b"%d-%d" % (ms, seq), [b"1", value]] for ms, seq, value in found]

    def _describe(self, _: str, key: str) -> Any:  # noqa: ANN401
        stream: Stream | None = self.machine.data.get(key)
        if stream is None:
            return ResponseError("no such key")
        return [b"last-generated-id", b"%d-%d" % (stream.ms, stream.seq)]


def _entries(data: Data) -> set[Place]:
    streams = ((key, value) for key, value in data.items() if isinstance(value, Stream))
    return {(key, ms, seq) for key, stream in streams for ms, seq, _ in stream.entries}


@cache
def _name(key: bytes) -> str:
    return key.decode()


@cache
def _digest(text: bytes) -> bytes:
    return sha1(text, usedforsecurity=False).hexdigest().encode()
