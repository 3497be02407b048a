"""What a log of its own could not decide: what the database is asked, what the log is told, what becomes of each."""

from __future__ import annotations

import asyncio

import pytest

from parley.domain.errors import ConflictError, ParleyError, UnavailableError
from parley.domain.events import ChatCreated, Entry, MessageEdited
from parley.domain.grants import Life, Need, ScopeName
from parley.domain.numbering import KeyState, Outcome, Reason, Refused, Replayed
from parley.domain.partitions import partition_of
from parley.ingest.lives import PresentLives
from parley.ingest.recovery import Case, Recovery
from tests.support.ports import keyed, posted
from tests.unit.ingest.doubles import message
from tests.unit.ingest.doubles_recovery import DictFeeding, DictScopes, position

A, B = "first", "second"
"""Of two partitions."""
COLD, UNKNOWN = Refused(Reason.COLD, 7), Refused(Reason.KEY_UNKNOWN, 7)
EPOCH = Refused(Reason.EPOCH)
APPLICATION_A, CHAT_A = ScopeName(A, None), ScopeName(A, 1)

AGAIN = "again"


def exhausted(until: int) -> Refused:
    """Make the refusal of a log that may give numbers up to ``until``."""
    return Refused(Reason.EXHAUSTED, 7, until)


class Ward:
    """A recovery between a database and a log."""

    def __init__(self) -> None:
        """Begin without cases."""
        self.scopes, self.feeding = DictScopes(), DictFeeding()
        self.lives = PresentLives(self.scopes, self.feeding)
        self.recovery = Recovery(self.scopes, self.feeding, self.lives)

    async def begin(self) -> None:
        """Name the lives, as a process does that starts."""
        await self.lives.renew()

    async def settle(self, *cases: tuple[Entry, Refused]) -> list[Outcome | ParleyError | str]:
        """Give what became of entries that were refused in one turn."""
        futures = [asyncio.get_running_loop().create_future() for _ in cases]
        for (entry, refused), future in zip(cases, futures, strict=True):
            self.recovery.take(Case(entry, refused, future.set_result))
        found = await asyncio.wait_for(asyncio.gather(*futures), 5)
        return [AGAIN if each is None else each for each in found]


@pytest.fixture
async def ward() -> Ward:
    """Give a recovery that knows the lives."""
    made = Ward()
    await made.begin()
    assert partition_of(A, 2) != partition_of(B, 2)
    return made


async def test_a_cold_scope_is_restored_and_the_entry_sent_again(ward: Ward) -> None:
    """With its application, under the refusal's stamp, in its partition."""
    ward.scopes.give(A, None)
    ward.scopes.give(A, 1)

    assert await ward.settle((posted((A, 1), "a", "b"), COLD)) == [AGAIN]
    assert ward.scopes.needs == [{APPLICATION_A: Need(APPLICATION_A, 1, 0, 0), CHAT_A: Need(CHAT_A, 1, 0, 2)}]
    known = ward.scopes.known
    assert ward.feeding.restored == [(partition_of(A, 2), 7, [known[APPLICATION_A], known[CHAT_A]])]


async def test_those_of_one_turn_are_asked_for_together(ward: Ward) -> None:
    """Each scope once, with the most that anybody wants; each partition is told once a stamp."""
    for token in (A, B):
        ward.scopes.give(token, None)
        ward.scopes.give(token, 1)
    edit = Entry(A, 1, MessageEdited("b"), 3)

    found = await ward.settle(
        (posted((A, 1), "a", "b", "c"), COLD),
        (edit, COLD),
        (Entry(A, None, ChatCreated()), COLD),
        (edit, COLD._replace(stamp=8)),
        (posted((B, 1), "a"), COLD),
    )

    assert found == [AGAIN] * 5
    (needs,) = ward.scopes.needs
    assert {name: need.wanted for name, need in needs.items()} == {
        APPLICATION_A: 1, CHAT_A: 3, ScopeName(B, None): 0, ScopeName(B, 1): 1,
    }  # fmt: skip
    told = [(partition, stamp, len(scopes)) for partition, stamp, scopes in ward.feeding.restored]
    assert sorted(told) == sorted([(partition_of(A, 2), 7, 2), (partition_of(A, 2), 8, 2), (partition_of(B, 2), 7, 2)])


@pytest.mark.parametrize("is_away", [False, True])
async def test_a_scope_is_asked_for_once_at_a_time(ward: Ward, is_away: bool) -> None:  # noqa: FBT001
    """Who comes meanwhile waits for the same answer; who wants another scope is asked for beside."""
    for token, chat in ((A, None), (A, 1), (A, 2)):
        ward.scopes.give(token, chat, until=2_000)
    ward.scopes.gate, ward.scopes.is_away = asyncio.Event(), is_away
    turns = []
    for case in ((posted((A, 1), "a"), COLD), (posted((A, 1), "b"), exhausted(9)), (posted((A, 2), "c"), COLD)):
        turns.append(asyncio.create_task(ward.settle(case)))
        for _ in range(5):
            await asyncio.sleep(0)

    ward.scopes.gate.set()
    found = [(await turn)[0] for turn in turns]

    assert [CHAT_A in needs for needs in ward.scopes.needs] == [True, False]
    assert [type(each) for each in found] == [UnavailableError if is_away else str] * 3
    ward.scopes.is_away = False
    assert await ward.settle((posted((A, 1), "d"), COLD)) == [AGAIN]
    assert CHAT_A in ward.scopes.needs[-1]


@pytest.mark.parametrize("is_closed", [True, False])
async def test_what_is_not_there_is_gone(ward: Ward, is_closed: bool) -> None:  # noqa: FBT001
    """Deleted, or without a row; the log is told of those that are there, and nothing of these."""
    ward.scopes.give(A, None)
    if is_closed:
        ward.scopes.give(A, 1, closed=True)
        ward.scopes.give(B, None, closed=True)
        ward.scopes.give(B, 1)
    ward.scopes.give(A, 2)

    found = await ward.settle(
        (message("a", application=A), COLD),
        (message("a", application=B), COLD),
        (Entry(B, None, ChatCreated()), COLD),
        (posted((A, 2), "a"), COLD),
    )

    gone = Refused(Reason.APPLICATION_GONE)
    assert found == [Refused(Reason.CHAT_GONE), gone, gone, AGAIN]
    assert [[known.name for known in scopes] for _, _, scopes in ward.feeding.restored] == [
        [APPLICATION_A, ScopeName(A, 2)]
    ]


async def test_a_used_up_grant_is_followed_by_another(ward: Ward) -> None:
    """Only the scope that counts is asked for, from where the log may go."""
    ward.scopes.give(A, 1, until=2_000)
    ward.scopes.give(B, None, until=2_000)

    found = await ward.settle(
        (posted((A, 1), "a", "b"), exhausted(1_000)),
        (posted((A, 1), "c"), exhausted(1_500)),
        (Entry(B, None, ChatCreated()), exhausted(1_000)),
    )

    assert found == [AGAIN] * 3
    assert ward.scopes.needs == [
        {CHAT_A: Need(CHAT_A, 1, 1_500, 2), ScopeName(B, None): Need(ScopeName(B, None), 1, 1_000, 1)}
    ]


async def test_a_scope_without_numbers_is_exhausted(ward: Ward) -> None:
    """The database gave nothing beyond what the log has; others get theirs."""
    ward.scopes.give(A, 1, until=1_000)
    ward.scopes.give(A, None, until=1_000)
    ward.scopes.give(B, 1, until=1_001)

    found = await ward.settle(
        (posted((A, 1), "a"), exhausted(1_000)),
        (posted((B, 1), "a"), exhausted(1_000)),
        (Entry(A, None, ChatCreated()), exhausted(1_000)),
    )

    assert found == [Refused(Reason.EXHAUSTED), AGAIN, Refused(Reason.EXHAUSTED)]


async def test_a_new_chat_gets_its_number_beside_posts_into_cold_chats(ward: Ward) -> None:
    """The posts need the application, too, but no number of it: nobody takes the other's question away."""
    ward.scopes.give(A, None, until=2_000)
    ward.scopes.give(A, 1)

    found = await ward.settle(
        (Entry(A, None, ChatCreated()), exhausted(1_000)), (posted((A, 1), "a"), COLD), (posted((A, 1), "b"), COLD)
    )

    assert found == [AGAIN] * 3
    asked = [needs[APPLICATION_A] for needs in ward.scopes.needs]
    assert sorted(asked) == [Need(APPLICATION_A, 1, 0, 0), Need(APPLICATION_A, 1, 1_000, 1)]


async def test_a_new_chat_whose_first_numbers_are_used_up_waits_for_its_row(ward: Ward) -> None:
    """It was acknowledged, so it is there, whatever the database says of it: sent again, not told that it is gone."""
    before = await ward.settle((posted((A, 1), "a"), exhausted(1_000)))
    ward.scopes.give(A, 1, until=2_000)

    after = await ward.settle((posted((A, 1), "a"), exhausted(1_000)))

    assert before == after == [AGAIN]
    assert [known.until for _, _, some in ward.feeding.restored for known in some] == [2_000]


async def test_an_old_key_is_found_in_the_database(ward: Ward) -> None:
    """The first answer again, or the key was used with another payload; one question for all."""
    entry, other = message("a", keyed("k"), A), message("b", keyed("k", "another payload"), A)
    ward.scopes.keys[A, "messages", "k"] = KeyState(keyed("k").fingerprint, 5, position(9))

    found = await ward.settle((entry, UNKNOWN), (other, UNKNOWN))

    assert found == [Replayed(5, position(9)), Refused(Reason.KEY_REUSED)]
    assert len(ward.scopes.key_lookups) == 1
    assert ward.feeding.vouched == []


async def test_a_key_that_nobody_knows_is_vouched_for(ward: Ward) -> None:
    """Under the refusal's stamp, and the entry is sent again."""
    assert await ward.settle((message("a", keyed("k"), A), UNKNOWN)) == [AGAIN]
    assert ward.feeding.vouched == [(A, "messages", "k", 7)]


async def test_a_new_life_is_adopted(ward: Ward) -> None:
    """And the entry sent again at once."""
    ward.scopes.begin_life(2)

    assert await ward.settle((message("a", application=A), EPOCH)) == [AGAIN]
    assert ward.feeding.lives[-1] == {0: Life(2, "run"), 1: Life(2, "run")}


async def test_a_life_that_has_not_begun_is_waited_for_a_moment(ward: Ward) -> None:
    """Nothing is named anew to the log; the next refusal looks again."""
    looks = ward.scopes.looks

    assert await ward.settle((message("a", application=A), EPOCH), (message("b", application=B), EPOCH)) == [AGAIN] * 2
    assert ward.scopes.looks == looks + 1
    assert len(ward.feeding.lives) == 1


async def test_a_grant_of_a_later_epoch_is_asked_for_in_it(ward: Ward) -> None:
    """The database says that the epoch moved on: the life is adopted first."""
    ward.scopes.give(A, None)
    ward.scopes.give(A, 1)
    ward.scopes.errors = [ConflictError("another epoch")]
    ward.scopes.begin_life(2)
    entry = posted((A, 1), "a")

    assert await ward.settle((entry, COLD)) == [AGAIN]
    assert ward.feeding.restored == []
    assert await ward.settle((entry, COLD)) == [AGAIN]
    assert ward.scopes.needs[-1][CHAT_A].epoch == 2


@pytest.mark.parametrize("refused", [COLD, UNKNOWN, EPOCH, exhausted(9)])
async def test_a_database_that_is_away_is_everybodys_answer(ward: Ward, refused: Refused) -> None:
    """503: certainly nothing was written; other cases are decided by what they need."""
    ward.scopes.is_away = True
    entry = message("a", keyed("k"), A)

    found = await ward.settle((entry, refused), (entry, refused))

    assert [type(each) for each in found] == [UnavailableError] * 2


async def test_a_log_that_is_away_when_it_is_told_is_everybodys_answer(ward: Ward) -> None:
    """503, too."""
    ward.scopes.give(A, None)
    ward.scopes.give(A, 1)
    ward.feeding.error = UnavailableError("away")

    assert [type(each) for each in await ward.settle((message("a", application=A), COLD))] == [UnavailableError]


async def test_a_fault_is_told_to_the_loop_and_nothing_of_it_to_clients(
    ward: Ward, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for ever."""

    async def fail(names: object) -> None:
        raise KeyError(names)

    monkeypatch.setattr(ward.scopes, "find_keys", fail)
    told: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context["exception"]))

    found = await ward.settle((message("a", keyed("k"), A), UNKNOWN))
    await asyncio.sleep(0)

    assert [str(each) for each in found] == ["Internal error"]
    assert not ward.recovery._tasks
