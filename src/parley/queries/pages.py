"""A page of stored rows and what is not stored yet, as one page."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from itertools import islice
from typing import Final, TypeVar

from parley.domain.cursors import NUMBER_MAX, Window
from parley.domain.model import Chat, Message
from parley.storage.port import Page

Item = TypeVar("Item", Chat, Message)
Fetch = Callable[[Window], Awaitable[Page[Item]]]

_MOST_HIDDEN: Final = 200
"""Rows that are asked for at once beyond a page because as many may be gone; a thousand bodies can be large."""


async def fetch_living(fetch: Fetch[Item], window: Window, gone: Collection[int]) -> Page[Item]:
    """Give the window's stored rows that are not ``gone``: more than its limit, or all there are.

    Without such rows it is the storage's page as it is. The flag of the side that the window does not look at is the
    storage's own.
    """
    more = sum(1 for _ in islice((number for number in gone if is_within(window, number)), _MOST_HIDDEN))
    page = part = await fetch(window._replace(limit=window.limit + more))
    items = _living(part, gone)
    while more and len(items) <= window.limit and _goes_on(window, part):
        part = await fetch(_beyond(window, part, more))
        found = _living(part, gone)
        items = items + found if window.before is None else found + items
    if window.before is None:
        return Page(items, page.more_before, part.more_after)
    return Page(items, part.more_before, page.more_after)


def merge(window: Window, stored: Page[Item], laid: Mapping[int, Item]) -> Page[Item]:
    """Lay items over stored rows that are left of what is gone.

    ``laid`` holds those of the window next to where it begins, and one more than its limit if there are so many. The
    side that the window does not look at is left as the storage said.
    """
    rows = {item.number: item for item in stored.items} | dict(laid)
    numbers = sorted(rows)
    if window.before is None:
        chosen = numbers[: window.limit]
        return Page([rows[n] for n in chosen], stored.more_before, stored.more_after or len(numbers) > window.limit)
    chosen = numbers[-window.limit :]
    return Page([rows[n] for n in chosen], stored.more_before or len(numbers) > window.limit, stored.more_after)


async def mend(
    fetch: Fetch[Item],
    window: Window,
    page: Page[Item],
    gone: Collection[int],
    beside: bool,  # noqa: FBT001
) -> Page[Item]:
    """Put right what lies on the side that the window does not look at; ``beside``: something unstored does."""
    other = _opposite(window)
    if other is None:
        return page
    claimed = page.more_after if window.before is not None else page.more_before
    if claimed and not beside and any(is_within(other, number) for number in gone):
        claimed = bool((await fetch_living(fetch, other, gone)).items)
    claimed = claimed or beside
    return page._replace(more_after=claimed) if window.before is not None else page._replace(more_before=claimed)


def is_within(window: Window, number: int) -> bool:
    """Tell whether a number lies on the window's side of its bound."""
    return number < window.before if window.before is not None else number > (window.after or 0)


def _opposite(window: Window) -> Window | None:
    """Give the window that ends where this one begins; ``None`` before the first number."""
    if window.before is not None:
        return Window(after=window.before - 1, limit=1)
    return Window(before=min(window.after + 1, NUMBER_MAX), limit=1) if window.after else None


def _living(page: Page[Item], gone: Collection[int]) -> list[Item]:
    return [item for item in page.items if item.number not in gone]


def _goes_on(window: Window, part: Page[Item]) -> bool:
    return bool(part.items) and (part.more_after if window.before is None else part.more_before)


def _beyond(window: Window, part: Page[Item], limit: int) -> Window:
    """Give the window that goes on behind a part of it."""
    if window.before is None:
        return Window(after=part.items[-1].number, limit=limit)
    return Window(before=part.items[0].number, limit=limit)
