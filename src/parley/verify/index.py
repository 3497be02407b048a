"""The index of a history: every check asks it, and none reads the recording itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from parley.verify.findings import Finding
from parley.verify.forms import lacking
from parley.verify.history import Manifest, Row
from parley.verify.operations import NEVER, Operation
from parley.verify.reading import Recording
from parley.verify.scopes import Reading, Scope, Version
from parley.verify.writes import Removal, Write

_RANKS: Final = {"relaxed": 0, "queued": 1, "stored": 2}
WRITES: Final = frozenset({"create_app", "create_chat", "delete_chat", "post", "edit", "delete"})
_API: Final = ("pages", "singles")
_ALL: Final = (*_API, "sql", "index")


class Index:
    """Writes by value, and everything else by scope."""

    def __init__(self, recording: Recording) -> None:
        """File every operation, then say of every row that was read who wrote it."""
        self.manifest: Final[Manifest] = recording.manifest
        self.faults: Final = recording.faults
        self.operations: Final = sorted(recording.operations, key=_begin_ns)
        self.began_ns: Final = self.operations[0].begin_ns if self.operations else 0
        self.scopes: Final[dict[tuple[str, int], Scope]] = {}
        self.values: Final[dict[str, tuple[Write, int]]] = {}
        """Who wrote a value, and as which of its values."""
        self.keyed: Final[dict[tuple[str, str, str], list[Write]]] = {}
        """Creates by application, operation and key."""
        self.damage: Final[list[str]] = []
        """What cannot be judged: operations that do not say enough, and values that are not unique."""
        self.final_ns = NEVER
        """When the final phase began."""
        acks = [operation for operation in self.operations if operation.is_ok and operation.f in WRITES]
        self.unknown_stays: Final = self.manifest.level != "stored" and all(self.is_firm(ack) for ack in acks)
        """Whether what was read of a write without an answer stays: it was at least as firm as any answer."""
        self._file()
        for scope in self.scopes.values():
            self._resolve(scope)

    def scope(self, app: str, chat: int) -> Scope:
        """Give a scope, made at its first use."""
        scope = self.scopes.get((app, chat))
        if scope is None:
            scope = self.scopes[app, chat] = Scope(app, chat)
            if chat:
                scope.closing = self.scope(app, 0).removals.setdefault(chat, Removal())
        return scope

    def is_firm(self, ack: Operation) -> bool:
        """Tell whether an answer's level is one at which nothing may be lost."""
        promised = self.manifest.level
        return _RANKS.get(ack.level or promised, 0) >= _RANKS[promised]

    def is_stored(self, ack: Operation) -> bool:
        """Tell whether an answer's level is that of what is in the database."""
        return (ack.level or self.manifest.level) == "stored"

    def stays(self, write: Write) -> bool:
        """Tell whether what was read of a write stays."""
        return write.is_firm or (not write.acks and self.unknown_stays)

    def seconds(self, ns: int) -> str:
        """Write a time as the recording's."""
        return f"at {(ns - self.began_ns) / 10**9:.6f} s"

    def found(self, check: str, scope: Scope, what: str, *by: Operation, number: int = 0, value: str = "") -> Finding:
        """Make a finding; ``by`` are the operations that prove it, the decisive one first."""
        at_ns = (by[0].end_ns if by[0].end_ns != NEVER else by[0].begin_ns) if by else 0
        return Finding(
            check=check,
            where=scope.where,
            what=what,
            number=number,
            value=value,
            at_s=(at_ns - self.began_ns) / 10**9 if by else None,
            fault=self.faults.near(at_ns) if by else "",
            operations=tuple((each.p, each.i) for each in by),
        )

    def judged(self, scope: Scope) -> dict[str, Reading]:
        """Give the final readings that must hold everything: whole ones and, of what is not drained, the API's."""
        sources = _ALL if self.manifest.drained else _API
        readings = sorted(scope.readings.items(), key=lambda item: _ALL.index(item[1].source))
        return {name: reading for name, reading in readings if reading.source in sources and reading.is_whole}

    def at_end(self, scope: Scope) -> Reading | None:
        """Give what is live once all was drained: the rows of the database, or else pages."""
        readings = self.judged(scope) if self.manifest.drained else {}
        return readings.get("sql") or next((each for each in readings.values() if each.source == "pages"), None)

    def opening(self, scope: Scope) -> Operation | None:
        """Give the acknowledgement by which the application, or the chat, was first known to be there."""
        if scope.chat:
            creates = [*scope.creates, *filter(None, [self.scope(scope.app, 0).owners.get(scope.chat)])]
        else:
            creates = [write for each in self.scopes.values() if each.app == scope.app for write in each.creates]
        firm = (write for write in creates if write.is_firm)
        first = min(firm, key=lambda write: write.end_ns, default=None)
        return None if first is None else next(ack for ack in first.acks if ack.end_ns == first.end_ns)

    def _file(self) -> None:
        filed: dict[str, Callable[[Operation], None]] = {
            "create_app": self._ignore,
            "create_chat": self._create,
            "delete_chat": self._remove,
            "post": self._create,
            "edit": self._edit,
            "delete": self._remove,
            "get": self._read,
            "list": self._read,
            "count": self._count,
            "search": self._search,
            "final": self._final,
        }
        for operation in self.operations:
            lacks = lacking(operation)
            if lacks:
                self.damage.append(f"{operation.name} does not name {lacks}")
            else:
                filed[operation.f](operation)

    def _create(self, tried: Operation) -> None:
        scope = self.scope(tried.app, 0 if tried.f == "create_chat" else tried.chat)
        write, is_new = self._written(scope, tried, 0)
        if is_new:
            scope.creates.append(write)
            if tried.key:
                self.keyed.setdefault((tried.app, tried.f, tried.key), []).append(write)
        write.add(tried, is_firm=self.is_firm(tried), is_stored=self.is_stored(tried))
        if tried.is_ok:
            write.place(tried.n, tried, counts=self.unknown_stays or self.is_firm(tried))

    def _edit(self, tried: Operation) -> None:
        scope = self.scope(tried.app, tried.chat)
        write, is_new = self._written(scope, tried, tried.n)
        if is_new:
            scope.edits.setdefault(tried.n, []).append(write)
        write.add(tried, is_firm=self.is_firm(tried), is_stored=self.is_stored(tried))

    def _written(self, scope: Scope, tried: Operation, edited: int) -> tuple[Write, bool]:
        """Give the write that an operation tries, and whether this is its first try."""
        known = self._tried_before(scope, tried)
        if known is not None:
            if known.scope is not scope or known.edited != edited or known.values != (tried.v or ("",)):
                self.damage.append(f"{tried.name} writes a value that {known.tried.name} writes, too")
            elif not edited and (tried.key != known.tried.key or not tried.key):
                self.damage.append(f"{tried.name} tries {known.tried.name} again without its key")
            return known, False
        write = Write(scope, tried, edited)
        for offset, value in enumerate(tried.v):
            if value and self.values.setdefault(value, (write, offset))[0] is not write:
                self.damage.append(f"{tried.name} writes {value!r}, as another operation does")
        return write, True

    def _tried_before(self, scope: Scope, tried: Operation) -> Write | None:
        if tried.v and tried.v[0]:
            known = self.values.get(tried.v[0])
            return known[0] if known else None
        same = self.keyed.get((tried.app, tried.f, tried.key), ()) if tried.key else ()
        return next((write for write in same if write.scope is scope), None)

    def _remove(self, tried: Operation) -> None:
        if tried.f == "delete_chat":
            scope, number = self.scope(tried.app, 0), tried.chat or tried.n
        else:
            scope, number = self.scope(tried.app, tried.chat), tried.n
        removal = scope.removals.setdefault(number, Removal())
        removal.add(tried, is_firm=self.is_firm(tried), is_stored=self.is_stored(tried))

    def _read(self, read: Operation) -> None:
        if read.is_ok:
            self.scope(read.app, read.chat).reads.append(read)

    def _search(self, read: Operation) -> None:
        if read.is_ok:
            self.scope(read.app, read.chat).searches.append(read)

    def _count(self, read: Operation) -> None:
        if read.is_ok and read.count is not None:
            self.scope(read.app, read.chat).counts.append(read)

    def _final(self, read: Operation) -> None:
        self.final_ns = min(self.final_ns, read.begin_ns)
        scope = self.scope(read.app, read.chat)
        name = f"{read.svc} at {read.at}" if read.at else read.svc
        scope.readings.setdefault(name, Reading(read)).add(read)
        if read.is_ok:
            scope.finals.append(read)
        if read.is_ok and read.count is not None:
            scope.counts.append(read)

    def _ignore(self, operation: Operation) -> None:
        """Leave out an application's creation: it is about no scope."""

    def _resolve(self, scope: Scope) -> None:
        for read in sorted([*scope.reads, *scope.finals, *scope.searches], key=_begin_ns):
            self._note(scope, read, is_current=self._is_current(scope, read))
        for write in scope.creates:
            for number in write.numbers:
                scope.owners.setdefault(number, write)

    def _is_current(self, scope: Scope, read: Operation) -> bool:
        """Tell whether a read must show the present state; what is not drained, or erased, may follow later."""
        if read.f != "final":
            return read.f != "search" and not read.degraded
        return read.svc in _API or (read.svc == "sql" and self.manifest.drained and not scope.may_be_closed)

    def _note(self, scope: Scope, read: Operation, *, is_current: bool) -> None:
        """Note on every row who read it first, and who last; reads come in the order of their begin."""
        versions, end_ns = scope.versions, read.end_ns
        for row, known in zip(read.rows, map(versions.get, map(id, read.rows)), strict=True):
            version = known or self._version(scope, row, read)
            if end_ns < version.first.end_ns:
                version.first = read
            if is_current:
                version.last = read
            elif read.degraded and read.f != "search":
                self._note_marked(version, read)

    def _note_marked(self, version: Version, read: Operation) -> None:
        """Note a row of a read of which a part at least is degraded."""
        if read.is_marked(version.row.number):
            version.marked = read
        else:
            version.last = read

    def _version(self, scope: Scope, row: Row, read: Operation) -> Version:
        version = scope.versions[id(row)] = Version(row, read)
        known = self.values.get(row.value)
        if known is not None:
            version.write, version.offset = known
            if version.write.scope is scope:
                counts = self.unknown_stays or read.f == "final"
                version.write.place(row.number - version.offset, read, counts=counts)
        return version


def _begin_ns(operation: Operation) -> int:
    return operation.begin_ns
