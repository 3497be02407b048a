"""What a log of its own cannot decide, decided by what the database knows.

A refusal for one of `RECOVERABLE` says that nothing was written and that the log lacks something: the state of a scope,
numbers, an old key, or its present life. The database is asked, the log is told, and the entry is sent again.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, NamedTuple

from parley.domain.errors import ConflictError, ParleyError
from parley.domain.events import Entry, MessagesPosted
from parley.domain.grants import Known, Need, ScopeName
from parley.domain.numbering import KeyState, Outcome, Reason, Refused, Replayed
from parley.ingest.lives import PresentLives
from parley.log.port import Feeding
from parley.storage.sharing import Scopes

RECOVERABLE: Final = frozenset({Reason.COLD, Reason.EXHAUSTED, Reason.KEY_UNKNOWN, Reason.EPOCH})

_OF_A_SCOPE: Final = frozenset({Reason.COLD, Reason.EXHAUSTED})

_WORKER_S: Final = 0.05
"""Between two looks for what only a worker can do: begin a new life of the log, store a new chat."""

Found = Outcome | ParleyError | None
"""What became of an entry after all; ``None``: it is to be sent again."""


class Case(NamedTuple):
    """An entry that the log could not decide, and whom to tell what became of it, once."""

    entry: Entry
    refused: Refused
    again: Callable[[Found], None]


class Recovery:
    """Asks for all entries of a loop turn together, and for no scope twice at a time: a busy chat sends hundreds.

    Who comes while his scope is asked for is sent again after it, or told the same error.
    """

    def __init__(self, scopes: Scopes, feeding: Feeding, lives: PresentLives) -> None:
        """Ask ``scopes``, tell ``feeding``; ``lives`` knows which life each log is in."""
        self._scopes = scopes
        self._feeding = feeding
        self._lives = lives
        self._cases: list[Case] = []
        self._behind: dict[ScopeName | None, list[Case]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def take(self, case: Case) -> None:
        """Find out what the log needs for an entry."""
        if not self._cases:
            asyncio.get_running_loop().call_soon(self._begin)
        self._cases.append(case)

    def _begin(self) -> None:
        cases, self._cases = self._cases, []
        by_reason: dict[Reason, list[Case]] = defaultdict(list)
        for case in cases:
            behind = self._behind.get(_lacking(case))
            (by_reason[case.refused.reason] if behind is None else behind).append(case)
        finders = {
            Reason.EPOCH: self._await_life,
            Reason.KEY_UNKNOWN: self._find_keys,
            Reason.COLD: self._restore,
            Reason.EXHAUSTED: self._restore,
        }
        for reason, some in by_reason.items():
            self._behind |= {scope: [] for scope in map(_lacking, some) if scope is not None}
            task = asyncio.create_task(self._settle(finders[reason], some), name=f"recovery-{reason.value}")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _settle(self, find: Callable[[Sequence[Case]], Awaitable[list[Found]]], cases: Sequence[Case]) -> None:
        found: list[Found] = [ParleyError("Internal error")] * len(cases)
        try:
            found = await find(cases)
        except ParleyError as error:
            found = [error] * len(cases)
        finally:
            for case, result in zip(cases, found, strict=True):
                case.again(result)
                for other in self._behind.pop(_lacking(case), ()):
                    other.again(result if isinstance(result, ParleyError) else None)

    async def _await_life(self, cases: Sequence[Case]) -> list[Found]:
        """Name the log's present life, or wait a moment for the worker that begins one."""
        if not await self._lives.renew():
            await asyncio.sleep(_WORKER_S)
        return [None] * len(cases)

    async def _find_keys(self, cases: Sequence[Case]) -> list[Found]:
        names = [_key_name(case.entry) for case in cases]
        known = await self._scopes.find_keys(names)
        return [self._judge_key(case, known.get(name)) for case, name in zip(cases, names, strict=True)]

    def _judge_key(self, case: Case, known: KeyState | None) -> Found:
        entry, key = case.entry, case.entry.key
        if known is None or key is None:
            self._feeding.vouch(*_key_name(entry), case.refused.stamp)
            return None
        if known.fingerprint != key.fingerprint:
            return Refused(Reason.KEY_REUSED)
        return Replayed(known.number, known.position)

    async def _restore(self, cases: Sequence[Case]) -> list[Found]:
        needs: dict[ScopeName, Need] = {}
        for need in (need for case in cases for need in self._needs(case)):
            needs[need.name] = _both(need, needs.get(need.name, need))
        try:
            known = await self._scopes.provide(list(needs.values()))
        except ConflictError:  # the epoch moved on
            return await self._await_life(cases)
        by_stamp: dict[tuple[int, int], dict[ScopeName, Known]] = defaultdict(dict)
        found: list[Found] = []
        for case in cases:
            names = [need.name for need in self._needs(case)]
            if _is_not_stored_yet(names, known, case.refused):
                found.append(None)
                continue
            result = _judge_scopes(names, known, case.refused)
            found.append(result)
            if result is None:
                place = self._lives.partition(case.entry.token), case.refused.stamp
                by_stamp[place].update((name, known[name]) for name in names)
        for (partition, stamp), some in by_stamp.items():
            await self._feeding.restore(partition, stamp, list(some.values()))
        if any(_is_not_stored_yet([need.name for need in self._needs(case)], known, case.refused) for case in cases):
            await asyncio.sleep(_WORKER_S)
        return found

    def _needs(self, case: Case) -> list[Need]:
        """Give the scopes of an entry that the log lacks, with the numbers that it wants of the one it counts in."""
        entry, refused = case.entry, case.refused
        epoch = self._lives.epoch(entry.token)
        counted = Need(_counted(entry), epoch, 0, _numbers(entry))
        if refused.reason is Reason.EXHAUSTED:
            return [counted._replace(until=refused.until)]
        return [counted] if entry.chat is None else [Need(ScopeName(entry.token, None), epoch, 0, 0), counted]


def _lacking(case: Case) -> ScopeName | None:
    """Name the scope of which the log lacks something, if it is a scope."""
    return _counted(case.entry) if case.refused.reason in _OF_A_SCOPE else None


def _counted(entry: Entry) -> ScopeName:
    """Name the scope in which an entry counts."""
    return ScopeName(entry.token, entry.chat)


def _numbers(entry: Entry) -> int:
    """Give how many new numbers an entry takes."""
    return len(entry.what.messages) if isinstance(entry.what, MessagesPosted) else int(entry.chat is None)


def _both(one: Need, other: Need) -> Need:
    """Give what serves two who need the same scope for the same reason."""
    return one._replace(until=max(one.until, other.until), wanted=max(one.wanted, other.wanted))


def _is_not_stored_yet(names: Sequence[ScopeName], known: Mapping[ScopeName, Known], refused: Refused) -> bool:
    """Tell whether the log knows a new chat that has given its first numbers before it has a row."""
    return refused.reason is Reason.EXHAUSTED and names[0] not in known


def _judge_scopes(names: Sequence[ScopeName], known: Mapping[ScopeName, Known], refused: Refused) -> Found:
    """Give the refusal if a scope is not there or closed, or if it has no more numbers to give."""
    for name in names:
        scope = known.get(name)
        if scope is None or scope.closed:
            return Refused(Reason.APPLICATION_GONE if name.chat is None else Reason.CHAT_GONE)
        if refused.reason is Reason.EXHAUSTED and scope.until <= refused.until:
            return Refused(Reason.EXHAUSTED)
    return None


def _key_name(entry: Entry) -> tuple[str, str, str]:
    return entry.token, entry.key.route if entry.key else "", entry.key.key if entry.key else ""
