"""What must be true when a schedule is over and everything is healed and stored."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING

from parley.domain.events import ChatCreated, ChatDeleted, MessageDeleted, MessageEdited, MessagesPosted
from tests.simulation.changes import Changes
from tests.simulation.clients import APPLICATION, Operation
from tests.simulation.tables import Scope

if TYPE_CHECKING:
    from tests.simulation.simulation import Simulation


def check(simulation: Simulation) -> list[str]:
    """Give every broken promise in words."""
    return list(Checks(simulation).run())


class Checks:
    """The history of the clients, beside what is stored and what the log ever had."""

    def __init__(self, simulation: Simulation) -> None:
        """Read everything once."""
        self._tables = simulation.tables
        self._may_lose = simulation.faults.is_lossy
        self._history = simulation.clients.history
        self._done = [op for op in self._history if op.state == "ok"]
        self._lost = {ms for _, ms, _ in simulation.engine.lost}
        """When the log took what it lost."""
        self._application = self._tables.applications[APPLICATION]
        self._rows: dict[str, tuple[int, int]] = {
            row.body: (chat, number) for (_, chat, number), row in self._tables.messages.items() if row.body is not None
        }

    def run(self) -> Iterator[str]:
        """Check all."""
        yield from self._unique()
        yield from self._ordered()
        yield from self._explained()
        yield from self._nothing_lost()
        yield from self._one_key()
        yield from self._atomic()
        yield from self._counted()
        yield from self._honest()
        yield from Changes(self._history, self._tables, self._may_be_lost).check()
        if self._tables.letters:
            yield f"letters: {len(self._tables.letters)} entries became dead letters: {self._tables.letters[0]}"

    def _unique(self) -> Iterator[str]:
        """No two things that were acknowledged share a number (I1); nor do two that the log wrote in two lives."""
        owners: dict[tuple[int | None, int], int] = {}
        for op in self._done:
            for number in _numbers(op):
                other = owners.setdefault((op.entry.chat, number), op.id)
                if other != op.id:
                    yield f"I1: number {number} of chat {op.entry.chat} was given to {other} and to {op.id}"

    def _ordered(self) -> Iterator[str]:
        """Hold the order of numbers against the order of requests and answers (I3).

        What the log answers may be below what was marked as degraded; each is in order by itself, and what is degraded
        is above all that was acknowledged before.
        """
        scopes: dict[int | None, list[Operation]] = defaultdict(list)
        for op in self._done:
            if isinstance(op.what, MessagesPosted | ChatCreated):
                scopes[op.entry.chat].append(op)
        for ops in scopes.values():
            by_done = sorted(ops, key=lambda op: op.done_at)
            logged, degraded, place = 0, 0, 0
            for op in sorted(ops, key=lambda op: op.invoked_at):
                while place < len(by_done) and by_done[place].done_at < op.invoked_at:
                    before = by_done[place]
                    if before.is_degraded:
                        degraded = max(degraded, before.number)
                    else:
                        logged = max(logged, before.number)
                    place += 1
                highest = max(logged, degraded) if op.is_degraded else logged
                if op.number <= highest:
                    yield f"I3: {op.id} has {op.number}, although {highest} was acknowledged before it was asked for"

    def _explained(self) -> Iterator[str]:
        """Every number up to the last one is a row or in the gap ledger, and in one of them only (I4)."""
        gaps: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for _, chat, first, last, *_ in self._tables.gaps:
            gaps[chat].append((first, last))
        present: dict[int, list[int]] = defaultdict(list)
        for _, chat, number in self._tables.messages:
            present[chat].append(number)
        present[0] = [number for _, number in self._tables.chats]
        for chat, numbers in present.items():
            spans = sorted([*gaps[chat], *((number, number) for number in numbers)])
            following = 1
            for first, last in spans:
                if first > following:
                    yield f"I4: numbers {following} to {first - 1} of chat {chat} are not explained"
                if first < following:
                    yield f"I4: number {first} of chat {chat} is explained twice"
                following = max(following, last + 1)

    def _nothing_lost(self) -> Iterator[str]:
        """Look for what was acknowledged, under its number (I2, I5); the log may have lost what was only queued."""
        for op in self._done:
            chat = self._tables.chats.get((self._application.id, op.entry.chat or 0))
            if isinstance(op.what, ChatCreated):
                if (self._application.id, op.number) not in self._tables.chats and not self._may_be_lost(op):
                    yield f"I5: chat {op.number} of {op.id} was acknowledged ({op.durability}) and is not there"
            elif chat is not None:
                yield from self._kept(op, chat)
            elif not self._may_be_lost(op):
                yield f"I5: chat {op.entry.chat} of {op.id} is not there"

    def _kept(self, op: Operation, chat: Scope) -> Iterator[str]:
        """Look for the messages of an operation."""
        for number, draft in zip(
            _numbers(op), op.what.messages if isinstance(op.what, MessagesPosted) else (), strict=True
        ):
            row = self._tables.messages.get((self._application.id, chat.id, number))
            if row is None:
                if not self._may_be_lost(op) and not chat.is_gone:
                    yield f"I5: {op.id} was acknowledged as {number} ({op.durability}) and is not there"
            elif not row.is_gone and row.body != draft.body and not self._is_edit(op, number, row.body):
                yield f"I2: number {number} of chat {op.entry.chat} is {row.body!r}, not {draft.body!r}"

    def _may_be_lost(self, op: Operation) -> bool:
        return self._may_lose and op.at in self._lost and op.durability != "stored"

    def _is_edit(self, op: Operation, number: int, body: str | None) -> bool:
        return any(
            isinstance(other.what, MessageEdited)
            and (other.entry.chat, other.entry.number, other.what.body) == (op.entry.chat, number, body)
            for other in self._history
        )

    def _one_key(self) -> Iterator[str]:
        """One key, one message (I6); without a key, what was sent once is there once at most."""
        places: dict[str, tuple[int, int]] = {}
        for (_, chat, number), row in self._tables.messages.items():
            if row.body is None or row.body.startswith("edit"):
                continue
            if row.body in places:
                yield f"I6: {row.body!r} is number {number} and {places[row.body][1]} of chat {chat}"
            places[row.body] = chat, number
        for op in self._done:
            if any(number != op.number for number in op.repeats) and not self._may_be_lost(op):
                yield f"I6: the key of {op.id} was answered with {op.number} and then with {op.repeats}"

    def _atomic(self) -> Iterator[str]:
        """All messages of a bulk are there, one after the other, or none (I7 of bulks)."""
        chats = {row.id: row for row in self._tables.chats.values()}
        for op in self._history:
            if isinstance(op.what, MessagesPosted) and op.count > 1:
                drafts = op.what.messages[1 if self._is_changed(op) else 0 :]
                there = [place for draft in drafts if (place := self._rows.get(draft.body)) is not None]
                numbers = [number for _, number in there]
                is_whole = len(there) == len(drafts) and numbers == list(range(numbers[0], numbers[0] + len(drafts)))
                if there and not is_whole and not chats[there[0][0]].is_gone:
                    yield f"I7: of the bulk {op.id} only {numbers} are there"

    def _is_changed(self, op: Operation) -> bool:
        """Tell whether anybody wanted to change the operation's first message: nobody else's number is ever told."""
        return op.state == "ok" and any(
            isinstance(other.what, MessageEdited | MessageDeleted)
            and (other.entry.chat, other.entry.number) == (op.entry.chat, op.number)
            for other in self._history
        )

    def _counted(self) -> Iterator[str]:
        """Count what is there, and hold that against the counts (I10)."""
        live: dict[int, int] = defaultdict(int)
        for (_, chat, _), message in self._tables.messages.items():
            live[chat] += not message.is_gone
        for row in self._tables.chats.values():
            if row.live != live[row.id] and not row.is_gone:
                yield f"I10: chat {row.name!r} counts {row.live} messages and has {live[row.id]}"
        chats = sum(not chat.is_gone for chat in self._tables.chats.values())
        if self._application.live != chats:
            yield f"I10: the application counts {self._application.live} chats and has {chats}"

    def _honest(self) -> Iterator[str]:
        """Look for what was refused and is there (I7), and for what is there and was said to be missing (I8)."""
        for op in self._history:
            if op.state == "fail" and isinstance(op.what, MessagesPosted) and op.what.messages[0].body in self._rows:
                yield f"I7: {op.id} was refused and is there"
            if op.state == "gone" and not self._may_be_gone(op):
                yield f"I8: {op.id} was told that chat {op.entry.chat} or its message is not there"

    def _may_be_gone(self, op: Operation) -> bool:
        """Tell whether the operation's chat may have been deleted before its answer, or it or the message been lost."""
        chat, number = op.entry.chat, op.entry.number
        for other in self._history:
            is_deletion = isinstance(other.what, ChatDeleted) and other.entry.chat == chat
            is_parent = isinstance(other.what, ChatCreated) and other.number == chat
            is_post = number is not None and other.entry.chat == chat and number in _numbers(other)
            if is_deletion and other.may_be_done and other.invoked_at < op.done_at:
                return True
            if (is_parent or is_post) and other.state == "ok" and self._may_be_lost(other):
                return True
        return False


def _numbers(op: Operation) -> range:
    if not isinstance(op.what, MessagesPosted | ChatCreated):
        return range(0)
    return range(op.number, op.number + op.count)
