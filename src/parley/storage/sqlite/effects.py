"""What an append does to the database, as the rows that one statement stores."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterable, Sequence

from parley.domain.documents import WHOLE_CHAT
from parley.domain.events import (
    ChatCreated,
    ChatDeleted,
    ChatRetitled,
    Event,
    MessageDeleted,
    MessageEdited,
    MessagesPosted,
    Position,
)
from parley.domain.numbering import ScopeState, States
from parley.storage.sqlite.rows import Row, message_id

Rows = dict[str, list[Row]]
"""By the names that ``append_effects`` gives its arrays."""


def effects_of(events: Iterable[Event], states: States) -> Rows:
    """Give the rows of an append's events, and of what became of the scopes, which count afresh from here."""
    effects = _Effects(states)
    for event in events:
        effects.add(event)
    return effects.rows()


def change_row(partition: int, position: Position, touched: Sequence[int]) -> Row:
    """Tell followers which keys (``chat id << 32 | number``) were touched."""
    return partition, *position, array("q", touched).tobytes().hex()


class _Effects:
    """Of several edits of a message, or titles of a chat, the last one counts."""

    def __init__(self, states: States) -> None:
        self._states = states
        self._rows: Rows = defaultdict(list)
        self._last: dict[str, dict[int, Row]] = defaultdict(dict)
        self._applications: dict[int, ScopeState] = {}
        self._chats: dict[int, ScopeState] = {}
        self._touched: dict[int, list[int]] = defaultdict(list)

    def add(self, event: Event) -> None:
        entry, position = event.entry, event.position
        application = self._states.applications[entry.token]
        self._applications[application.id] = application
        if isinstance(entry.what, ChatCreated):
            row = (application.id, event.number, entry.what.title, *position, position.at)
            self._rows["chats"].append(row)
        else:
            chat = self._states.chats[application.id, entry.chat or 0]
            self._chats[chat.id] = chat
            self._touched[application.partition].extend(self._add_in_chat(event, chat.id))
        if entry.key is not None:
            count = len(entry.what.messages) if isinstance(entry.what, MessagesPosted) else 1
            told = (entry.key.fingerprint.hex(), event.number, count)
            self._rows["keys"].append((application.id, entry.key.route, entry.key.key, *told, *position, position.at))

    def rows(self) -> Rows:
        for name, last in self._last.items():
            self._rows[name] = list(last.values())
        for name, scopes in (("grown_applications", self._applications), ("grown_chats", self._chats)):
            self._rows[name] = [_settle(scope) for scope in scopes.values() if scope.changed]
        for partition in {application.partition for application in self._applications.values()}:
            position = self._states.positions[partition]
            self._rows["moves"].append((partition, *position))
            self._rows["changes"].append(change_row(partition, position, self._touched[partition]))
        return self._rows

    def _add_in_chat(self, event: Event, chat_id: int) -> Iterable[int]:
        """Add what an event inside a chat does, and give the keys that it touches."""
        what, position, at = event.entry.what, event.position, event.position.at
        if isinstance(what, MessagesPosted):
            first = message_id(chat_id, event.number)
            self._rows["messages"].extend(
                (first + index, *position, draft.body, draft.sender, draft.metadata, at)
                for index, draft in enumerate(what.messages)
            )
            return range(first, first + len(what.messages))
        if isinstance(what, ChatRetitled):
            self._last["retitles"][chat_id] = (chat_id, what.title, *position, at)
            return ()
        if isinstance(what, ChatDeleted):
            self._rows["closings"].append((chat_id, *position, at))
            return (chat_id << 32 | WHOLE_CHAT,)
        id_ = message_id(chat_id, event.number)
        if isinstance(what, MessageEdited):
            self._last["edits"][id_] = (id_, what.body, *position, at)
        elif isinstance(what, MessageDeleted):
            self._rows["deletions"].append((id_, *position, at))
        return (id_,)


def _settle(scope: ScopeState) -> Row:
    """Give what became of a scope, and let it count afresh."""
    row = (scope.id, scope.granted_until, scope.live_change)
    scope.live_change, scope.changed = 0, False
    return row
