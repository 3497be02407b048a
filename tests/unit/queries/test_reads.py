"""Listing applications: pages forwards and backwards, and the cursor values of their neighbours."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path

import pytest

from parley.domain.cursors import NUMBER_MAX, Window, decode_cursor, encode_cursor
from parley.domain.errors import NotFoundError
from parley.http.v1.schemas import encode_message
from parley.queries.reads import Reads
from parley.queries.tail import Tail
from tests.support.ports import DATABASES, Ports, opened
from tests.unit.workers.doubles import StillClock


@pytest.fixture
async def ports(tmp_path: Path) -> AsyncIterator[Ports]:
    """Give nine applications, three of them deleted."""
    async with opened(Ports(DATABASES["sqlite"](tmp_path), StillClock())) as made:
        tokens = [await made.add_application(f"application {number}") for number in range(1, 10)]
        for number in (1, 5, 9):
            await made.tenants.delete(tokens[number - 1])
        yield made


def nothing_kept() -> Tail:
    """Give a tail that keeps nothing, so that all is read from the storage."""
    return Tail(encode_message, 0, lambda: None)


LIVE = [f"application {number}" for number in (2, 3, 4, 6, 7, 8)]


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 6, 7])
async def test_a_reader_walks_to_the_end_and_back(ports: Ports, limit: int) -> None:
    """Each live application once in either direction; a neighbour is told exactly where there is one."""
    reads = Reads(ports.tenants, ports.storage, nothing_kept())
    pages = [await reads.list_applications(Window(limit=limit))]
    while pages[-1].after is not None:
        pages.append(await reads.list_applications(Window(after=pages[-1].after, limit=limit)))
    back = [await reads.list_applications(Window(before=NUMBER_MAX, limit=limit))]
    while back[-1].before is not None:
        back.append(await reads.list_applications(Window(before=back[-1].before, limit=limit)))

    assert [each.name for page in pages for each in page.items] == LIVE
    assert [each.name for page in reversed(back) for each in page.items] == LIVE
    assert [page.before is None for page in pages] == [True] + [False] * (len(pages) - 1)
    assert [page.after is None for page in back] == [True] + [False] * (len(back) - 1)
    for page, following in pairwise(pages):
        returned = await reads.list_applications(Window(before=following.before, limit=limit))
        assert returned.items == page.items
        assert (await reads.list_applications(Window(after=returned.after, limit=limit))).items == following.items


@pytest.mark.parametrize("bound", [0, 1, 2, 5, 9, 10, 2**32, NUMBER_MAX])
async def test_every_cursor_leads_to_cursors(ports: Ports, bound: int) -> None:
    """From any place that a cursor can name, the neighbours can be named and have rows."""
    reads = Reads(ports.tenants, ports.storage, nothing_kept())

    for window in (Window(after=bound, limit=2), Window(before=bound, limit=2)):
        page = await reads.list_applications(window)
        for value in (page.before, page.after):
            assert value is None or decode_cursor(encode_cursor(value)) == value
        if page.before is not None:
            assert (await reads.list_applications(Window(before=page.before, limit=2))).items
        if page.after is not None:
            assert (await reads.list_applications(Window(after=page.after, limit=2))).items


async def test_parents_are_checked_by_name(ports: Ports) -> None:
    """The application first, then the chat."""
    reads, (token, chat) = Reads(ports.tenants, ports.storage, nothing_kept()), await ports.add_chat()
    await reads.check_application(token)
    await reads.check_chat(token, chat)

    with pytest.raises(NotFoundError, match="ChatApplication"):
        await reads.check_application("0" * 32)
    with pytest.raises(NotFoundError, match="ChatApplication"):
        await reads.check_chat("0" * 32, chat)
    with pytest.raises(NotFoundError, match="Chat not found"):
        await reads.check_chat(token, chat + 1)
