"""The gate of a chat that will never have a row is closed on a real log, whatever the log knows of it at present."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import cast

import pytest

from parley.cli.letters.gates import close_gate
from parley.domain.errors import UnavailableError
from parley.domain.events import ChatCreated, ChatDeleted, Entry, Position
from parley.domain.grants import Known, Need, Partition, ScopeName
from parley.domain.numbering import Appended, Reason, Refused
from parley.storage.sharing import Scopes
from tests.support.engines.redis import RedisServer
from tests.support.logs import LogHouse, let_go, log_house
from tests.support.ports import posted


class KnownScopes:
    """A database that has a house's lives, and of its scopes all but one chat."""

    def __init__(self, house: LogHouse) -> None:
        """Know what the house knows."""
        self._house = house

    async def partitions(self) -> list[Partition]:
        """Give the present lives."""
        return [Partition(id_, life, Position(life.epoch, 0), "log") for id_, life in self._house.lives.items()]

    async def provide(self, needs: Sequence[Need]) -> dict[ScopeName, Known]:
        """Say what is known of applications."""
        return self._house.rows.provide(needs)


@pytest.fixture
async def house(redis_server: RedisServer) -> AsyncIterator[LogHouse]:
    """Give a log of the test's own, open in its first epoch."""
    async with log_house(redis_server.url, unsettled_s=0.3) as house:
        yield house


async def close(house: LogHouse, chat: tuple[str, int]) -> None:
    """Close the gate of a chat."""
    await close_gate(house.log, house.apart.feeding, cast("Scopes", KnownScopes(house)), ScopeName(*chat))


async def test_a_gate_is_closed_and_stays_so(house: LogHouse) -> None:
    """Nothing is taken into the chat, and it is told once; other chats of the application go on."""
    token, number = chat = await house.add_chat(0)
    other = (token, (await house.take(Entry(token, None, ChatCreated()))).number)

    await close(house, chat)
    await close(house, chat)

    outcomes = await house.send(posted(chat, "late"), posted(other, "fine"))
    deletions = [
        one.event for one in await house.read(0) if one.event and isinstance(one.event.entry.what, ChatDeleted)
    ]
    assert outcomes[0] == Refused(Reason.CHAT_GONE)
    assert isinstance(outcomes[1], Appended)
    assert [event.number for event in deletions] == [number]


async def test_a_gate_is_closed_whose_application_the_log_let_go_of(house: LogHouse) -> None:
    """It was only shut in: whoever brought the application back would open it again."""
    house.keep_nothing()
    chat = await house.add_chat(0)
    await let_go(house, chat)
    assert await house.apart.feeding.is_open(ScopeName(chat[0], None)) is None

    await close(house, chat)

    assert await house.send(posted(chat, "late")) == [Refused(Reason.CHAT_GONE)]


async def test_a_chat_that_the_log_does_not_know_has_no_gate(house: LogHouse) -> None:
    """As after a new epoch: whoever wants to write there asks the database first."""
    chat = await house.add_chat(0)
    await house.begin(0)

    await close(house, chat)

    assert await house.apart.feeding.is_open(ScopeName(*chat)) is None


async def test_a_gate_between_two_lives_is_nobodys_to_close(house: LogHouse) -> None:
    """It is told, so that nothing is given up."""
    chat = await house.add_chat(0)
    await house.keeper.seal(0)

    with pytest.raises(UnavailableError) as refused:
        await close(house, chat)

    assert refused.value.code == "log_unavailable"
