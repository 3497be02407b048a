"""Whether a parent is there: the log knows what is not stored yet, the database what the log let go of."""

from __future__ import annotations

import pytest

from parley.domain.errors import NotFoundError, UnavailableError
from parley.domain.grants import ScopeName
from parley.ingest.finding import LogFinder
from tests.support.ports import Ports
from tests.unit.ingest.doubles_recovery import DictFeeding


class Desk:
    """A finder over a log of the test's and a real database."""

    def __init__(self, ports: Ports) -> None:
        """Know nothing on the log."""
        self.feeding = DictFeeding()
        self.is_away = False
        self.finder = LogFinder(self.feeding, ports.storage, lambda _: self.is_away)

    async def find(self, token: str, chat: int | None) -> str:
        """Give what is told of a parent."""
        try:
            await self.finder.find_chat(token, chat)
        except NotFoundError as error:
            return str(error)
        return "found"


@pytest.fixture
def desk(ports: Ports) -> Desk:
    """Give a finder."""
    return Desk(ports)


async def test_what_the_log_has_open_is_found_before_it_is_stored(desk: Desk, ports: Ports) -> None:
    """A chat that has no row, with the database away."""
    token = await ports.add_application()
    desk.feeding.open |= {ScopeName(token, 7): True, ScopeName(token, None): True}
    ports.sql("alter table chat rename to elsewhere")

    assert await desk.find(token, 7) == "found"
    assert await desk.find(token, None) == "found"


async def test_what_the_log_does_not_know_is_asked_of_the_database(desk: Desk, ports: Ports) -> None:
    """It is stored, or was never there."""
    token, chat = await ports.add_chat()

    assert await desk.find(token, chat) == "found"
    assert await desk.find(token, None) == "found"
    assert await desk.find(token, chat + 1) == "Chat not found"
    assert await desk.find("0" * 32, chat) == "ChatApplication not found"
    assert await desk.find("0" * 32, None) == "ChatApplication not found"


async def test_a_closed_gate_is_a_deleted_chat_though_the_database_has_it(desk: Desk, ports: Ports) -> None:
    """Or a deleted application, as the database knows from the beginning."""
    token, chat = await ports.add_chat()
    desk.feeding.open[ScopeName(token, chat)] = False

    assert await desk.find(token, chat) == "Chat not found"
    await ports.tenants.delete(token)
    desk.feeding.open[ScopeName(token, None)] = False
    assert await desk.find(token, chat) == "ChatApplication not found"
    assert await desk.find(token, None) == "ChatApplication not found"


async def test_nobody_knows_while_the_log_is_away(desk: Desk, ports: Ports) -> None:
    """Not even of what is stored: it may be deleted on the log."""
    token, chat = await ports.add_chat()
    desk.feeding.error = UnavailableError("away")

    with pytest.raises(UnavailableError):
        await desk.finder.find_chat(token, chat)


async def test_nobody_knows_of_a_cold_parent_while_the_database_is_away(desk: Desk, ports: Ports) -> None:
    """503, not 404."""
    token, chat = await ports.add_chat()
    ports.sql("alter table chat rename to elsewhere")

    with pytest.raises(UnavailableError):
        await desk.finder.find_chat(token, chat)


async def test_while_the_log_is_away_a_chat_that_is_not_stored_may_be_there(desk: Desk, ports: Ports) -> None:
    """The log is not asked; an application that is not stored never was."""
    token, chat = await ports.add_chat()
    desk.is_away = True
    desk.feeding.error = AssertionError("nobody is to ask it")  # type: ignore[assignment]

    assert await desk.find(token, chat) == "found"
    assert await desk.find(token, None) == "found"
    assert await desk.find("0" * 32, chat) == "ChatApplication not found"
    with pytest.raises(UnavailableError) as unknown:
        await desk.find(token, chat + 1)
    assert unknown.value.code == "log_unavailable"
