"""Dead letters found by what they are about: there may be ten thousand, and a thousand entries that ask for them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from parley.domain.events import ChatDeleted, Event, MessageDeleted
from parley.storage.mysql.letters import EVERY, Letter, Place, place_of

_SLOT_BITS: Final = 6
_MOST_SLOTS: Final = 32
"""A letter of more numbers than that, as of burnt ones, is looked at by whoever asks for its scope."""


class Backlog:
    """Where letters stand, those that are not stored yet too; what an attempt did here can be undone."""

    def __init__(self, letters: Iterable[Letter] = ()) -> None:
        """Begin with what is stored."""
        self._scopes: defaultdict[tuple[str, int | None], _Scope] = defaultdict(_Scope)
        self._done: list[tuple[Letter, bool]] = []
        for letter in letters:
            self._put(letter)

    def add(self, letter: Letter) -> None:
        """Take one in."""
        self._put(letter)
        self._done.append((letter, True))

    def undo(self) -> None:
        """Be as at the last `keep`."""
        while self._done:
            letter, was_added = self._done.pop()
            (self._take if was_added else self._put)(letter)

    def keep(self) -> None:
        """Let what was done be so."""
        self._done.clear()

    def in_the_way(self, event: Event) -> Letter | None:
        """Give the first letter that an event must wait behind, so that nothing overtakes.

        A deletion waits for what gives its target the number alone: it takes the place of edits.
        """
        if not self._scopes:
            return None
        place = place_of(event)
        is_deletion = isinstance(event.entry.what, MessageDeleted | ChatDeleted)
        found = [each for each in self._near(place) if _gives_numbers(each) or not is_deletion]
        if place.chat is not None:
            found += self._creations(place.token, place.chat)
        return min(found, key=_age, default=None)

    def numbering(self, event: Event) -> list[Letter]:
        """Give the letters that give an event's target its number."""
        return [each for each in self._near(place_of(event)) if _gives_numbers(each)]

    def last_number(self, token: str, chat: int) -> int:
        """Give the highest number of a chat that a letter is about, 0 if none is."""
        letters = self._scope(token, chat)
        return max((each.place.last for each in letters if each.place is not None), default=0)

    def take_over(self, event: Event) -> list[Letter]:
        """Give up the letters that mean nothing once their target is deleted: changes of it, with a chat all its own.

        Those stay that give messages their numbers: they lose what the deleted ones said.
        """
        if not self._scopes:
            return []
        place = place_of(event)
        found = self._near(place)
        if isinstance(event.entry.what, ChatDeleted):
            found = [*found, *self._scope(place.token, place.first)]
        else:
            found = [each for each in found if not _gives_numbers(each)]
        for letter in found:
            self._take(letter)
            self._done.append((letter, False))
        return found

    def _creations(self, token: str, chat: int) -> list[Letter]:
        found = self._near(Place(token, None, chat, chat, gives_numbers=True))
        return [each for each in found if _gives_numbers(each) and each.place is not None and each.place.first == chat]

    def _near(self, place: Place) -> list[Letter]:
        scope = self._scopes.get((place.token, place.chat))
        return [] if scope is None else scope.near(place)

    def _scope(self, token: str, chat: int) -> list[Letter]:
        scope = self._scopes.get((token, chat))
        return [] if scope is None else scope.letters()

    def _put(self, letter: Letter) -> None:
        if letter.place is not None:
            self._scopes[letter.place.token, letter.place.chat].put(letter, letter.place)

    def _take(self, letter: Letter) -> None:
        if letter.place is not None:
            self._scopes[letter.place.token, letter.place.chat].take(letter, letter.place)


class _Scope:
    """The letters of one scope, by slots of its numbers."""

    __slots__ = ("_all", "_slots", "_wide")

    def __init__(self) -> None:
        self._all: dict[int, Letter] = {}
        self._wide: dict[int, Letter] = {}
        self._slots: dict[int, dict[int, Letter]] = {}

    def letters(self) -> list[Letter]:
        return list(self._all.values())

    def near(self, place: Place) -> list[Letter]:
        slots = _slots(place)
        parts = [self._all] if slots is None else [self._wide, *(self._slots[n] for n in slots if n in self._slots)]
        found = {key: each for part in parts for key, each in part.items() if _overlap(each, place)}
        return list(found.values())

    def put(self, letter: Letter, place: Place) -> None:
        for part in self._parts(place):
            part[id(letter)] = letter

    def take(self, letter: Letter, place: Place) -> None:
        for part in self._parts(place):
            part.pop(id(letter), None)

    def _parts(self, place: Place) -> list[dict[int, Letter]]:
        slots = _slots(place)
        if slots is None:
            return [self._all, self._wide]
        return [self._all, *(self._slots.setdefault(slot, {}) for slot in slots)]


def _slots(place: Place) -> range | None:
    slots = range(place.first >> _SLOT_BITS, (place.last >> _SLOT_BITS) + 1)
    return slots if len(slots) <= _MOST_SLOTS else None


def _gives_numbers(letter: Letter) -> bool:
    return letter.place is not None and letter.place.gives_numbers


def _overlap(letter: Letter, place: Place) -> bool:
    return letter.place is not None and letter.place.first <= place.last and place.first <= letter.place.last


def _age(letter: Letter) -> tuple[int, tuple[int, int]]:
    """Order letters as the log does; those that have no id yet come last."""
    return letter.id or EVERY, letter.position
