"""The contract of tenants: applications made once a key, listed in their order, gone when deleted."""

from __future__ import annotations

import asyncio

import pytest

from parley.domain.errors import KeyReusedError, NotFoundError
from parley.domain.events import ChatCreated, ChatDeleted, Entry
from parley.domain.model import Application
from parley.domain.partitions import partition_of
from tests.support.ports import KEY_TTL_S, PARTITIONS, Profile, keyed
from tests.unit.workers.doubles import BEGAN_AT, StillClock


async def test_an_application_is_there_as_it_was_made(ports: Profile) -> None:
    """At once, with a token of its own, also after a restart; names need not differ."""
    made = [(await ports.tenants.create("same name 🍣", None))[0] for _ in range(3)]
    await ports.reopen()

    assert made[0] == Application(made[0].token, "same name 🍣", 0, BEGAN_AT, BEGAN_AT)
    assert len({application.token for application in made}) == 3
    assert [await ports.tenants.get(application.token) for application in made] == made


async def test_an_application_is_renamed(ports: Profile, clock: StillClock) -> None:
    """The name and the time change; the token, its age and its chats do not."""
    token, _ = await ports.add_chat()
    clock.move(3)

    renamed = await ports.tenants.rename(token, "another")

    assert renamed == Application(token, "another", 1, BEGAN_AT, BEGAN_AT + 3_000)
    assert await ports.tenants.get(token) == renamed


async def test_an_application_counts_its_live_chats(ports: Profile) -> None:
    """Created ones in, deleted ones out."""
    token = await ports.add_application()
    await ports.append(*(Entry(token, None, ChatCreated()) for _ in range(5)))
    await ports.append(Entry(token, 2, ChatDeleted()), Entry(token, 2, ChatDeleted()), Entry(token, 5, ChatDeleted()))

    assert (await ports.tenants.get(token)).chats_count == 3


async def test_a_deleted_application_is_not_there(ports: Profile) -> None:
    """It is like one that never was, for everything that can be asked; its neighbour stays."""
    gone, kept = await ports.add_application(), await ports.add_application()
    await ports.delete_application(gone)
    await ports.erase()

    for token in (gone, "0" * 32):
        for call in (ports.tenants.get(token), ports.tenants.rename(token, "x"), ports.tenants.delete(token)):
            with pytest.raises(NotFoundError, match="ChatApplication not found"):
                await call
    applications, _ = await ports.tenants.page(0, 100)
    assert [application.token for application in applications] == [kept]


async def test_a_repeat_gives_the_first_application(ports: Profile, clock: StillClock) -> None:
    """As it was made, however often and whatever became of it since."""
    first, was_known = await ports.tenants.create("name", keyed("k"))
    clock.move(9)
    await ports.tenants.rename(first.token, "another")
    await ports.take(Entry(first.token, None, ChatCreated()))
    await ports.reopen()

    repeats = [await ports.tenants.create("name", keyed("k")) for _ in range(2)]

    assert not was_known
    assert repeats == [(first, True)] * 2


async def test_one_key_makes_one_application_when_many_ask_at_once(ports: Profile) -> None:
    """The first wins and the others get the same."""
    made = await asyncio.gather(*(ports.tenants.create("name", keyed("k")) for _ in range(20)))

    assert {application.token for application, _ in made} == {made[0][0].token}
    assert [was_known for _, was_known in made].count(False) == 1


async def test_a_key_is_refused_for_another_payload(ports: Profile) -> None:
    """No application is made by it."""
    await ports.tenants.create("name", keyed("k", "a"))

    with pytest.raises(KeyReusedError):
        await ports.tenants.create("another", keyed("k", "b"))
    assert len((await ports.tenants.page(0, 100))[0]) == 1


async def test_a_repeat_is_refused_when_its_application_is_gone(ports: Profile) -> None:
    """Nothing is made a second time under a key that was used."""
    first, _ = await ports.tenants.create("name", keyed("k"))
    await ports.delete_application(first.token)

    with pytest.raises(NotFoundError):
        await ports.tenants.create("name", keyed("k"))


async def test_a_key_is_forgotten_after_a_day(ports: Profile, clock: StillClock) -> None:
    """Within 24 h of the injected clock it is known; then it is as new."""
    first, _ = await ports.tenants.create("name", keyed("k"))
    clock.move(KEY_TTL_S - 0.001)
    known, _ = await ports.tenants.create("name", keyed("k"))
    clock.move(0.001)
    second, was_known = await ports.tenants.create("name", keyed("k", "another payload"))

    assert known.token == first.token
    assert second.token != first.token
    assert not was_known


async def test_applications_are_paged_in_the_order_of_their_creation(ports: Profile) -> None:
    """Forwards and backwards, whatever was deleted between; each once, and the end is told."""
    tokens = [await ports.add_application() for _ in range(11)]
    for index in (0, 4, 5, 10):
        await ports.delete_application(tokens[index])
    live = [token for index, token in enumerate(tokens) if index not in {0, 4, 5, 10}]

    for limit in (1, 2, 3, 6, 7, 8):
        forwards, backwards = list[str](), list[str]()
        following: int | None = 0
        while following is not None:
            applications, following = await ports.tenants.page(following, limit)
            forwards += [application.token for application in applications]
        preceding: int | None = 2**63 - 1
        while preceding is not None:
            applications, preceding = await ports.tenants.page_before(preceding, limit)
            backwards = [application.token for application in applications] + backwards

        assert forwards == backwards == live


def test_a_partition_is_the_same_for_ever() -> None:
    """A hash of the token, written down here: another would lose what is stored; and all are used."""
    tokens = [f"{number:032x}" for number in range(1_000)]
    used = [partition_of(token, PARTITIONS) for token in tokens]

    assert [partition_of(letter * 32, 4) for letter in "0af"] == [1, 3, 1]
    assert all(150 < used.count(partition) < 350 for partition in range(PARTITIONS))
