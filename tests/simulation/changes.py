"""What became of edits and deletions: the last word holds, nothing is gone that nobody deleted, and gates stay shut."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence

from parley.domain.events import ChatDeleted, MessageDeleted, MessageEdited, MessagesPosted
from tests.simulation.clients import Operation
from tests.simulation.tables import Message, Scope, Tables

_Target = tuple[int | None, int | None]
"""A chat's number, and a message's; a chat itself has no second one."""


class Changes:
    """What clients wrote, edited and deleted, beside the rows."""

    def __init__(self, history: Sequence[Operation], tables: Tables, may_be_lost: Callable[[Operation], bool]) -> None:
        """Sort ``history``; of an acknowledged operation ``may_be_lost`` says whether a fault may have undone it."""
        self._history = history
        self._tables = tables
        self._may_be_lost = may_be_lost
        self._edits: dict[_Target, list[Operation]] = defaultdict(list)
        self._deletions: dict[_Target, list[Operation]] = defaultdict(list)
        self._authors: dict[str, Operation] = {}
        """Who wrote a text: no two operations write the same one."""
        for op in history:
            target, what = (op.entry.chat, op.entry.number), op.what
            if isinstance(what, MessagesPosted):
                self._authors |= dict.fromkeys((draft.body for draft in what.messages), op)
            elif isinstance(what, MessageEdited):
                self._authors[what.body] = op
                self._edits[target].append(op)
            elif isinstance(what, MessageDeleted | ChatDeleted):
                self._deletions[target].append(op)

    def check(self) -> Iterator[str]:
        """Look at every chat, and at every message of those that are not gone."""
        chats = {chat.id: chat for chat in self._tables.chats.values()}
        for chat in chats.values():
            yield from self._gone(chat, (int(chat.name), None), f"chat {int(chat.name)}")
            yield from self._gates(int(chat.name))
        for (_, id_, number), row in self._tables.messages.items():
            chat = chats[id_]
            if not chat.is_gone:
                target, named = (int(chat.name), number), f"number {number} of chat {int(chat.name)}"
                yield from self._gone(row, target, named)
                if row.body is not None:
                    yield from self._read(row, target, named)

    def _gone(self, row: Scope | Message, target: _Target, named: str) -> Iterator[str]:
        """Look whether what was certainly deleted is gone, and nothing else."""
        asked = self._deletions[target]
        if not row.is_gone:
            for op in self._firm(asked):
                yield f"deletions: {named} is there, although {op.id} deleted it ({op.durability})"
        elif not any(op.may_be_done for op in asked):
            yield f"vanished: {named} is gone, although nobody deleted it"

    def _gates(self, chat: int) -> Iterator[str]:
        """Look for what was acknowledged into a chat after its deletion was.

        The standby knows no deletion that lies on a log which is away: what it stored goes with the chat later
        (docs/durability.md), and its answers are marked.
        """
        for deletion in self._firm(self._deletions[chat, None]):
            for op in self._history:
                is_later = op.entry.chat == chat and op.state == "ok" and op.invoked_at > deletion.done_at
                if is_later and not isinstance(op.what, ChatDeleted) and not op.is_degraded:
                    yield f"gates: {op.id} was acknowledged in chat {chat}, deleted by {deletion.id}"

    def _read(self, row: Message, target: _Target, named: str) -> Iterator[str]:
        """Look whether what is read was written there, and not certainly written over.

        A message is older than all its edits. A try that was never answered may come to the log late, even after other
        edits: so one edit is older than another only if each of its tries was answered before that.
        """
        author = self._authors.get(row.body or "")
        if row.is_gone:
            yield f"erased: {named} is gone, and still says {row.body!r}"
        elif author is None or not author.may_be_done or not _is_about(author, target):
            yield f"I7: {named} is {row.body!r}, which nobody wrote there"
        else:
            for edit in self._firm(self._edits[target]):
                if author.entry.number is None or author.is_before(edit):
                    yield f"edits: {named} is {row.body!r}, although {edit.id} edited it later ({edit.durability})"

    def _firm(self, ops: Iterable[Operation]) -> Iterator[Operation]:
        """Give those that were acknowledged for good."""
        return (op for op in ops if op.state == "ok" and not self._may_be_lost(op))


def _is_about(op: Operation, target: _Target) -> bool:
    return op.entry.chat == target[0] and op.entry.number in {None, target[1]}
