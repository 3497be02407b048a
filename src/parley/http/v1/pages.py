"""Links of pages that are ordered by number."""

from __future__ import annotations

from parley.domain.cursors import NUMBER_MAX, Window
from parley.domain.model import Chat, Message
from parley.http.exchange import Exchange
from parley.http.links import link_header
from parley.http.parameters import Parameters
from parley.http.v1.checks import kept
from parley.queries.reads import Page, Shown


def page_links(
    exchange: Exchange, parameters: Parameters, window: Window, page: Page[Chat] | Page[Message] | Page[Shown]
) -> list[tuple[bytes, bytes]]:
    """Give the ``Link`` header of a page: a neighbour starts where the page ends, or where an empty one lies."""
    if page.items:
        first, last = page.items[0].number, page.items[-1].number
    elif window.before is not None:
        first, last = window.before, window.before - 1
    else:
        first, last = min((window.after or 0) + 1, NUMBER_MAX), window.after or 0
    return link_header(
        exchange,
        kept(parameters, "limit"),
        next=[("after", last)] if page.more_after else None,
        prev=[("before", first)] if page.more_before else None,
    )
