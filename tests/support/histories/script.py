"""A recording told as a script: one call an operation, a clock that ticks, numbers and rows as the teller says."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, Literal, cast

import msgspec

from parley.verify.history import MANIFEST, Event, Manifest, Operation, Row, Source

MS: Final = 10**6
_ASKED: Final = frozenset({"svc", "app", "chat", "v", "sha", "key", "of", "after"})
_CREATES: Final = ("post", "create_chat")


SOURCES: Final[tuple[Source, ...]] = ("pages", "singles", "sql", "index")
Kind = Literal["invoke", "ok", "fail", "info"]


def event(p: int, i: int, f: Operation, t: Kind, ns: int, **said: object) -> Event:
    """Make a line."""
    return msgspec.structs.replace(Event(p=p, i=i, f=f, t=t, ns=ns), **said)


def digest(text: str) -> str:
    """Make a row's digest of a whole text."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def row(number: int, value: str) -> Row:
    """Make a row whose text is its value."""
    return Row(number, value, digest(value))


class History(msgspec.Struct):
    """A recording in memory."""

    manifest: Manifest
    events: list[Event]
    named: dict[str, tuple[int, int]] = {}
    """``p`` and ``i`` of the operations that the teller has named."""

    def write(self, folder: Path) -> Path:
        """Write it as one file of events."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / MANIFEST).write_bytes(msgspec.json.encode(self.manifest))
        lines = (msgspec.json.encode(event) + b"\n" for event in self.events)
        (folder / "clients.jsonl").write_bytes(b"".join(lines))
        return folder

    def changed(self, change: Callable[[Event], Event | None]) -> History:
        """Change events; nothing removes one."""
        made = (change(event) for event in self.events)
        return History(self.manifest, [event for event in made if event is not None], self.named)

    def answered(self, name: str, **said: object) -> History:
        """Let one operation be answered differently."""
        return self._said(name, said, is_asked=False)

    def asked(self, name: str, **said: object) -> History:
        """Let one operation be invoked differently."""
        return self._said(name, said, is_asked=True)

    def _said(self, name: str, said: dict[str, object], *, is_asked: bool) -> History:
        def change(line: Event) -> Event:
            is_meant = (line.p, line.i) == self.named[name] and (line.t == "invoke") is is_asked
            return msgspec.structs.replace(line, **said) if is_meant else line

        return self.changed(change)


class Asked:
    """An operation that waits for its answer."""

    def __init__(self, script: Script, invoke: Event) -> None:
        """Take the line that was written."""
        self._script: Final = script
        self.invoke: Final = invoke

    def ok(self, **said: object) -> Asked:
        """Let it be answered now."""
        return self._end("ok", said)

    def fail(self, **said: object) -> Asked:
        """Let it be refused now."""
        return self._end("fail", said)

    def info(self, **said: object) -> Asked:
        """Let its client give up now; it goes on under a new ``p``, which the teller chooses."""
        return self._end("info", said)

    @property
    def place(self) -> tuple[int, int]:
        """Its ``p`` and ``i``."""
        return self.invoke.p, self.invoke.i

    def _end(self, kind: Kind, said: dict[str, object]) -> Asked:
        self._script.pass_ms(1)
        invoke = self.invoke
        self._script.events.append(event(invoke.p, invoke.i, invoke.f, kind, self._script.now_ns, **said))
        return self


class Script:
    """Writes events, a millisecond a line."""

    def __init__(self) -> None:
        """Begin at some time of the clock."""
        self.events: Final[list[Event]] = []
        self.now_ns = 1_000_000_000
        self.named: Final[dict[str, tuple[int, int]]] = {}
        self._counts: Final[Counter[int]] = Counter()

    def pass_ms(self, ms: float) -> None:
        """Let time pass."""
        self.now_ns += int(ms * MS)

    def ask(self, p: int, f: Operation, name: str = "", **said: object) -> Asked:
        """Invoke an operation, which may be named."""
        self.pass_ms(1)
        self._counts[p] += 1
        self.named[name] = (p, self._counts[p])
        if "v" in said:
            said.setdefault("sha", tuple(map(digest, cast("tuple[str, ...]", said["v"]))))
        invoke = event(p, self._counts[p], f, "invoke", self.now_ns, **said)
        self.events.append(invoke)
        return Asked(self, invoke)

    def do(self, p: int, f: Operation, name: str = "", **said: object) -> Asked:
        """Invoke an operation that is done at once: what is asked and what is answered are told together."""
        is_asked = _ASKED if f in _CREATES else _ASKED | {"n"}
        asked = {name: said.pop(name) for name in list(said) if name in is_asked}
        if f in _CREATES or f in ("edit", "delete", "delete_chat"):
            said.setdefault("level", "queued")
        return self.ask(p, f, name, **asked).ok(**said)

    def fault(self, name: str, kind: Literal["fault_on", "fault_off"]) -> None:
        """Switch a fault on or off."""
        self.pass_ms(1)
        self.events.append(Event(p=0, i=len(self.events), f=kind, t="ok", ns=self.now_ns, svc=name))

    def final(  # noqa: PLR0913 - what a final reading says
        self,
        p: int,
        app: str,
        chat: int,
        rows: Iterable[Row],
        *,
        tombstones: tuple[int, ...] = (),
        gaps: tuple[tuple[int, int], ...] = (),
        letters: tuple[int, ...] = (),
    ) -> None:
        """Read a scope in every way; chats are not in the index."""
        whole = tuple(rows)
        said: dict[Source, dict[str, object]] = {
            "pages": {"rows": whole, "count": len(whole)},
            "singles": {"rows": whole},
            "sql": {"rows": whole, "tombstones": tombstones, "gaps": gaps, "letters": letters},
            "index": {"rows": whole},
        }
        for source, answer in said.items():
            if chat or source not in {"index", "singles"}:
                asked = self.ask(p, "final", f"{source} of {app}/{chat}", svc=source, app=app, chat=chat)
                asked.ok(**answer)

    def history(self, **expected: object) -> History:
        """End, with a manifest."""
        manifest = Manifest(drained=True, sources=SOURCES, min_acknowledged=5)
        return History(msgspec.structs.replace(manifest, **expected), self.events, self.named)
