"""Group commit into a log of its own: what it could not decide is decided after all, in time, and once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from parley.domain.errors import ConflictError, OutcomeUnknownError, ParleyError, UnavailableError
from parley.domain.events import Entry
from parley.domain.numbering import Appended, KeyState, Outcome, Reason, Refused, Replayed
from parley.ingest import recovery as module
from parley.ingest.batch import BatchLimits
from parley.ingest.batcher import Batcher
from parley.ingest.lives import PresentLives
from parley.ingest.recovery import Recovery
from tests.support.ports import keyed, posted
from tests.unit.ingest.doubles import HeldLog, message, turn
from tests.unit.ingest.doubles_recovery import DictFeeding, DictScopes, position
from tests.unit.workers.doubles import StillClock

COLD, UNKNOWN, EPOCH = Refused(Reason.COLD, 7), Refused(Reason.KEY_UNKNOWN, 7), Refused(Reason.EPOCH)


class Bench:
    """A batcher with a recovery; application ``t`` with chat 1 is in the database."""

    def __init__(self) -> None:
        """Begin idle."""
        self.clock, self.log = StillClock(), HeldLog()
        self.scopes, self.feeding = DictScopes(), DictFeeding()
        self.lives = PresentLives(self.scopes, self.feeding)
        recovery = Recovery(self.scopes, self.feeding, self.lives)
        self.observed: list[list[type]] = []
        self.batcher = Batcher(self.log, BatchLimits(256, 1_000_000), self.clock, self._observe, recovery)
        self.answers: dict[str, list[Outcome | ParleyError]] = {}
        self.scopes.give("t", None)
        self.scopes.give("t", 1)

    def submit(self, name: str, entry: Entry | None = None, timeout_s: float = 5) -> None:
        """Hand in an entry; its answers are collected under a name."""
        answers = self.answers.setdefault(name, [])
        self.batcher.submit(entry or message(name), 10, timeout_s, answers.append)

    async def decide(self, *outcomes: Outcome, appends: int | None = None) -> None:
        """Let the log say what became of the last batch, and wait for the next one if there are to be so many."""
        self.log.futures[-1].set_result(list(outcomes))
        await turn()
        if appends is not None:
            async with asyncio.timeout(5):
                while len(self.log.batches) < appends:  # noqa: ASYNC110 - no event says so
                    await asyncio.sleep(0)

    async def decide_next(self, outcome: Outcome = Appended(1, position(1))) -> None:  # noqa: B008 - a value
        """Wait for the next batch, and give each of its entries an outcome."""
        async with asyncio.timeout(5):
            while self.log.futures[-1].done():  # noqa: ASYNC110 - no event says so
                await asyncio.sleep(0)
        await self.decide(*[outcome] * len(self.log.batches[-1]))

    async def answered(self, name: str) -> Outcome | ParleyError:
        """Wait for an answer, and give it."""
        async with asyncio.timeout(5):
            while not self.answers[name]:  # noqa: ASYNC110 - no event says so
                await asyncio.sleep(0)
        await turn()
        (answer,) = self.answers[name]
        return answer

    async def expire(self, seconds: float) -> None:
        """Let time pass, and look for what is overdue as the timer does."""
        self.clock.move(seconds)
        self.batcher._expire()
        await turn()

    def is_idle(self) -> bool:
        """Tell whether nothing is counted or kept any more."""
        batcher = self.batcher
        return not (batcher.waiting or batcher.waiting_bytes or batcher._recovering or batcher._repeats)

    def _observe(self, entries: object, results: object, seconds: float) -> None:
        del entries, seconds
        self.observed.append([type(result) for result in results])  # type: ignore[attr-defined]


@pytest.fixture
async def bench(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    """Give an idle batcher that knows the log's lives and looks often for new ones."""
    monkeypatch.setattr(module, "_WORKER_S", 0.001)
    made = Bench()
    await made.lives.renew()
    yield made
    assert made.is_idle()


async def test_a_cold_scope_costs_the_client_nothing(bench: Bench) -> None:
    """Restored, sent again, numbered; what travelled with it has its answer already."""
    bench.submit("cold")
    bench.submit("warm")
    await turn()

    await bench.decide(COLD, Appended(1, position(1)), appends=2)
    first = {name: list(answers) for name, answers in bench.answers.items()}
    await bench.decide(Appended(7, position(2)))

    assert first == {"cold": [], "warm": [Appended(1, position(1))]}
    assert bench.answers["cold"] == [Appended(7, position(2))]
    assert bench.log.batches[1] == [message("cold")]
    assert [len(restored) for _, _, restored in bench.feeding.restored] == [2]
    assert bench.observed == [[Refused, Appended], [Appended]]


async def test_a_chat_that_is_nowhere_is_gone(bench: Bench) -> None:
    """404, without another append."""
    bench.submit("gone", posted(("t", 2), "a"))
    await turn()
    await bench.decide(COLD)

    assert await bench.answered("gone") == Refused(Reason.CHAT_GONE)
    assert len(bench.log.batches) == 1


async def test_numbers_that_ran_out_are_followed_by_others_or_not(bench: Bench) -> None:
    """The database has more for one chat, and no more for the other."""
    bench.scopes.give("t", 2, until=500)
    bench.submit("more")
    bench.submit("no more", posted(("t", 2), "a"))
    await turn()
    await bench.decide(Refused(Reason.EXHAUSTED, 7, 900), Refused(Reason.EXHAUSTED, 7, 500), appends=2)
    await bench.decide(Appended(901, position(1)))

    assert bench.answers == {"more": [Appended(901, position(1))], "no more": [Refused(Reason.EXHAUSTED)]}


@pytest.mark.parametrize("payload", ["payload", "another payload"])
async def test_an_old_key_is_answered_from_the_database(bench: Bench, payload: str) -> None:
    """The first answer, or that the key was used; nothing is appended."""
    bench.scopes.keys["t", "messages", "k"] = KeyState(keyed("k").fingerprint, 5, position(9))
    bench.submit("a", message("a", keyed("k", payload)))
    await turn()
    await bench.decide(UNKNOWN)

    is_same = payload == "payload"
    assert await bench.answered("a") == (Replayed(5, position(9)) if is_same else Refused(Reason.KEY_REUSED))
    assert len(bench.log.batches) == 1


async def test_a_new_key_is_vouched_for_and_appended(bench: Bench) -> None:
    """After the database was asked."""
    bench.submit("a", message("a", keyed("k")))
    await turn()
    await bench.decide(UNKNOWN, appends=2)
    vouched = list(bench.feeding.vouched)
    await bench.decide(Appended(1, position(1)))

    assert vouched == [("t", "messages", "k", 7)]
    assert bench.answers["a"] == [Appended(1, position(1))]


async def test_an_entry_waits_for_the_logs_next_life(bench: Bench) -> None:
    """Sent again and again until it begins, then numbered in it."""
    bench.submit("a")
    await turn()
    for appends in (2, 3, 4):
        await bench.decide(EPOCH, appends=appends)
    bench.scopes.begin_life(2)
    await bench.decide(EPOCH, appends=5)
    await bench.decide(Appended(1, position(1, epoch=2)))

    assert bench.answers["a"] == [Appended(1, position(1, epoch=2))]
    assert len(bench.feeding.lives) == 2


async def test_an_entry_waits_no_longer_than_its_time_and_is_never_sent_again(bench: Bench) -> None:
    """503, because nothing was written: so nothing is written later either, when the new life begins."""
    bench.scopes.gate = asyncio.Event()
    bench.submit("a")
    bench.submit("patient", timeout_s=30)
    await turn()
    await bench.decide(EPOCH, EPOCH)

    await bench.expire(4.9)
    early = list(bench.answers["a"])
    await bench.expire(0.1)
    late = list(bench.answers["a"])
    counted = bench.batcher.waiting
    bench.scopes.begin_life(2)
    bench.scopes.gate.set()
    await bench.decide_next()

    assert early == []
    assert [type(answer) for answer in late] == [UnavailableError]
    assert counted == 2
    assert bench.log.batches[1:] == [[message("patient")]]
    assert len(bench.answers["a"]) == 1


async def test_an_entry_that_waits_to_be_sent_again_is_never_sent_after_its_time(bench: Bench) -> None:
    """It went back into the queue, behind two appends that are under way."""
    for name in ("one", "two"):
        bench.submit(name, timeout_s=60)
        await turn()
    bench.log.futures[0].set_result([COLD])
    bench.submit("three", timeout_s=60)
    await turn()
    bench.submit("four", timeout_s=60)
    for _ in range(20):
        await asyncio.sleep(0)

    await bench.expire(60)
    for future in bench.log.futures[1:]:
        future.set_result([Appended(1, position(1))])
    await turn()

    kinds = {name: type(answer) for name, (answer,) in bench.answers.items()}
    assert kinds == {
        "one": UnavailableError, "two": OutcomeUnknownError, "three": OutcomeUnknownError, "four": UnavailableError,
    }  # fmt: skip
    assert len(bench.log.batches) == 3


async def test_an_unknown_outcome_is_nobodys_when_the_log_refuses_after_all(bench: Bench) -> None:
    """Its client was told 504: it is not sent again."""
    bench.submit("a")
    await turn()
    await bench.expire(5)
    await bench.decide(COLD)
    await turn()

    assert [type(answer) for answer in bench.answers["a"]] == [OutcomeUnknownError]
    assert bench.scopes.needs == []
    assert len(bench.log.batches) == 1


@pytest.mark.parametrize("refused", [COLD, UNKNOWN, EPOCH])
async def test_a_database_that_is_away_is_unavailable(bench: Bench, refused: Refused) -> None:
    """503: certainly nothing was written."""
    bench.scopes.is_away = True
    bench.submit("a", message("a", keyed("k")))
    await turn()
    await bench.decide(refused)

    assert isinstance(await bench.answered("a"), UnavailableError)
    assert len(bench.log.batches) == 1


async def test_a_repeat_waits_for_the_first_while_that_is_decided(bench: Bench) -> None:
    """It is not sent beside it: the same key would be vouched for twice; then it is told the same."""
    entry = message("a", keyed("k"))
    bench.submit("first", entry)
    await turn()
    bench.scopes.gate = asyncio.Event()
    await bench.decide(UNKNOWN)
    bench.submit("repeat", entry)
    await turn()
    meanwhile = len(bench.log.batches)
    bench.scopes.gate.set()
    await bench.decide_next()

    assert (meanwhile, len(bench.log.batches)) == (1, 2)
    assert bench.answers == {"first": [Appended(1, position(1))], "repeat": [Replayed(1, position(1))]}
    assert len(bench.feeding.vouched) == 1


async def test_a_repeat_is_in_conflict_when_the_first_is_not_decided_in_time(bench: Bench) -> None:
    """409 for the repeat, 503 for the first; a patient repeat is sent itself when the first is given up."""
    entry = message("a", keyed("k"))
    bench.submit("first", entry)
    await turn()
    bench.scopes.gate = asyncio.Event()
    await bench.decide(UNKNOWN)
    bench.submit("repeat", entry)
    bench.submit("patient", entry, timeout_s=30)

    await bench.expire(5)
    kinds = {name: [type(answer) for answer in answers] for name, answers in bench.answers.items()}
    bench.scopes.gate.set()
    await bench.decide_next()

    assert kinds == {"first": [UnavailableError], "repeat": [ConflictError], "patient": []}
    assert bench.answers["patient"] == [Appended(1, position(1))]
    assert bench.log.batches == [[entry], [entry]]


async def test_who_is_answered_when_time_is_over_may_write_at_once(bench: Bench) -> None:
    """Under another key: the others that are overdue are told all the same."""
    bench.log.is_busy = True
    bench.submit("first", message("a", keyed("k")), timeout_s=60)
    bench.submit("other first", message("b", keyed("l")), timeout_s=60)
    seen: list[str] = []

    def next_request(_: object) -> None:
        seen.append("told")
        bench.submit("next", message("c", keyed("m")), timeout_s=60)

    bench.batcher.submit(message("a", keyed("k")), 10, 5, next_request)
    bench.submit("other repeat", message("b", keyed("l")))
    await turn()
    await bench.expire(5)
    bench.log.begin()
    for future in bench.log.futures:
        count = len(bench.log.batches[bench.log.futures.index(future)])
        future.set_result([Appended(1, position(1))] * count)
    await turn()

    assert seen == ["told"]
    assert [type(answer) for answer in bench.answers["other repeat"]] == [ConflictError]
    assert bench.answers["next"] == [Appended(1, position(1))]


async def test_a_stopping_server_waits_for_what_is_being_decided(bench: Bench) -> None:
    """Also when nothing is under way on the log."""
    bench.scopes.gate = asyncio.Event()
    bench.submit("a")
    await turn()
    await bench.decide(COLD)
    drained = asyncio.ensure_future(bench.batcher.drained())
    await turn()
    waits = not drained.done()
    bench.scopes.gate.set()
    await bench.decide_next()
    await asyncio.wait_for(drained, 5)

    assert waits
    assert bench.answers["a"] == [Appended(1, position(1))]


async def test_those_that_are_too_late_are_told_in_the_order_of_their_coming(bench: Bench) -> None:
    """And not in the order of their addresses: the simulation found two traces of one seed."""
    told: list[int] = []
    for place in range(100):
        bench.batcher.submit(message(f"m{place}"), 10, 5, lambda _, place=place: told.append(place))  # type: ignore[misc]
    await turn()
    bench.log.futures[-1].set_result([EPOCH] * 100)
    while not bench.batcher._recovering:
        await turn()

    await bench.expire(6)
    while bench.batcher._recovering:
        await turn()

    assert told == list(range(100))


async def test_without_a_recovery_a_refusal_is_an_answer() -> None:
    """An embedded log has nothing to recover from."""
    log, answers = HeldLog(), list[Outcome | ParleyError]()
    batcher = Batcher(log, BatchLimits(1, 1), StillClock(), lambda _, __, ___: None)
    batcher.submit(message("a"), 1, 5, answers.append)
    await turn()
    log.futures[-1].set_result([COLD])
    await turn()

    assert answers == [COLD]
