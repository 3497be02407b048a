"""A service that does everything right, with clients at work on it: whatever it records, no check may find anything."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from functools import partial
from random import Random
from typing import Final

import msgspec

from parley.verify.history import Event, Manifest, Operation
from tests.support.histories.script import MS, SOURCES, History, Kind, digest, event
from tests.support.histories.service import ServedChat

Effect = Callable[[], dict[str, object]]
Retry = Callable[[int, tuple[int, int]], None]


_LOOKED_FOR: Final = 20
"""The last words of each chat that are looked for in the end, overwritten and deleted ones too."""
_FIRST_CHAT: Final = 1_000_001
"""Chats that are worked in; those that clients create count from 1, and nothing is written to them."""


class Load(msgspec.Struct, frozen=True):
    """What is simulated."""

    clients: int = 5
    chats: int = 3
    operations: int = 200
    page: int = 50
    """Most rows of a walk; it begins above the number that leaves as many. 0 walks the whole chat."""
    unknown: float = 0.1
    """How many operations get no answer."""
    degraded: float = 0.05
    """How many reads are answered without the log's end, and marked."""
    relaxed: float = 0.05
    """How many creates are acknowledged below the promise; a crash may lose them."""
    stored: float = 0.1
    """How many of the other creates are answered once they are stored."""
    fault_every_ms: int = 2_000
    mix: tuple[tuple[str, int], ...] = (
        ("post", 40), ("get", 20), ("list", 15), ("search", 8), ("edit", 9), ("delete", 5), ("count", 3),
    )  # fmt: skip


class _Begun(msgspec.Struct):
    """An operation under way."""

    p: int
    f: Operation
    i: int = 0
    is_unknown: bool = False
    answer: dict[str, object] = {}
    retry: Retry | None = None
    """What its client does if it gets no answer."""


class _Simulation:
    """Time goes from one thing that happens to the next."""

    def __init__(self, load: Load, random: Random, served: type[ServedChat]) -> None:
        self._load: Final = load
        self._random: Final = random
        self._due: Final[list[tuple[int, int, Callable[[], None]]]] = []
        self._serial = 0
        self._now_ns = 1_000_000_000
        self.events: Final[list[Event]] = []
        self._counts: Final[dict[int, int]] = {}
        self._clients = load.clients
        self._asked = 0
        chats = [served(f"app{at % 2}", _FIRST_CHAT + at // 2) for at in range(load.chats)]
        self._chats: Final = [*chats, *(served(f"app{at}", 0) for at in range(2))]
        self._weights: Final = [weight for _, weight in load.mix]
        self._kinds: Final = [kind for kind, _ in load.mix]
        self._had_fault = False

    def run(self) -> History:
        for client in range(self._load.clients):
            self._at(self._random.randrange(MS), partial(self._act, client + 1))
        self._at(self._load.fault_every_ms * MS, self._crash)
        while self._due:
            self._now_ns, _, happen = heapq.heappop(self._due)
            happen()
        self._finish()
        self.events.sort(key=lambda event: event.ns)
        return History(Manifest(drained=True, sources=SOURCES, title="simulated"), self.events)

    def _at(self, in_ns: int, happen: Callable[[], None]) -> None:
        self._serial += 1
        heapq.heappush(self._due, (self._now_ns + in_ns, self._serial, happen))

    def _crash(self) -> None:
        """Lose what may be lost; it is a fault that takes a moment."""
        if self._asked >= self._load.operations:
            return
        self._had_fault = True
        self._line(0, len(self.events), "fault_on", "ok", svc="kill log")
        for chat in self._chats:
            chat.crash()
        self._now_ns += 1000
        self._line(0, len(self.events), "fault_off", "ok", svc="kill log")
        self._at(self._load.fault_every_ms * MS, self._crash)

    def _act(self, p: int) -> None:
        """Let a client ask for the next thing, as long as there is anything to ask for."""
        if self._asked >= self._load.operations:
            return
        self._asked += 1
        chat = self._random.choice(self._chats)
        kind = self._random.choices(self._kinds, self._weights)[0]
        if chat.number == 0 and kind in {"edit", "search"}:
            kind = "list"
        getattr(self, f"_{kind}")(p, chat)

    def _post(self, p: int, chat: ServedChat) -> None:
        size = 3 if chat.number and self._random.random() < 0.05 else 1
        values = tuple(f"w{self._asked}-{at}" for at in range(size))
        shas = tuple(map(digest, values))
        self._try_post(p, chat, values, shas, of=None)

    def _try_post(
        self, p: int, chat: ServedChat, values: tuple[str, ...], shas: tuple[str, ...], of: tuple[int, int] | None
    ) -> None:
        key = f"k-{values[0]}"
        is_fragile = self._random.random() < self._load.relaxed and of is None
        is_waited_for = self._random.random() < self._load.stored

        def effect() -> dict[str, object]:
            number = chat.create(values, shas, key, is_fragile=is_fragile)
            if number in chat.fragile:
                return {"n": number, "level": "relaxed"}
            if is_waited_for:
                chat.stored_until = max(chat.stored_until, number + len(values) - 1)
            return {"n": number, "level": "stored" if is_waited_for else "queued"}

        def retry(other: int, place: tuple[int, int]) -> None:
            if is_fragile or self._random.random() < 0.5:
                self._act(other)
            else:
                self._try_post(other, chat, values, shas, place)

        self._operate(
            _Begun(p, "post" if chat.number else "create_chat", retry=retry),
            chat,
            effect,
            v=values,
            sha=shas,
            key=key,
            of=of,
        )

    def _edit(self, p: int, chat: ServedChat) -> None:
        number, value = self._some(chat), f"e{self._asked}"
        sha = digest(value)
        self._change(p, chat, "edit", lambda: chat.edit(number, value, sha), n=number, v=(value,), sha=(sha,))

    def _delete(self, p: int, chat: ServedChat) -> None:
        number = self._some(chat)
        self._change(p, chat, "delete" if chat.number else "delete_chat", lambda: chat.delete(number), n=number)

    def _change(self, p: int, chat: ServedChat, f: Operation, change: Callable[[], bool], **asked: object) -> None:
        def effect() -> dict[str, object]:
            return {"level": "queued"} if change() else {"http": 404, "code": "not_found"}

        self._operate(_Begun(p, f), chat, effect, **asked)

    def _get(self, p: int, chat: ServedChat) -> None:
        number = self._some(chat)

        def effect() -> dict[str, object]:
            found = chat.rows.get(number)
            return {"rows": (found,)} if found else {"rows": (), "http": 404}

        self._operate(_Begun(p, "get"), chat, effect, n=number)

    def _list(self, p: int, chat: ServedChat) -> None:
        page = self._load.page
        after = chat.order[-page] - 1 if page and len(chat.order) >= page else 0
        is_degraded = self._random.random() < self._load.degraded and self._had_fault

        def effect() -> dict[str, object]:
            if is_degraded:
                return {"rows": chat.stale_walk(after), "degraded": ("tail",)}
            return {"rows": chat.walk(after)}

        self._operate(_Begun(p, "list"), chat, effect, after=after)

    def _search(self, p: int, chat: ServedChat) -> None:
        """Look for a word of the last messages; what was created just now may not be found yet."""
        found = chat.rows.get(self._some(chat))
        value = found.value if found else "nothing"
        is_late = self._random.random() < 0.2

        self._operate(_Begun(p, "search"), chat, lambda: {"rows": chat.search(value, is_late=is_late)}, v=(value,))

    def _count(self, p: int, chat: ServedChat) -> None:
        self._operate(_Begun(p, "count"), chat, lambda: {"count": len(chat.rows)})

    def _some(self, chat: ServedChat) -> int:
        """Choose a number, most often one of the last; now and then one that is not given yet."""
        if not chat.order:
            return 1
        return self._random.choice(chat.order[-20:]) + (self._random.random() < 0.05)

    def _operate(self, begun: _Begun, chat: ServedChat, effect: Effect, **asked: object) -> None:
        """Let it take effect at some moment, and be answered at a later one, or not be answered at all."""
        begun.i = self._counts[begun.p] = self._counts.get(begun.p, 0) + 1
        self._line(begun.p, begun.i, begun.f, "invoke", app=chat.app, chat=chat.number, **asked)
        begun.is_unknown = self._random.random() < self._load.unknown
        takes_ns = int(self._random.expovariate(1.0) * MS) + 1000
        if not begun.is_unknown:
            self._at(takes_ns, lambda: begun.answer.update(effect()))
        elif self._random.random() < 0.5:
            self._at(takes_ns * self._random.choice((1, 20)), lambda: begun.answer.update(effect()))
        self._at(takes_ns + self._random.randrange(1000, MS), lambda: self._end(begun))

    def _end(self, begun: _Begun) -> None:
        pause_ns = self._random.randrange(1000, MS)
        if not begun.is_unknown:
            is_refused = begun.f not in {"get", "list"} and "http" in begun.answer
            self._line(begun.p, begun.i, begun.f, "fail" if is_refused else "ok", **begun.answer)
            self._at(pause_ns, partial(self._act, begun.p))
            return
        if self._random.random() < 0.8:
            self._line(begun.p, begun.i, begun.f, "info")
        self._clients += 1
        go_on = begun.retry or (lambda client, _: self._act(client))
        self._at(pause_ns, partial(go_on, self._clients, (begun.p, begun.i)))

    def _line(self, p: int, i: int, f: Operation, t: Kind, **said: object) -> None:
        self._now_ns += 1
        self.events.append(event(p, i, f, t, self._now_ns, **said))

    def _finish(self) -> None:
        """Read everything, long after the last effect."""
        self._now_ns += 60_000 * MS
        for chat in self._chats:
            said = {"app": chat.app, "chat": chat.number}
            for source in SOURCES if chat.number else ("pages", "sql"):
                self._do("final", said | {"svc": source}, self._final(chat, source))
            for word in list(chat.indexed)[-_LOOKED_FOR:] if chat.number else ():
                self._do("search", said | {"v": (word,)}, {"rows": chat.search(word, is_late=False)})

    def _do(self, f: Operation, asked: dict[str, object], answer: dict[str, object]) -> None:
        i = self._counts[-1] = self._counts.get(-1, 0) + 1
        self._line(-1, i, f, "invoke", **asked)
        self._line(-1, i, f, "ok", **asked, **answer)

    def _final(self, chat: ServedChat, source: str) -> dict[str, object]:
        said: dict[str, object] = {"rows": chat.walk(0)}
        if source == "pages":
            said["count"] = len(chat.rows)
        if source == "sql":
            said |= {"tombstones": tuple(chat.tombstones), "gaps": tuple(chat.gaps)}
        return said


def simulate(load: Load, random: Random, served: type[ServedChat] = ServedChat) -> History:
    """Run a load to its end, on a service of this kind."""
    return _Simulation(load, random, served).run()
