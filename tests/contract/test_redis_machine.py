"""Random histories of the log on a real Redis, beside a database that is a dictionary, against a small model."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from parley.domain.events import ChatCreated, ChatDeleted, Entry, MessageEdited, MessagesPosted, Position
from parley.domain.grants import ScopeName
from parley.domain.model import Draft
from parley.domain.numbering import Appended, Outcome, Reason, Refused, Replayed
from tests.support.engines.redis import RedisServer
from tests.support.logs import PARTITIONS, Faults, LogHouse, Rows
from tests.support.ports import keyed

SMALL = st.integers(0, 3)
PARTITION = st.integers(0, PARTITIONS - 1)
KINDS = st.sampled_from(["chat", "post", "post", "bulk", "large bulk", "edit", "delete chat"])
WANTS = st.lists(st.tuples(KINDS, SMALL, SMALL, st.sampled_from([None, None, "a", "b"])), min_size=1, max_size=6)
ROUTES = {"chat": "chats", "post": "messages", "bulk": "bulk", "large bulk": "bulk"}
COUNTS = {"post": 1, "bulk": 3, "large bulk": 400}


class Told(NamedTuple):
    """Numbers of a scope that a client was told of."""

    scope: ScopeName
    first: int
    size: int
    position: Position


class Model:
    """What clients were told, and what therefore must hold for ever."""

    def __init__(self) -> None:
        """Know nothing."""
        self.last: dict[ScopeName, int] = {}
        self.closed: dict[ScopeName, Position | None] = {}
        """Where a chat was deleted, ``None`` for an application."""
        self.told: list[Told] = []
        self.keys: dict[tuple[str, str, str], tuple[bytes, Appended]] = {}

    def check(self, entry: Entry, outcome: Outcome) -> None:
        """Hold an entry's final outcome against what was told before, and remember it."""
        refusal = self._refusal(entry)
        if refusal is not None:
            assert outcome == Refused(refusal), entry
            return
        name = None if entry.key is None else (entry.token, entry.key.route, entry.key.key)
        if entry.key is not None and name in self.keys:
            fingerprint, first = self.keys[name]
            same = fingerprint == entry.key.fingerprint
            assert outcome == (Replayed(*first) if same else Refused(Reason.KEY_REUSED)), entry
            return
        if (
            isinstance(entry.what, MessageEdited)
            and (entry.number or 0) > self.last[ScopeName(entry.token, entry.chat)]
        ):
            # after another epoch the log may think that voided numbers were given
            assert isinstance(outcome, Appended) or outcome == Refused(Reason.MESSAGE_GONE)
            return
        assert isinstance(outcome, Appended), (entry, outcome)
        if name is not None and entry.key is not None:
            self.keys[name] = entry.key.fingerprint, outcome
        self._take(entry, outcome)

    def _refusal(self, entry: Entry) -> Reason | None:
        if ScopeName(entry.token, None) in self.closed:
            return Reason.APPLICATION_GONE
        chat = ScopeName(entry.token, entry.chat)
        return Reason.CHAT_GONE if chat not in self.last or chat in self.closed else None

    def _take(self, entry: Entry, outcome: Appended) -> None:
        scope = ScopeName(entry.token, entry.chat)
        if isinstance(entry.what, ChatDeleted):
            self.closed[scope] = outcome.position
        if not isinstance(entry.what, ChatCreated | MessagesPosted):
            return
        size = len(entry.what.messages) if isinstance(entry.what, MessagesPosted) else 1
        assert outcome.number > self.last[scope], f"{scope} gave {outcome.number} after {self.last[scope]}"
        self.last[scope] = outcome.number + size - 1
        self.told.append(Told(scope, outcome.number, size, outcome.position))
        if isinstance(entry.what, ChatCreated):
            self.last[ScopeName(entry.token, outcome.number)] = 0

    def forget(self, is_lost: Callable[[str, Position], bool]) -> None:
        """Let go of what was lost with the log; its numbers were given all the same."""
        gone = [told for told in self.told if is_lost(told.scope.token, told.position)]
        self.told = [told for told in self.told if told not in gone]
        self.keys = {name: known for name, known in self.keys.items() if not is_lost(name[0], known[1].position)}
        self.reopen(is_lost)
        for told in gone:
            if told.scope.chat is None:
                del self.last[ScopeName(told.scope.token, told.first)]

    def reopen(self, is_lost: Callable[[str, Position], bool]) -> None:
        """Take back the deletions of chats that were lost."""
        for scope, position in list(self.closed.items()):
            if position is not None and is_lost(scope.token, position):
                del self.closed[scope]


class RedisMachine(RuleBasedStateMachine):
    """Does the same to the log and to the model."""

    def __init__(self, url: str) -> None:
        """Open an empty log with two partitions, and a database that grants little."""
        super().__init__()
        self.runner = asyncio.Runner()
        self.model = Model()
        self.said = count()
        self.tokens: list[str] = []
        self.house = LogHouse(url, Rows(size=3), key_budget=4)
        self.runner.run(self.begin())
        self.faults = Faults(self.house)

    async def begin(self) -> None:
        """Open the log in its first epoch."""
        await self.house.start()
        await self.house.begin_all()

    async def end(self) -> None:
        """Close it."""
        await self.house.close()

    def teardown(self) -> None:
        """Store everything; then the database has what clients were told, and explains every number."""
        try:
            self.runner.run(self.house.persist())
            self.check_stored()
        finally:
            self.runner.run(self.end())
            self.house.flush()
            self.runner.close()

    @precondition(lambda self: len(self.tokens) < 4)
    @rule(partition=PARTITION)
    def add_application(self, partition: int) -> None:
        """Make an application."""
        token = self.house.add_application(partition)
        self.tokens.append(token)
        self.model.last[ScopeName(token, None)] = 0

    @precondition(lambda self: self.tokens)
    @rule(wants=WANTS, lost=st.sampled_from([0, 0, 0, 1]))
    def append(self, wants: Sequence[Any], lost: int) -> None:
        """Append a batch, its replies maybe lost at first."""
        self.faults.lost = lost
        self.runner.run(self.submit([self.entry(*want) for want in wants]))

    async def submit(self, entries: list[Entry]) -> None:
        """Send entries until each is decided, and check each when it is."""
        for _ in range(20):
            outcomes = await self.house.send(*entries)
            again = []
            for entry, outcome in zip(entries, outcomes, strict=True):
                settled = await self.house.recover(entry, outcome)
                if settled is None:
                    again.append(entry)
                else:
                    self.model.check(entry, settled)
            if not again:
                return
            entries = again
        raise AssertionError(f"never decided: {entries}")

    def entry(self, kind: str, application: int, chat: int, key: str | None) -> Entry:
        """Make an entry that names things which may or may not be there; a key's payload is one of two."""
        token = self.tokens[application % len(self.tokens)]
        named = keyed(key, f"{chat % 2}", ROUTES[kind]) if key and kind in ROUTES else None
        if kind == "chat":
            return Entry(token, None, ChatCreated(), None, named)
        if kind in COUNTS:
            return Entry(token, chat + 1, MessagesPosted((Draft(f"{next(self.said)}"),) * COUNTS[kind]), None, named)
        if kind == "edit":
            return Entry(token, chat + 1, MessageEdited("edited"), application + 1)
        return Entry(token, chat + 1, ChatDeleted())

    @precondition(lambda self: self.faults.calls)
    @rule()
    def repeat(self) -> None:
        """Send the last batch again, as it was: the reply is the same if the life is, and nothing is written."""
        before = self.runner.run(self.everything())

        replies = self.runner.run(self.faults.repeat(self.faults.calls[-1]))

        assert self.runner.run(self.everything()) == before
        for call, reply, first in zip(self.faults.calls[-1], replies, self.faults.replies[-1], strict=True):
            is_same_life = call.command[10] == b"%d" % self.house.lives[call.partition].epoch
            assert reply == first or not is_same_life

    async def everything(self) -> list[Any]:
        """Give what lies on the log."""
        return [await self.house.read(partition) for partition in range(PARTITIONS)]

    @rule(partition=PARTITION, limit=st.sampled_from([1, 3, 1_000]))
    def persist(self, partition: int, limit: int) -> None:
        """Store some of what is on the log; keys beyond the budget go."""
        self.runner.run(self.house.persist(partition, limit=limit))

    @rule()
    def let_go(self) -> None:
        """Store everything, and let the log go of all that it need not know."""
        keeper, budget = self.house.keeper, self.house.keeper.budget
        self.house.keep_nothing()
        self.runner.run(self.house.persist())
        keeper.budget = budget

    @rule(partition=PARTITION)
    def restart(self, partition: int) -> None:
        """Take all scripts away, as a restart does, and resume both lives."""
        with self.house.client() as client:
            client.script_flush()
        for each in (partition, 1 - partition):
            self.runner.run(self.house.begin(each, self.house.lives[each].epoch))

    @rule(partition=PARTITION)
    def begin_epoch(self, partition: int) -> None:
        """End a partition's epoch, and begin the next."""
        self.runner.run(self.house.begin(partition))

    @rule()
    def flush(self) -> None:
        """Take the whole log away: what was not stored is lost, and its numbers are never given again."""
        house = self.house
        self.model.forget(lambda token, position: position > house.stored[house.partition_of(token)])
        house.flush()
        for partition in range(PARTITIONS):
            self.runner.run(house.begin(partition))

    @precondition(lambda self: self.tokens)
    @rule(index=SMALL)
    def delete_application(self, index: int) -> None:
        """Delete an application, the way its use case does."""
        name = ScopeName(self.tokens[index % len(self.tokens)], None)
        self.house.rows.scopes[name].closed = True
        self.runner.run(self.house.log.close_gate(name.token))
        self.model.closed[name] = None

    def check_stored(self) -> None:
        """Each number that was told and not lost is stored; each number up to the last is stored or explained."""
        rows = self.house.rows
        for scope, first, size, _ in self.model.told:
            numbers = set(range(first, first + size))
            chats = {name.chat for name in rows.scopes if name.token == scope.token}
            assert numbers <= (chats if scope.chat is None else rows.bodies[scope].keys())
        for scope, row in rows.scopes.items():
            chats = {name.chat for name in rows.scopes if name.token == scope.token} - {None}
            stored = set(rows.bodies[scope]) if scope.chat is not None else chats
            assert not stored & rows.gaps[scope]
            assert set(range(1, row.last + 1)) <= stored | rows.gaps[scope]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    """Give a server whose scripts nobody else needs."""
    with RedisServer(tmp_path, aof="off") as server:
        yield server


def test_the_log_follows_the_model_through_any_history(server: RedisServer) -> None:
    """Appends, repeats, lost replies, epochs, restarts, flushes, let go scopes and keys, gates, grants in any order."""
    runs = count()

    def machine() -> RedisMachine:
        next(runs)
        return RedisMachine(server.url)

    run_state_machine_as_test(
        machine,  # type: ignore[arg-type]  # any factory will do
        settings=settings(
            max_examples=60,
            stateful_step_count=30,
            deadline=None,
            database=None,
            report_multiple_bugs=False,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
    assert next(runs) > 30
