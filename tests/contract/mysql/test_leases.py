"""Leases in MySQL, by the server's clock, and what happens to a late owner's transaction."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from parley.database.mysql.address import parse_address
from parley.database.mysql.errors import LostError
from parley.database.mysql.session import Session, connect
from parley.domain.errors import ConfigurationError, ConflictError
from parley.domain.events import MessagesPosted
from parley.domain.model import Draft
from parley.storage.archive import History
from parley.storage.mysql import queries
from parley.storage.mysql.archive import open_archive
from parley.storage.mysql.leases import hold_mark
from parley.storage.sharing import Lease
from tests.support.mysql_house import House, opened
from tests.unit.workers.doubles import StillClock


@pytest.fixture
async def other(house: House, clock: StillClock) -> AsyncIterator[House]:
    """Give another process at the same database."""
    async with opened(House(house.url, clock, owner="other")) as made:
        yield made


async def run_out(house: House, job: str) -> None:
    """Let a lease's time pass."""
    await house.sql("update lease set until = 1 where job = %s", job.encode())


async def test_a_lease_has_one_holder(house: House, other: House) -> None:
    """Until it is released; the token rises with every owner, and with every claim of the same one."""
    first = await house.leases.claim("erase", "me", 60)
    refused = await other.leases.claim("erase", "other", 60)
    again = await house.leases.claim("erase", "me", 60)
    assert first is not None
    assert again is not None
    late = await house.leases.renew(first, 60)
    await house.leases.release(first)
    still_refused = await other.leases.claim("erase", "other", 60)
    await house.leases.release(again)
    second = await other.leases.claim("erase", "other", 60)

    assert refused is still_refused is None
    assert (first, again, second) == (Lease("erase", "me", 1), Lease("erase", "me", 2), Lease("erase", "other", 3))
    assert not late


async def test_who_holds_a_lease_uses_the_database(house: House) -> None:
    """Also a worker that does not live for the others, since it is without the log: nothing is put back under it."""
    await house.leases.beat(house.owner, 0)
    history = History(dict.fromkeys(range(4), 9), 1_000, 1)

    with pytest.raises(ConfigurationError, match="1 workers use the database"):
        await asyncio.to_thread(open_archive(house.url).begin, history)


async def test_a_lease_that_has_run_out_is_taken(house: House, other: House) -> None:
    """Its owner may still renew it as long as nobody has."""
    mine = await house.leases.claim("erase", "me", 60)
    assert mine is not None
    await run_out(house, "erase")
    renewed = await house.leases.renew(mine, 60)
    await run_out(house, "erase")

    theirs = await other.leases.claim("erase", "other", 60)

    assert renewed
    assert theirs == Lease("erase", "other", 2)
    assert not await house.leases.renew(mine, 60)
    await house.leases.release(mine)
    assert await other.leases.renew(Lease("erase", "other", 2), 60)


async def test_many_claim_and_one_gets_it(house: House) -> None:
    """A job that nobody has had before, too."""
    claims = await asyncio.gather(*(house.leases.claim("index", f"worker {n}", 60) for n in range(10)))

    assert sum(claim is not None for claim in claims) == 1


async def test_holders_are_told(house: House, other: House) -> None:
    """With the time that is left, also when there is none; a released lease has no holder."""
    await other.leases.claim("erase", "other", 20)
    released = await other.leases.claim("index", "other", 20)
    assert released is not None
    await other.leases.release(released)
    await run_out(house, "persist-0")

    holders = {holder.job: holder for holder in await house.leases.holders()}

    assert sorted(holders) == ["erase", "persist-0"]
    assert holders["erase"].owner == "other"
    assert 10_000 < holders["erase"].left_ms <= 20_000
    assert holders["persist-0"].left_ms < 0


async def test_workers_that_live_are_counted(house: House) -> None:
    """Each once; one that says that it has no time left is gone at once."""
    assert await house.leases.beat("a", 60) == 1
    assert await house.leases.beat("b", 60) == 2
    assert await house.leases.beat("a", 60) == 2
    assert await house.leases.beat("a", 0) == 1


async def test_a_worker_that_lost_its_lease_writes_nothing(house: House, other: House) -> None:
    """It is told so, before anything is written."""
    chat = await house.add_chat("a")
    before = (await house.row()).position
    await run_out(house, "persist-0")
    await other.claim()

    with pytest.raises(ConflictError, match="lease of persist-0 is lost"):
        await house.persisting.apply(0, house.lease, before, [house.post(chat, "b")])
    with pytest.raises(ConflictError, match="lease of persist-0 is lost"):
        await house.open_life(9)

    assert (await house.row()).position == before
    assert await house.bodies(chat) == {1: "a"}


async def hold(house: House) -> Session:
    """Begin a transaction on the partition as the lease's own connection, and stop in the middle."""
    address = parse_address(house.url)
    session = await connect(address, queries())
    assert await hold_mark(session, address.database, house.lease)
    await session.begin()
    await session.rows("lock_partition", 0)
    await session.execute("update chat set messages_count = 77")
    return session


async def test_a_takeover_ends_the_late_owners_transaction(house: House, other: House) -> None:
    """It stopped in the middle, holding the partition: what it wrote is undone, and the new owner writes at once."""
    chat = await house.add_chat("a")
    house.lease = await house.claim()
    session = await hold(house)
    await run_out(house, "persist-0")

    other.lease = await other.claim()
    other.position = (await other.row()).position
    await other.persist(other.say(*chat, MessagesPosted((Draft("b"),)), 2))

    with pytest.raises(LostError):
        await session.commit()
    assert await other.bodies(chat) == {1: "a", 2: "b"}
    assert (await other.storage.get_chat(*chat)).messages_count == 2


async def test_a_late_owner_that_ended_is_not_in_the_way(house: House, other: House) -> None:
    """Nor is a connection of somebody else's that has its number by now: nobody has the lease's mark."""
    chat = await house.add_chat("a")
    await house.close()
    await run_out(other, "persist-0")
    bystander = await connect(parse_address(house.url), {})

    other.lease = await other.claim()
    other.position = (await other.row()).position
    await other.persist(other.say(*chat, MessagesPosted((Draft("b"),)), 2))

    await bystander.execute("select 1")
    await bystander.close()
    assert await other.bodies(chat) == {1: "a", 2: "b"}


async def test_a_new_connection_takes_the_place_of_its_own_dead_one(house: House) -> None:
    """The server may not have noticed yet that the last one is gone."""
    chat = await house.add_chat("a")
    await house.persisting.apply(0, house.lease, (await house.row()).position, [house.post(chat, "b")])
    address = parse_address(house.url)
    house.lease = await house.claim()
    dead = await connect(address, queries())
    assert await hold_mark(dead, address.database, house.lease)

    await house.persist(house.post(chat, "c"))

    with pytest.raises(LostError):
        await dead.execute("select 1")
    assert await house.bodies(chat) == {1: "a", 2: "b", 3: "c"}
