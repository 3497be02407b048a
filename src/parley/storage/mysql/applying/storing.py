"""Stores entries inside a transaction, and sets aside each that cannot be stored, so that the others can."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final, NamedTuple

from parley.database.mysql.errors import DuplicateError, FailedError, UnfitError
from parley.database.mysql.session import Session
from parley.domain.errors import UnavailableError
from parley.domain.events import Event, Logged
from parley.storage.mysql.applying.effects import Effects, take_out_of_ledger, write_effects
from parley.storage.mysql.applying.folding import Fold
from parley.storage.mysql.applying.known import load_known
from parley.storage.mysql.backlog import Backlog
from parley.storage.mysql.letters import load_letters, reason_of
from parley.storage.mysql.partitions import Way
from parley.storage.sharing import Applied

MAX_LETTERS: Final = 10_000
MAX_RUN: Final = 100
"""Entries in a row that cannot be stored: then it is not the entries that are wrong."""


class Failure(NamedTuple):
    """Why a letter could not be stored again, and the letter that it waits for."""

    reason: str
    behind: int | None


class Storing:
    """One transaction's worth of entries of one partition; afterwards it says what became of them."""

    def __init__(
        self, session: Session, partition: int, chat_counter: int, new_chat_id: Callable[[int], int], now: int
    ) -> None:
        """Store through ``session``, whose transaction holds the partition's row."""
        self._session = session
        self._partition = partition
        self._new_chat_id = new_chat_id
        self._now = now
        self._chat_counter = chat_counter
        self._touched: list[tuple[int, int]] = []
        self._last_key_at = 0
        self._letters = Backlog()
        """Those that concern what is being stored; nobody else changes them meanwhile."""
        self.applied = Applied(0, 0, 0)
        self.run = 0
        """How many entries could not be stored since one was."""
        self.max_run = MAX_RUN
        self.is_late = False
        """Whether the standby may have given their numbers up for lost, in the gap ledger."""

    @property
    def way(self) -> Way:
        """What was done in the partition so far."""
        return Way(self._touched, self._chat_counter, self._last_key_at)

    async def store(self, entries: Sequence[Logged]) -> None:
        """Store entries in the order of the log.

        Raises:
            UnavailableError: ``too_many_dead_letters``; nothing is to be committed.
        """
        self._letters = Backlog(await load_letters(self._session, _events(entries)))
        await self._divide(entries)

    async def _divide(self, entries: Sequence[Logged]) -> None:
        if (failure := await self._store_together(entries)) is None:
            return
        if len(entries) == 1:
            await self._set_aside(entries[0], failure)
            return
        half = len(entries) // 2
        await self._divide(entries[:half])
        await self._divide(entries[half:])

    async def store_again(self, entry: Logged, letter: int) -> Failure | None:
        """Store what was a dead letter, if nothing before it is in its way; give the reason if it fails again."""
        self._letters = Backlog(await load_letters(self._session, _events([entry]), letter))
        try:
            async with self._attempt():
                await self._session.run("delete_letters", (letter,))
                effects = await self._write([entry], all_messages=True, is_letter=True)
                _refuse_letters(effects)
        except (DuplicateError, UnfitError) as error:
            return Failure(error.text, None)
        except _FailedAgainError as error:
            return error.failure
        self._take(effects)
        return None

    @asynccontextmanager
    async def _attempt(self) -> AsyncIterator[None]:
        """Undo what was done inside if it raises, in the database and in what is known of its letters."""
        try:
            async with self._session.attempt():
                yield
        except BaseException:
            self._letters.undo()
            raise
        self._letters.keep()

    async def _store_together(self, entries: Sequence[Logged]) -> FailedError | None:
        """Store the entries, looking twice if messages are there already; give what prevents it."""
        failure: FailedError | None = None
        for all_messages in (False, True):
            try:
                async with self._attempt():
                    effects = await self._write(entries, all_messages=all_messages)
            except DuplicateError as error:
                failure = error
            except UnfitError as error:
                return error
            else:
                self._take(effects)
                return None
        return failure

    async def _write(self, entries: Sequence[Logged], *, all_messages: bool, is_letter: bool = False) -> Effects:
        known = await load_known(self._session, _events(entries), self._letters, all_messages=all_messages)
        fold = Fold(known, self._chat_counter, self._new_chat_id)
        for entry in entries:
            fold.add(entry)
        await self._write_effects(fold.effects, is_letter=is_letter)
        return fold.effects

    async def _write_effects(self, effects: Effects, *, is_letter: bool = False) -> None:
        await write_effects(self._session, effects, self._partition, self._now, is_letter=is_letter)
        if self.is_late:
            await take_out_of_ledger(self._session, effects)

    async def _set_aside(self, entry: Logged, failure: FailedError) -> None:
        known = await load_known(self._session, _events([entry]), self._letters, all_messages=False)
        fold = Fold(known, self._chat_counter, self._new_chat_id)
        fold.set_aside(entry, failure.text)
        await self._write_effects(fold.effects)
        self._letters.keep()
        self._take(fold.effects)

    def _take(self, effects: Effects) -> None:
        self._chat_counter = effects.chat_counter
        self._touched += effects.touched
        self._last_key_at = max(self._last_key_at, effects.last_key_at)
        messages, dropped, dead = self.applied
        self.applied = Applied(messages + len(effects.messages), dropped + effects.dropped, dead + len(effects.letters))
        for was_stored in effects.fates:
            self.run = 0 if was_stored else self.run + 1
            if self.run >= self.max_run:
                raise _too_many(f"{self.run} entries in a row cannot be stored")


async def check_letters(session: Session) -> None:
    """Refuse to go on with more letters than people can look at.

    Raises:
        UnavailableError: ``too_many_dead_letters``.
    """
    count = (await session.rows("count_letters"))[0][0]
    if count > MAX_LETTERS:
        raise _too_many(f"there are more than {MAX_LETTERS} dead letters")


def _events(entries: Sequence[Logged]) -> list[Event]:
    return [entry.event for entry in entries if entry.event is not None]


class _FailedAgainError(Exception):
    def __init__(self, effects: Effects) -> None:
        super().__init__()
        letter = effects.letters[0]
        self.failure = Failure(reason_of(letter), None if letter.behind is None else letter.behind.id)


def _refuse_letters(effects: Effects) -> None:
    if effects.letters:
        raise _FailedAgainError(effects)


def _too_many(why: str) -> UnavailableError:
    return UnavailableError(f"Nothing is stored any more: {why}", code="too_many_dead_letters", retry_after_s=30)
