"""Folds entries, in the order of the log, into what they do to the database."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Final

from parley.domain.documents import WHOLE_CHAT
from parley.domain.events import (
    ApplicationClosed,
    ChatCreated,
    ChatDeleted,
    ChatRetitled,
    Event,
    Logged,
    MessageDeleted,
    MessageEdited,
    MessagesPosted,
    NumbersBurnt,
    Position,
)
from parley.storage.mysql.applying.effects import Effects, Growth, NewMessage
from parley.storage.mysql.applying.known import Application, Chat, Known, MessageKey, Stored
from parley.storage.mysql.letters import Letter, NewLetter, blanked, place_of
from parley.storage.mysql.rows import hash_of

_COLLISION: Final = "collision: the number has another message already"


class UnstorableError(Exception):
    """An entry contradicts what is stored; the text says how."""


class Fold:
    """Adds entries one by one; `effects` has what became of them."""

    def __init__(self, known: Known, chat_counter: int, new_chat_id: Callable[[int], int]) -> None:
        """Begin over what is known; ``new_chat_id`` makes an id of a counter."""
        self.effects = Effects(chat_counter)
        self._known = known
        self._new_chat_id = new_chat_id

    def add(self, logged: Logged) -> None:
        """Take one entry in, or set it aside."""
        event = logged.event
        if event is None:
            self.set_aside(logged, "unreadable: of another version, or damaged")
            return
        application = self._known.applications.get(event.entry.token)
        if application is None:
            self.set_aside(logged, "the application is not known")
        elif isinstance(event.entry.what, ApplicationClosed):
            application.is_gone = True
            self.effects.closed_applications[application.id] = event.position.at
        elif application.is_gone or self._is_of_gone_chat(event, application):
            self.effects.dropped += 1
        elif (letter := self._known.letters.in_the_way(event)) is not None:
            self._wait(logged, event, application, letter)
        else:
            self._store(logged, event, application)

    def set_aside(self, logged: Logged, reason: str) -> None:
        """Make a dead letter of an entry; its numbers are taken, and its key is remembered."""
        self._bury(NewLetter(logged, _letter_of(logged), reason))
        self.effects.fates.append(False)

    def _is_of_gone_chat(self, event: Event, application: Application) -> bool:
        """Tell whether the event's chat is deleted: then it waits for nothing, and no letter keeps what it says."""
        chat = self._known.chats.get((application.id, event.entry.chat or 0))
        return chat is not None and chat.is_gone

    def _wait(self, logged: Logged, event: Event, application: Application, letter: Letter) -> None:
        """Have an event wait behind a letter; a deletion does at once what it can, and keeps nothing that was said."""
        what = event.entry.what
        if isinstance(what, ChatDeleted):
            self._add_tombstone(event, application, letter)
            self._store(logged, event, application)
            return
        if isinstance(what, MessageDeleted):
            self._take_over(event)
            self._blank(event)
            if self._has_row(event, application):
                self._store(logged, event, application)
                return
        self._bury(NewLetter(logged, _letter_of(logged), "waits", behind=letter))

    def _has_row(self, event: Event, application: Application) -> bool:
        """Tell whether the event's message is there, whatever letter has its number, too."""
        chat = self._known.chats.get((application.id, event.entry.chat or 0))
        key = None if chat is None else (application.id, chat.id, event.number)
        return key in self.effects.messages or key in self._known.messages

    def _blank(self, event: Event) -> None:
        """Take what a deleted message said out of the letters that have it."""
        letters = self._known.letters.numbering(event)
        self.effects.blank_letters += [(letter.id, event.number) for letter in letters if letter.id]
        if new := {id(letter) for letter in letters if not letter.id}:
            self.effects.letters = [
                each._replace(logged=blanked(each.logged, event.number)) if id(each.letter) in new else each
                for each in self.effects.letters
            ]

    def _add_tombstone(self, event: Event, application: Application, creation: Letter) -> None:
        """Give a chat that is to be deleted the row that its creation did not get, so that it is erased as others are.

        Its numbers were given: those that letters explain as yet are explained by it.
        """
        number = event.entry.chat or 0
        if (application.id, number) in self._known.chats:
            return
        self._add_chat(application, number, None, creation.position)
        self._explain(application.id, number, self._known.letters.last_number(event.entry.token, number))

    def _bury(self, new: NewLetter) -> None:
        self.effects.letters.append(new)
        self._known.letters.add(new.letter)
        event, place = new.logged.event, new.letter.place
        application = None if event is None else self._known.applications.get(event.entry.token)
        if event is None or place is None or application is None:
            return
        self._remember_key(event, application)
        if place.gives_numbers:
            self._explain(application.id, place.chat, place.last)

    def _store(self, logged: Logged, event: Event, application: Application) -> None:
        try:
            if not self._act(event, application):
                self.effects.dropped += 1
                return
        except UnstorableError as error:
            self.set_aside(logged, str(error))
            return
        self._remember_key(event, application)
        self.effects.fates.append(True)

    def _act(self, event: Event, application: Application) -> bool:
        """Do what the event says; ``False`` if its chat is gone."""
        entry, what = event.entry, event.entry.what
        if isinstance(what, NumbersBurnt):
            return self._burn(event, application, what.last)
        if isinstance(what, ChatCreated):
            self._create_chat(event, application, what.title)
            return True
        chat = self._known.chats.get((application.id, entry.chat or 0))
        if chat is None:
            raise UnstorableError("the chat is not known")
        if chat.is_gone:
            return False
        self._acts[type(what)](self, event, chat, what)
        return True

    def _burn(self, event: Event, application: Application, last: int) -> bool:
        """Explain numbers that the log never gives."""
        number = event.entry.chat
        chat = None if number is None else self._known.chats.get((application.id, number))
        if number is not None and (chat is None or chat.is_gone):
            return False
        chat_id = 0 if chat is None else chat.id
        self.effects.gaps.append((application.id, chat_id, event.number, last, b"burnt", event.position.at))
        self._explain(application.id, number, last)
        return True

    def _create_chat(self, event: Event, application: Application, title: str | None) -> None:
        known = self._known.chats.get((application.id, event.number))
        if known is not None:
            if not known.is_gone and known.created_hash != hash_of(title):
                raise UnstorableError("collision: the number has another chat already")
            return
        self._add_chat(application, event.number, title, event.position)

    def _add_chat(self, application: Application, number: int, title: str | None, created: Position) -> None:
        effects, key = self.effects, (application.id, number)
        effects.chat_counter += 1
        chat_id = self._new_chat_id(effects.chat_counter)
        chat = Chat(*key, chat_id, is_gone=False, created_hash=hash_of(title), position=created)
        self._known.chats[key] = chat
        effects.chats[key] = (chat, title, created)
        effects.application_growth.setdefault(application.id, Growth()).live += 1
        self._explain(application.id, None, number)

    def _post(self, event: Event, chat: Chat, what: MessagesPosted) -> None:
        """Create messages; those that are there already must be the same ones."""
        (epoch, position), at = event.position, event.position.at
        application, chat_id, number = chat.application, chat.id, event.number
        rows: dict[MessageKey, NewMessage] = {}
        for draft in what.messages:
            key = (application, chat_id, number)
            created_hash = hash_of(draft.body)
            if not self._is_there(key, created_hash):
                rows[key] = NewMessage(epoch, position, draft.body, draft.sender, draft.metadata, created_hash, at)
            number += 1
        self.effects.messages.update(rows)
        self.effects.touched += [key[1:] for key in rows]
        growth = self._growth(chat)
        growth.live += len(rows)
        growth.last = max(growth.last, number - 1)

    def _is_there(self, key: MessageKey, created_hash: bytes) -> bool:
        there: NewMessage | Stored | None
        if key in self.effects.messages:
            there = self.effects.messages[key]
        elif key in self._known.messages:
            there = self._known.messages[key]
        else:
            return False
        if there.created_hash not in {created_hash, None}:  # a tombstone has none
            raise UnstorableError(_COLLISION)
        return True

    def _edit(self, event: Event, chat: Chat, what: MessageEdited) -> None:
        key, at = (chat.application, chat.id, event.number), event.position.at
        new = self.effects.messages.get(key)
        stored = self._known.messages.get(key)
        if new is not None:
            if new.deleted_at is not None:
                return
            new.body, new.updated_at = what.body, at
            new.epoch, new.position = event.position
        elif stored is None or stored.is_gone or stored.position >= event.position:
            return
        else:
            self.effects.edits[key] = (event.position, what.body, at)
            self._known.messages[key] = stored._replace(position=event.position)
        self.effects.touched.append(key[1:])

    def _delete(self, event: Event, chat: Chat, _: MessageDeleted) -> None:
        key, at = (chat.application, chat.id, event.number), event.position.at
        new = self.effects.messages.get(key)
        stored = self._known.messages.get(key)
        if new is not None:
            if new.deleted_at is not None:
                return
            new.body = new.sender = new.metadata = new.created_hash = None
            new.deleted_at = at
            new.epoch, new.position = event.position
        elif stored is None or stored.is_gone:
            return
        else:
            position = max(stored.position, event.position)
            self.effects.edits.pop(key, None)
            self.effects.deletions[key] = (position, at)
            self._known.messages[key] = Stored(is_gone=True, created_hash=None, position=position)
        self._growth(chat).live -= 1
        self.effects.touched.append(key[1:])
        self._take_over(event)

    def _retitle(self, event: Event, chat: Chat, what: ChatRetitled) -> None:
        if chat.position >= event.position:
            return
        chat.position = event.position
        key = (chat.application, chat.number)
        self.effects.retitles[key] = (event.position, what.title, event.position.at)

    def _delete_chat(self, event: Event, chat: Chat, _: ChatDeleted) -> None:
        chat.is_gone, chat.position = True, max(chat.position, event.position)
        self.effects.closings[chat.application, chat.number] = (chat.position, event.position.at)
        self.effects.application_growth.setdefault(chat.application, Growth()).live -= 1
        self.effects.touched.append((chat.id, WHOLE_CHAT))
        self._forget(self._known.letters.take_over(event))

    def _take_over(self, event: Event) -> None:
        moot = self._known.letters.take_over(event)
        self.effects.moot_letters += [letter.id for letter in moot if letter.id]
        self._forget(moot)

    def _forget(self, moot: list[Letter]) -> None:
        """Keep no letter of this step; a chat's that are stored may be thousands: they are erased with its messages."""
        if new := {id(letter) for letter in moot if not letter.id}:
            self.effects.letters = [each for each in self.effects.letters if id(each.letter) not in new]

    def _growth(self, chat: Chat) -> Growth:
        key = (chat.application, chat.number)
        growth = self.effects.chat_growth.get(key)
        if growth is None:
            growth = self.effects.chat_growth[key] = Growth()
        return growth

    def _explain(self, application: int, chat: int | None, last: int) -> None:
        """Note the highest number of a scope that is known to mean something, or nothing for ever."""
        if chat is None:
            growth = self.effects.application_growth.setdefault(application, Growth())
        elif (application, chat) in self._known.chats:
            growth = self._growth(self._known.chats[application, chat])
        else:
            return
        growth.last = max(growth.last, last)

    def _remember_key(self, event: Event, application: Application) -> None:
        key, what, position = event.entry.key, event.entry.what, event.position
        if key is not None:
            count = len(what.messages) if isinstance(what, MessagesPosted) else 1
            row = (key.fingerprint, event.number, count, *position, position.at)
            self.effects.keys[application.id, key.route.encode(), key.key.encode()] = row
            self.effects.last_key_at = max(self.effects.last_key_at, position.at)

    _acts: ClassVar[Mapping[type, Callable[[Fold, Event, Chat, Any], None]]] = {
        MessagesPosted: _post,
        MessageEdited: _edit,
        MessageDeleted: _delete,
        ChatRetitled: _retitle,
        ChatDeleted: _delete_chat,
    }
    """Of the class: a fold that kept its bound methods would refer to itself, and stay until the collector comes."""


def _letter_of(logged: Logged) -> Letter:
    return Letter(None if logged.event is None else place_of(logged.event), position=logged.position)
