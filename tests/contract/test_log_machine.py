"""Random histories of the log and the storage behind it, restarts included, against a model in a few lines."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from parley.domain.cursors import Window
from parley.domain.events import (
    ChatCreated,
    ChatDeleted,
    Entry,
    MessageDeleted,
    MessageEdited,
    MessagesPosted,
)
from parley.domain.model import Draft
from parley.domain.numbering import Outcome, Reason, Refused
from parley.storage import open_audit
from tests.contract.conftest import NewProfile
from tests.support.ports import Profile, keyed
from tests.unit.workers.doubles import StillClock

Chats = list[list[str | None] | None]
"""An application's chats, ``None`` once deleted; a chat's messages, ``None`` once deleted."""


class Model:
    """What the log must answer, entry by entry."""

    def __init__(self) -> None:
        """Hold nothing."""
        self.applications: dict[str, Chats | None] = {}
        self.keys: dict[tuple[str, str, str], tuple[bytes, int]] = {}

    def decide(self, entry: Entry, known: dict[tuple[str, int], int]) -> int | Reason:
        """Give an entry's number, or why it is refused; ``known`` is what each chat held before the batch."""
        chats = self.applications[entry.token]
        if chats is None:
            return Reason.APPLICATION_GONE
        messages = [] if entry.chat is None else (*chats, None)[min(entry.chat - 1, len(chats))]
        if messages is None:
            return Reason.CHAT_GONE
        if entry.key is None:
            return self._take(entry, chats, messages, known)
        name = (entry.token, entry.key.route, entry.key.key)
        if name not in self.keys:
            taken = self._take(entry, chats, messages, known)
            if isinstance(taken, Reason):
                return taken
            self.keys[name] = entry.key.fingerprint, taken
        fingerprint, number = self.keys[name]
        return number if fingerprint == entry.key.fingerprint else Reason.KEY_REUSED

    @staticmethod
    def _take(
        entry: Entry, chats: Chats, messages: list[str | None], known: dict[tuple[str, int], int]
    ) -> int | Reason:
        what, number = entry.what, entry.number or 0
        if isinstance(what, ChatCreated):
            chats.append([])
            return len(chats)
        if isinstance(what, MessagesPosted):
            messages.extend(draft.body for draft in what.messages)
            return len(messages) - len(what.messages) + 1
        if isinstance(what, ChatDeleted):
            chats[(entry.chat or 0) - 1] = None
            return entry.chat or 0
        if number > known[entry.token, entry.chat or 0] or messages[number - 1] is None:
            return Reason.MESSAGE_GONE
        messages[number - 1] = what.body if isinstance(what, MessageEdited) else None
        return number


SMALL = st.integers(0, 5)
OFTEN_THERE = st.sampled_from([0, 0, 0, 1, 1, 2, 5])
ROUTES = {"chat": "chats", "post": "messages", "bulk": "bulk"}
KINDS = st.sampled_from(["chat", "post", "post", "bulk", "edit", "edit", "delete", "delete", "delete chat"])
WANTS = st.lists(
    st.tuples(KINDS, SMALL, OFTEN_THERE, OFTEN_THERE, st.sampled_from([None, None, "a", "b", "c"])), max_size=8
)


class LogMachine(RuleBasedStateMachine):
    """Does the same to the log and to the model."""

    def __init__(self, new_profile: NewProfile) -> None:
        """Open an empty installation and a model."""
        super().__init__()
        self.runner = asyncio.Runner()
        self.clock = StillClock()
        self.ports: Profile = new_profile(self.clock)
        self.runner.run(self.ports.open())
        self.model = Model()
        self.said = count()

    def teardown(self) -> None:
        """Hold what is stored against the model, then the database against itself."""
        try:
            self.look()
            self.check_tables()
        finally:
            self.runner.run(self.ports.close())
            self.runner.close()

    @initialize()
    def begin(self) -> None:
        """Have something to change from the first step on."""
        self.add_application()
        self.append([("chat", 0, 0, 0, None)] * 2)
        self.append([("bulk", 0, chat, 2, None) for chat in (0, 1)])

    @rule()
    def add_application(self) -> None:
        """Make an application."""
        self.model.applications[self.runner.run(self.ports.add_application())] = []

    @precondition(lambda self: self.model.applications)
    @rule(wants=WANTS)
    def append(self, wants: Sequence[Any]) -> None:
        """Append a batch: each entry's outcome is the model's, and it names nothing that the batch itself makes."""
        known = {
            (token, number): len(messages or ())
            for token, chats in self.model.applications.items()
            for number, messages in enumerate(chats or (), 1)
        }
        entries = [self.entry(*want) for want in wants]
        batch = [entry for entry in entries if not is_guessed(entry, entries, known)]

        outcomes = self.runner.run(self.ports.append(*batch))

        for entry, outcome in zip(batch, outcomes, strict=True):
            expected = self.model.decide(entry, known)
            assert told(outcome) == expected or is_idle(entry, expected, outcome), entry

    def entry(self, kind: str, application: int, chat: int, number: int, key: str | None) -> Entry:
        """Make an entry that names things which may or may not be there; a key's payload is one of two."""
        tokens = list(self.model.applications)
        token = tokens[application % len(tokens)]
        named = None if key is None or kind not in ROUTES else keyed(key, f"{chat} {number % 2}", ROUTES[kind])
        body = f"body {next(self.said)}"
        if kind == "chat":
            return Entry(token, None, ChatCreated(), None, named)
        if kind in {"post", "bulk"}:
            drafts = (Draft(body),) * (1 if kind == "post" else number + 1)
            return Entry(token, chat + 1, MessagesPosted(drafts), None, named)
        if kind == "delete chat":
            return Entry(token, chat + 1, ChatDeleted())
        what = MessageEdited(body) if kind == "edit" else MessageDeleted()
        return Entry(token, chat + 1, what, number + 1)

    @precondition(lambda self: self.model.applications)
    @rule(index=SMALL)
    def delete_application(self, index: int) -> None:
        """Delete a live application, the way its use case does; one is left, to be looked at in the end."""
        live = [token for token, chats in self.model.applications.items() if chats is not None]
        if len(live) > 1:
            token = live[index % len(live)]
            self.runner.run(self.ports.delete_application(token))
            self.model.applications[token] = None

    @rule(slice_=st.sampled_from([1, 3, 500]))
    def erase(self, slice_: int) -> None:
        """Let the eraser do a slice, which no writer may notice."""
        self.runner.run(self.ports.erasure.erase(slice_))

    @rule(seconds=st.sampled_from([-3_600, -0.001, 0.001, 60]))
    def move_clock(self, seconds: float) -> None:
        """Set the clock forwards or backwards, within the life of a key."""
        self.clock.move(seconds)

    @rule()
    def look(self) -> None:
        """Hold what can be read against the model."""
        for token, chats in self.model.applications.items():
            if chats is not None:
                self.runner.run(self.check_application(token, chats))

    @rule()
    def reopen(self) -> None:
        """Restart."""
        self.runner.run(self.ports.reopen())

    async def check_application(self, token: str, chats: Chats) -> None:
        """Hold what can be read of an application against the model."""
        storage = self.ports.storage
        listed = await storage.page_chats(token, Window(limit=1_000))
        live = [number for number, messages in enumerate(chats, 1) if messages is not None]
        assert [chat.number for chat in listed.items] == live
        assert (await self.ports.tenants.get(token)).chats_count == len(live)
        for chat in listed.items:
            messages = chats[chat.number - 1] or []
            page = await storage.page_messages(token, chat.number, Window(limit=1_000))
            held = {number: body for number, body in enumerate(messages, 1) if body is not None}
            assert {message.number: message.body for message in page.items} == held
            assert chat.messages_count == len(held)

    def check_tables(self) -> None:
        """Erase to the end; then the tables hold what the model holds, and the audit finds no difference."""
        self.runner.run(self.ports.erase())
        applications = self.model.applications
        messages = sum(len(chat or ()) for chats in applications.values() for chat in chats or ())
        keys = sum(applications[token] is not None for token, _, _ in self.model.keys)
        assert self.runner.run(self.ports.count("message")) == messages
        assert self.runner.run(self.ports.count("idempotency_key")) == keys
        audit = open_audit(self.ports.url)
        assert list(audit.compare(lambda _: None)) == []
        audit.close()


def told(outcome: Outcome) -> int | Reason:
    """Give an outcome in the model's words; a replay is the first answer again."""
    return outcome.reason if isinstance(outcome, Refused) else outcome.number


def is_guessed(entry: Entry, batch: Sequence[Entry], known: Mapping[tuple[str, int], int]) -> bool:
    """Tell whether an entry may name a chat or a message that the batch itself makes: nobody was told of it yet."""
    if entry.chat is None:
        return False
    if (entry.token, entry.chat) not in known:
        return any(other.token == entry.token and other.chat is None for other in batch)
    posts = ((other.token, other.chat) for other in batch if isinstance(other.what, MessagesPosted))
    return (entry.number or 0) > known[entry.token, entry.chat] and (entry.token, entry.chat) in posts


def is_idle(entry: Entry, expected: int | Reason, outcome: Outcome) -> bool:
    """Tell whether a log of its own took a change of a message that is gone, of which nothing comes."""
    return expected is Reason.MESSAGE_GONE and told(outcome) == entry.number


EXAMPLES = {"embedded": 60, "served": 25}


def test_the_log_follows_the_model_through_any_history(new_profile: NewProfile, profile: str) -> None:
    """Chats, posts, bulks, edits, deletes, keys, closed gates, erasure, clock jumps and restarts in any order."""
    examples = EXAMPLES[profile]
    runs = count()

    def machine() -> LogMachine:
        next(runs)
        return LogMachine(new_profile)

    run_state_machine_as_test(
        machine,  # type: ignore[arg-type]  # any factory will do
        settings=settings(
            max_examples=examples,
            stateful_step_count=30,
            deadline=None,
            database=None,
            report_multiple_bugs=False,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
    assert next(runs) > examples // 2
