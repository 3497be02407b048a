"""Pages of rows with something taken out and something laid over, against sets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.domain.cursors import NUMBER_MAX, Window
from parley.domain.model import Message
from parley.queries import pages
from parley.queries.pages import fetch_living, is_within, mend, merge
from parley.storage.port import Page
from tests.unit.queries.histories import page_of

NUMBERS = st.sets(st.integers(1, 25))
BOUNDS = st.one_of(st.integers(1, 27), st.just(NUMBER_MAX))
WINDOWS = st.one_of(
    st.builds(
        lambda after, limit: Window(after=after, limit=limit),
        st.one_of(st.none(), st.just(0), BOUNDS),
        st.integers(1, 9),
    ),
    st.builds(lambda before, limit: Window(before=before, limit=limit), BOUNDS, st.integers(1, 9)),
)


def messages(numbers: set[int], body: str = "stored") -> dict[int, Message]:
    """Make messages."""
    return {number: Message(number, body, None, None, 0, 0) for number in numbers}


class Table:
    """Stored rows, as the storage pages them."""

    def __init__(self, rows: dict[int, Message]) -> None:
        """Hold rows."""
        self.rows = rows
        self.limits: list[int] = []

    async def page(self, window: Window) -> Page[Message]:
        """Give a page."""
        assert 0 <= (window.after or 0) <= NUMBER_MAX
        assert 0 < (window.before or 1) <= NUMBER_MAX
        self.limits.append(window.limit)
        return page_of(self.rows, window)


@pytest.mark.parametrize("most_hidden", [1, 2, 200])
def test_a_page_is_what_is_left_and_what_is_new(most_hidden: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is stored, gone, or not stored yet, on whichever side: rows in order, and both flags exact."""
    monkeypatch.setattr(pages, "_MOST_HIDDEN", most_hidden)

    @given(NUMBERS, NUMBERS, NUMBERS, WINDOWS)
    def example(stored: set[int], gone: set[int], posted: set[int], window: Window) -> None:
        rows, laid = messages(stored), messages(posted - gone, "laid")
        live = {number: row for number, row in rows.items() if number not in gone} | laid
        assert run(window, rows, gone, laid) == page_of(live, window)

    example()


def run(window: Window, rows: dict[int, Message], gone: set[int], laid: dict[int, Message]) -> Page[Message]:
    """Read a page as readers do, with as much laid over as they take."""
    table = Table(rows)
    inside = dict(sorted((n, one) for n, one in laid.items() if is_within(window, n)))
    near = list(inside)[: window.limit + 1] if window.before is None else list(inside)[-window.limit - 1 :]

    async def read() -> Page[Message]:
        page = await fetch_living(table.page, window, gone)
        merged = merge(window, page, {n: inside[n] for n in near})
        return await mend(table.page, window, merged, gone, len(inside) < len(laid))

    coroutine = read()
    with pytest.raises(StopIteration) as done:
        coroutine.send(None)
    result: Page[Message] = done.value.value
    return result


async def test_a_page_of_which_nothing_is_gone_is_asked_for_once() -> None:
    """Just as large as it is."""
    table, window = Table(messages(set(range(1, 10)))), Window(after=3, limit=4)

    page = await fetch_living(table.page, window, ())
    page = await mend(table.page, window, page, (), beside=False)

    assert [row.number for row in page.items] == [4, 5, 6, 7]
    assert (page.more_before, page.more_after) == (True, True)
    assert table.limits == [4]


async def test_rows_are_asked_for_in_portions_when_many_are_gone() -> None:
    """Beyond the page itself at most so many at a time."""
    table = Table(messages(set(range(1, 2_001))))

    page = await fetch_living(table.page, Window(limit=50), frozenset(range(1, 1_901)))

    assert [row.number for row in page.items][:50] == list(range(1_901, 1_951))
    assert max(table.limits) == 250
    assert len(table.limits) < 15
