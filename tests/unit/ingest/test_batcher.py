"""Group commit over a log under the test's control, by a clock that the test moves."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from parley.domain.errors import ConflictError, OutcomeUnknownError, ParleyError, UnavailableError
from parley.domain.events import Entry
from parley.domain.numbering import Appended, Outcome, Replayed
from parley.ingest.batch import BatchLimits
from parley.ingest.batcher import Batcher
from tests.support.ports import keyed
from tests.unit.ingest.doubles import HeldLog, message, turn
from tests.unit.workers.doubles import StillClock

MIB = 1024 * 1024


class Bench:
    """A batcher, its log, and what it answered, by body."""

    def __init__(self, at_once: int = 1) -> None:
        """Begin idle, over a log that takes so many appends at once."""
        self.clock, self.log = StillClock(), HeldLog()
        self.log.at_once = at_once
        self.observed: list[tuple[int, list[type], float, int]] = []
        self.observer_fails = False
        self.batcher = Batcher(self.log, BatchLimits(256, MIB), self.clock, self.observe)
        self.answers: dict[str, list[Outcome | ParleyError]] = {}

    def observe(self, entries: Sequence[Entry], results: Sequence[Outcome | ParleyError], seconds: float) -> None:
        """Remember what an append came to, and how many had been answered by then."""
        answered = sum(map(bool, self.answers.values()))
        self.observed.append((len(entries), [type(result) for result in results], seconds, answered))
        if self.observer_fails:
            raise ZeroDivisionError

    def submit(self, name: str, entry: Entry | None = None, size: int = 100, timeout_s: float = 5) -> None:
        """Hand in an entry; its answers are collected under a name."""
        answers = self.answers.setdefault(name, [])
        self.batcher.submit(entry or message(name), size, timeout_s, answers.append)

    async def expire(self, seconds: float) -> None:
        """Let time pass, and look for what is overdue as the timer does."""
        self.clock.move(seconds)
        self.batcher._expire()
        await turn()

    def sizes(self) -> list[int]:
        """Give how many entries each append carried."""
        return [len(batch) for batch in self.log.batches]

    def kinds(self) -> dict[str, list[type]]:
        """Give the kinds of answers."""
        return {name: [type(answer) for answer in answers] for name, answers in self.answers.items()}


@pytest.fixture
async def bench() -> Bench:
    """Give an idle batcher."""
    return Bench()


async def test_entries_of_one_turn_travel_together(bench: Bench) -> None:
    """One append for what arrived in a loop turn, sent at the turn's end without any delay."""
    for name in "abc":
        bench.submit(name)
    at_once = bench.sizes()
    await turn()

    assert at_once == []
    assert bench.sizes() == [3]
    assert bench.answers == {"a": [], "b": [], "c": []}

    bench.clock.move(2)
    await bench.log.settle()

    numbers = [outcome.number for (outcome,) in bench.answers.values() if isinstance(outcome, Appended)]
    assert numbers == [1, 2, 3]
    assert bench.observed == [(3, [Appended] * 3, 2.0, 0)]


async def test_all_get_their_answers_when_the_observer_fails(bench: Bench) -> None:
    """The loop is told of its failure; those who wait have nothing to do with it."""
    told: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context["exception"]))
    bench.observer_fails = True
    for name in "ab":
        bench.submit(name)
    await turn()

    await bench.log.settle()

    assert bench.kinds() == {"a": [Appended], "b": [Appended]}
    assert [type(error) for error in told] == [ZeroDivisionError]


@pytest.mark.parametrize(
    ("count", "expected"), [(16, [16]), (20, [16, 4]), (40, [20, 20]), (41, [21, 20]), (600, [256, 256, 88])]
)
async def test_what_waits_is_divided_by_the_appends_that_may_begin(count: int, expected: list[int]) -> None:
    """So that the log works on one while the other's answers are written; a few are not worth two calls."""
    bench = Bench(at_once=2)
    for number in range(count):
        bench.submit(f"{number}")
    await turn()

    assert bench.sizes() == expected


async def test_what_waits_behind_an_append_travels_whole() -> None:
    """Where one more may begin there is nothing to divide."""
    bench = Bench(at_once=2)
    for number in range(41):
        bench.submit(f"{number}")
        if not number:
            await turn()
    await turn()

    assert bench.sizes() == [1, 40]


async def test_two_appends_are_in_flight_at_most(bench: Bench) -> None:
    """What comes while two are under way gathers, and leaves as one when either is done."""
    for name in "abcde":
        bench.submit(name)
        await turn()
    gathered = bench.sizes()

    await bench.log.settle(1)

    assert gathered == [1, 1]
    assert bench.sizes() == [1, 1, 3]
    assert bench.answers["a"] == []
    assert [len(bench.answers[name]) for name in "bcde"] == [1, 0, 0, 0]


async def test_what_comes_while_a_batch_waits_for_the_log_travels_with_it(bench: Bench) -> None:
    """A batch is open until the log begins with it, and not a moment longer."""
    bench.log.is_busy = True
    for name in "abc":
        bench.submit(name)
        await turn()
    bench.log.begin()
    bench.submit("d")
    await turn()
    bench.log.begin()

    assert bench.sizes() == [3, 1]

    await bench.log.settle(0)
    await bench.log.settle(1)

    assert bench.kinds() == {name: [Appended] for name in "abcd"}


async def test_an_entry_in_an_open_batch_was_certainly_not_sent(bench: Bench) -> None:
    """Overdue before the log began: 503, and the log never sees it."""
    bench.log.is_busy = True
    bench.submit("a", timeout_s=1)
    bench.submit("b")
    await turn()

    await bench.expire(2)
    bench.log.begin()
    await bench.log.settle(0)

    assert bench.kinds() == {"a": [UnavailableError], "b": [Appended]}
    assert bench.sizes() == [1]
    assert bench.batcher.waiting == 0


async def test_an_append_has_a_bound_of_entries(bench: Bench) -> None:
    """256 entries and not one more travel together."""
    for index in range(600):
        bench.submit(str(index))
    await turn()
    await bench.log.settle(0)

    assert bench.sizes() == [256, 256, 88]


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([MIB // 2, MIB // 2, 1], [2, 1]),
        ([MIB, 0, 1], [2, 1]),
        ([1, MIB, 1], [1, 1]),
        ([5 * MIB, 1], [1, 1]),
        ([1, 5 * MIB], [1, 1]),
    ],
)
async def test_an_append_has_a_bound_of_bytes(bench: Bench, sizes: list[int], expected: list[int]) -> None:
    """1 MiB travels together; an entry above it travels alone."""
    for index, size in enumerate(sizes):
        bench.submit(str(index), size=size)
    await turn()

    assert bench.sizes() == expected


async def test_what_waits_is_counted(bench: Bench) -> None:
    """Entries and bytes count from submission to outcome, repeats of a key included."""
    bench.submit("a", message("a", keyed("k")), size=10)
    bench.submit("b", message("b", keyed("k", "another payload")), size=10)
    bench.submit("c", size=5)
    counted = bench.batcher.waiting, bench.batcher.waiting_bytes
    await turn()
    await bench.log.settle()
    after_first = bench.batcher.waiting, bench.batcher.waiting_bytes
    await bench.log.settle()

    assert counted == (3, 25)
    assert after_first == (1, 10)
    assert (bench.batcher.waiting, bench.batcher.waiting_bytes) == (0, 0)


@pytest.mark.parametrize(
    "error", [UnavailableError("away"), OutcomeUnknownError("the commit failed"), ParleyError("Internal error")]
)
async def test_a_failed_append_is_everybodys_answer(bench: Bench, error: ParleyError) -> None:
    """The log's own error says what is certain; the next append goes on."""
    bench.submit("a", message("a", keyed("k")))
    bench.submit("b")
    await turn()
    await bench.log.settle(0, error)
    bench.submit("c", message("a", keyed("k")))
    await turn()
    await bench.log.settle(1)

    assert bench.answers["a"] == bench.answers["b"] == [error]
    assert bench.kinds()["c"] == [Appended]


async def test_a_fault_in_an_append_is_told_to_the_loop_and_nothing_of_it_to_clients(bench: Bench) -> None:
    """An exception that is none of ours becomes an internal error, once a request."""
    seen: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: seen.append(context))
    bench.submit("a")
    await turn()

    await bench.log.settle(0, KeyError("secret"))

    assert [str(answer) for answer in bench.answers["a"]] == ["Internal error"]
    assert isinstance(seen[0]["exception"], KeyError)


async def test_a_fault_in_one_answer_does_not_cost_the_batch_the_others(bench: Bench) -> None:
    """Whoever fails to take an outcome fails alone, and what waits goes on being counted right."""
    seen: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: seen.append(context))

    def fail(_: object) -> None:
        raise ValueError("cannot write the answer")

    bench.batcher.submit(message("a"), 1, 5, fail)
    bench.submit("b")
    await turn()
    await bench.log.settle()

    assert bench.kinds() == {"b": [Appended]}
    assert isinstance(seen[0]["exception"], ValueError)
    assert bench.batcher.waiting == 0


async def test_an_entry_that_was_never_sent_is_unavailable_in_time(bench: Bench) -> None:
    """503 says that nothing was written: it is not sent later either."""
    for name in ("first", "second"):
        bench.submit(name, timeout_s=60)
        await turn()
    bench.submit("late", timeout_s=5)
    bench.submit("patient", timeout_s=30)

    await bench.expire(4.9)
    early = bench.answers["late"].copy()
    await bench.expire(0.1)
    await bench.log.settle(0)

    assert early == []
    assert bench.kinds() == {"first": [Appended], "second": [], "late": [UnavailableError], "patient": []}
    assert [entry.what for entry in bench.log.batches[2]] == [message("patient").what]


async def test_an_entry_that_was_sent_is_unknown_in_time(bench: Bench) -> None:
    """504 once; the outcome that comes after is nobody's, and until then it counts as waiting."""
    bench.submit("a", timeout_s=5)
    bench.submit("b", timeout_s=30)
    await turn()

    await bench.expire(5)
    waiting = bench.batcher.waiting
    await bench.log.settle()

    assert bench.kinds() == {"a": [OutcomeUnknownError], "b": [Appended]}
    assert waiting == 2
    assert bench.batcher.waiting == 0


async def test_a_repeat_waits_for_the_first(bench: Bench) -> None:
    """The same key is not sent beside itself; who asked for the same is told the same, and the log decides others."""
    entry, other = message("a", keyed("k")), message("b", keyed("k", "another payload"))
    bench.submit("first", entry)
    bench.submit("same turn", entry)
    await turn()
    bench.submit("next turn", other)
    bench.submit("another key", message("c", keyed("l")))
    bench.submit("another application", message("a", keyed("k"), application="u"))
    bench.submit("another route", message("a", keyed("k", route="bulk")))
    await turn()
    sent = bench.sizes()

    await bench.log.settle(0)

    assert sent == [1, 3]
    assert bench.log.batches[2] == [other]
    await bench.log.settle(2)
    assert bench.kinds()["first"] == bench.kinds()["next turn"] == [Appended]
    assert bench.answers["same turn"] == [Replayed(*bench.answers["first"][0])]  # type: ignore[misc]  # an Appended


async def test_many_repeats_cost_one_append(bench: Bench) -> None:
    """However many ask for the same at once; and if the first fails, only the next one is sent."""
    entry = message("a", keyed("k"))
    for number in range(1_000):
        bench.submit(f"{number}", entry, size=10)
    await turn()
    await bench.log.settle(0, UnavailableError("away"))
    counted = bench.batcher.waiting, bench.batcher.waiting_bytes
    await bench.log.settle(1)

    assert (bench.sizes(), counted) == ([1, 1], (999, 9_990))
    assert list(bench.kinds().values()) == [[UnavailableError], *[[Replayed]] * 998, [Appended]]
    assert bench.batcher.waiting == bench.batcher.waiting_bytes == 0


async def test_a_repeat_is_in_conflict_when_the_first_takes_too_long(bench: Bench) -> None:
    """409 after its own time, while the first is unknown; who waits for longer is told what became of it."""
    entry = message("a", keyed("k"))
    bench.submit("first", entry, timeout_s=5)
    await turn()
    bench.submit("repeat", entry, timeout_s=5)
    bench.submit("patient repeat", entry, timeout_s=30)

    await bench.expire(5)
    await bench.log.settle()

    kinds = {"first": [OutcomeUnknownError], "repeat": [ConflictError], "patient repeat": [Replayed]}
    assert bench.kinds() == kinds
    assert bench.sizes() == [1]
    assert bench.batcher.waiting == bench.batcher.waiting_bytes == 0


async def test_a_repeat_is_sent_itself_when_the_first_never_was(bench: Bench) -> None:
    """The first gave up in the queue: its key was not used up."""
    for name in ("one", "two"):
        bench.submit(name, timeout_s=60)
        await turn()
    entry = message("a", keyed("k"))
    bench.submit("first", entry, timeout_s=1)
    bench.submit("repeat", entry, timeout_s=30)

    await bench.expire(1)
    await bench.log.settle(0)
    await bench.log.settle(2)

    assert bench.kinds()["first"] == [UnavailableError]
    assert bench.kinds()["repeat"] == [Appended]


async def test_overdue_entries_are_looked_for_by_a_timer(bench: Bench) -> None:
    """Nobody else has to ask: the loop's own timer finds them, and ends when nothing waits."""
    answered = asyncio.Event()
    bench.batcher.submit(message("a"), 1, 0, lambda _: answered.set())

    await asyncio.wait_for(answered.wait(), 5)
    await bench.log.settle()
    await bench.expire(0)

    assert bench.batcher._sweep is None


async def test_a_stopping_server_waits_until_every_entry_has_its_outcome(bench: Bench) -> None:
    """Pending entries are sent, repeats too, before `drained` returns."""
    bench.submit("a", message("a", keyed("k")))
    bench.submit("b", message("b", keyed("k", "another payload")))
    drained = asyncio.ensure_future(bench.batcher.drained())
    await turn()
    await bench.log.settle()
    still_waiting = not drained.done()
    await turn()
    await bench.log.settle()

    await asyncio.wait_for(drained, 5)

    assert still_waiting
    assert bench.kinds() == {"a": [Appended], "b": [Appended]}
