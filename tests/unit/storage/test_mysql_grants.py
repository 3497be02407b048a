"""How many numbers a log gets next, and which are void: over rows as they may stand."""

from __future__ import annotations

import pytest

from parley.domain.events import NUMBER_LIMIT
from parley.domain.grants import FIRST_GRANT, Known, Need, ScopeName
from parley.storage.mysql.grants import Standing, grant

NAME = ScopeName("token", 1)
NOW = 1_000_000
NEW = Standing(1, 1, is_gone=False, granted_until=0, granted_at=0, grant_size=0, log_epoch=0, log_first=1, log_until=0,
               last_number=0)  # fmt: skip
CHAT = NEW._replace(granted_until=1_000, granted_at=NOW - 61_000, grant_size=1_000, log_epoch=3, log_until=1_000)


def need(until: int = 0, wanted: int = 1, epoch: int = 3) -> Need:
    """Need some numbers of the scope."""
    return Need(NAME, epoch, until, wanted)


def known(last: int, first: int, until: int, *, closed: bool = False) -> Known:
    """Know this of the scope."""
    return Known(NAME, closed, last, first, until)


def test_a_scope_that_has_never_given_a_number_gets_the_first_grant() -> None:
    """From 1 on, and nothing is void."""
    granted = grant(NEW, need(), NOW)

    assert granted.known == known(0, 1, FIRST_GRANT)
    assert granted.void is None
    assert granted.standing == NEW._replace(
        granted_until=1_000, granted_at=NOW, grant_size=1_000, log_epoch=3, log_until=1_000
    )


def test_a_log_that_has_let_go_of_a_scope_gets_the_present_grant_again() -> None:
    """All of it, with the highest number that is stored; nothing new is given."""
    standing = CHAT._replace(last_number=70)

    granted = grant(standing, need(), NOW)

    assert granted == (standing, known(70, 1, 1_000), None)


def test_a_grant_that_follows_the_last_one_goes_on_from_it() -> None:
    """The asker is told of what it lacks alone; one who has let go of everything is told of both."""
    granted = grant(CHAT._replace(last_number=900), need(until=1_000), NOW)

    assert granted.known == known(900, 1_001, 2_000)
    assert granted.standing.log_first == 1
    assert grant(granted.standing, need(), NOW).known == known(900, 1, 2_000)


def test_two_who_ask_with_the_same_end_get_the_same_grant() -> None:
    """The second finds what the first got; only who has used that up gets more."""
    first = grant(CHAT, need(until=1_000), NOW)
    second = grant(first.standing, need(until=1_000), NOW)
    third = grant(second.standing, need(until=2_000), NOW + 90_000)

    assert second == (first.standing, first.known, None)
    assert third.known == known(0, 2_001, 3_000)


@pytest.mark.parametrize(
    ("size", "age_ms", "expected"),
    [
        (1_000, 60_000, 2_000),
        (1_000, 60_001, 1_000),
        (256_000, 0, 500_000),
        (500_000, 1, 500_000),
        (8_000, 70_000, 1_000),
    ],
)
def test_a_grant_doubles_while_each_is_used_up_within_a_minute(size: int, age_ms: int, expected: int) -> None:
    """Up to half a million; after a slow one it starts again."""
    standing = CHAT._replace(grant_size=size, granted_at=NOW - age_ms)

    granted = grant(standing, need(until=1_000), NOW)

    assert granted.standing.grant_size == expected
    assert granted.known.until == 1_000 + expected


def test_a_bulk_larger_than_the_grant_gets_what_it_wants() -> None:
    """All of its numbers must come from one grant."""
    assert grant(CHAT, need(until=1_000, wanted=1_500), NOW).known == known(0, 1_001, 2_500)


def test_a_new_epoch_voids_what_the_last_one_did_not_use() -> None:
    """From the last number that is stored to the end of all that was ever given; it counts as explained then."""
    granted = grant(CHAT._replace(last_number=70), need(epoch=4), NOW)

    assert granted.void == (71, 1_000)
    assert granted.known == known(1_000, 1_001, 2_000)
    assert granted.standing[3:] == (2_000, NOW, 1_000, 4, 1_001, 2_000, 1_000, 0)


def test_epochs_without_a_number_void_nothing_twice() -> None:
    """The ranges of the gap ledger never overlap."""
    second = grant(CHAT._replace(last_number=70), need(epoch=4), NOW)
    third = grant(second.standing, need(epoch=5), NOW)

    assert third.void == (1_001, 2_000)
    assert third.known == known(2_000, 2_001, 4_000)


def test_a_grant_that_was_used_up_voids_nothing() -> None:
    """The last number that was given is stored."""
    assert grant(CHAT._replace(last_number=1_000), need(epoch=4), NOW).void is None


@pytest.mark.parametrize("epoch", [3, 4])
def test_one_who_needs_no_number_is_given_none(epoch: int) -> None:
    """It is told that the scope is there; a new epoch begins for the scope when a number is needed."""
    standing = CHAT._replace(last_number=70)

    granted = grant(standing, need(wanted=0, epoch=epoch), NOW)
    asked_again = grant(granted.standing, need(until=granted.known.until, epoch=epoch), NOW)

    assert granted.standing == standing
    assert granted.void is None
    assert granted.known == (known(70, 1, 1_000) if epoch == 3 else known(1_000, 1_001, 1_000))
    assert asked_again.known.first == granted.known.until + 1 == 1_001


def test_a_deleted_scope_is_closed() -> None:
    """Whatever is needed of it; what it gave stays as it is."""
    standing = CHAT._replace(is_gone=True, last_number=70)

    assert grant(standing, need(epoch=4), NOW) == (standing, known(70, 71, 70, closed=True), None)


def test_a_scope_ends_with_its_last_number() -> None:
    """The last grant is short, then there is nothing more."""
    standing = CHAT._replace(granted_until=NUMBER_LIMIT - 10, log_until=NUMBER_LIMIT - 10, last_number=5)

    last = grant(standing, need(until=NUMBER_LIMIT - 10, wanted=1_000), NOW)
    beyond = grant(last.standing, need(until=NUMBER_LIMIT), NOW)

    assert last.known == known(5, NUMBER_LIMIT - 9, NUMBER_LIMIT)
    assert beyond.known.until == NUMBER_LIMIT
    assert beyond.standing == last.standing


def test_a_database_that_was_put_back_gives_no_number_twice() -> None:
    """A log that has numbers which this database never gave goes on behind them."""
    granted = grant(CHAT, need(until=7_000), NOW)

    assert granted.known == known(0, 7_001, 8_000)
    assert granted.standing.granted_until == 8_000


def test_grants_that_do_not_follow_each_other_are_told_apart() -> None:
    """As when numbers in between went elsewhere: the next grant begins behind those."""
    granted = grant(CHAT._replace(granted_until=3_000), need(until=1_000), NOW)

    assert granted.known == known(0, 3_001, 4_000)
    assert granted.standing.log_first == 3_001


def test_a_scope_goes_on_above_what_a_restore_burnt() -> None:
    """All numbers up to there are void, once: the next grant follows, also in another epoch."""
    standing = CHAT._replace(last_number=70, burnt=5_000)

    asked = grant(standing, need(wanted=0, epoch=4), NOW, burn=7_000)
    granted = grant(standing, need(epoch=4), NOW, burn=7_000)
    later = grant(granted.standing, need(epoch=5), NOW, burn=7_000)

    assert asked == (standing, known(3_000, 3_001, 3_000), None)
    assert granted.void == (71, 3_000)
    assert granted.known == known(3_000, 3_001, 4_000)
    assert later.void == (3_001, 4_000)
    assert later.known.first == 4_001


def test_a_scope_that_is_younger_than_the_restore_burns_nothing() -> None:
    """It was made with all that was burnt before."""
    granted = grant(NEW._replace(burnt=7_000), need(), NOW, burn=7_000)

    assert granted.known == known(0, 1, 1_000)
    assert granted.void is None


def test_a_scope_without_room_for_what_is_burnt_has_no_number_left() -> None:
    """Rather none than one that was given before."""
    standing = CHAT._replace(granted_until=NUMBER_LIMIT - 10, last_number=5)

    granted = grant(standing, need(epoch=4), NOW, burn=1_000)

    assert granted.known.until == granted.known.last == NUMBER_LIMIT
    assert granted.standing == standing
