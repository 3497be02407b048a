"""Pages: keyset windows, limits, and links exactly as long as there is such a page."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from tests.support.answers import check_problem, links
from tests.support.client import Answer, Client
from tests.support.tenant import ALIAS, APPLICATIONS, Tenant, expect

KINDS = ("chats", "messages")
LIVE = [1, 2, 4, 5, 6, 8, 9, 11]
"""Numbers of both lists; 3, 7, 10 and the last one, 12, were deleted."""


@pytest.fixture(scope="module")
def lists(api: Client) -> dict[str, str]:
    """Give the path of a list of chats and of a list of messages, both with the numbers of `LIVE`."""
    tenant = Tenant(api)
    for _ in range(12):
        tenant.create_chat()
    chat = f"{tenant.path}/chats/1"
    tenant.post_many(chat, [f"m{n}" for n in range(12)])
    for number in (3, 7, 10, 12):
        expect(api.request("DELETE", f"{chat}/messages/{number}"), 204)
        expect(api.request("DELETE", f"{tenant.path}/chats/{number}"), 204)
    return {"chats": f"{tenant.path}/chats", "messages": f"{chat}/messages"}


def _numbers(answer: Answer) -> list[int]:
    return [row["number"] for row in expect(answer, 200)]


def _model(after: int | None, before: int | None, limit: int) -> list[int]:
    """Give the page that a naive list would."""
    if before is not None:
        return [number for number in LIVE if number < before][-limit:]
    return [number for number in LIVE if number > (after or 0)][:limit]


WINDOWS = [(after, None) for after in (None, *range(14))] + [(None, before) for before in range(1, 15)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("limit", [1, 2, 3, 8, 50, 100])
def test_a_page_is_that_of_a_naive_list(kind: str, limit: int, lists: dict[str, str], api: Client) -> None:
    """Every window: the rows, ascending, and a link exactly where there are more rows on that side."""
    for after, before in WINDOWS:
        query = (
            f"?limit={limit}"
            + (f"&after={after}" if after is not None else "")
            + (f"&before={before}" if before else "")
        )
        answer = api.get(lists[kind] + query)

        expected = _model(after, before, limit)
        assert _numbers(answer) == expected, query
        if expected:
            there = {
                name for name, more in (("prev", LIVE[0] < expected[0]), ("next", expected[-1] < LIVE[-1])) if more
            }
            assert set(links(answer, lists[kind])) == there, query


@pytest.mark.parametrize("kind", KINDS)
def test_links_lead_to_the_neighbouring_pages(kind: str, lists: dict[str, str], api: Client) -> None:
    """Next is the page just above, prev the page just below, with the same limit."""
    for after, before in WINDOWS:
        query = f"?limit=3&after={after or 0}" if before is None else f"?limit=3&before={before}"
        answer = api.get(lists[kind] + query)
        found = links(answer, lists[kind])
        page = _numbers(answer)

        first = page[0] if page else (after or 0) + 1
        last = page[-1] if page else (before or 1) - 1

        if "next" in found:
            assert _numbers(api.get(found["next"])) == [number for number in LIVE if number > last][:3], query
        if "prev" in found:
            assert _numbers(api.get(found["prev"])) == [number for number in LIVE if number < first][-3:], query


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_above_the_last_is_empty(kind: str, lists: dict[str, str], api: Client) -> None:
    """No row and no next."""
    for after in (11, 12, 13, 2**63 - 1):
        answer = api.get(f"{lists[kind]}?after={after}")

        assert _numbers(answer) == []
        assert "next" not in links(answer, lists[kind])


def test_the_default_page_has_50(api: Client, chat: str, application: Tenant) -> None:
    """From number 1; 100 at most, however much is asked for."""
    application.post_many(chat, ["x"] * 130)
    path = f"{chat}/messages"

    assert _numbers(api.get(path)) == list(range(1, 51))
    assert _numbers(api.get(f"{path}?limit=100")) == list(range(1, 101))
    for limit in ("101", "1000000", "9" * 30):
        assert _numbers(api.get(f"{path}?limit={limit}")) == list(range(1, 101))
    assert _numbers(api.get(f"{path}?before=131")) == list(range(81, 131))
    assert _numbers(api.get(path.replace(APPLICATIONS, ALIAS) + "?after=0")) == list(range(1, 51))


BAD_LIMITS = ["0", "-1", "abc", "1.5", "1e2", "%D9%A1", "%2B5", "0x5", "5%20", "%00", "", "NaN", "-0", "5;6", "%ff"]


@pytest.mark.parametrize("limit", BAD_LIMITS)
def test_a_bad_limit_is_refused(limit: str, lists: dict[str, str], api: Client) -> None:
    """422 naming the limit, on every list and on search."""
    targets = [f"{APPLICATIONS}?", *[f"{path}?" for path in lists.values()], f"{lists['messages']}/search?q=m1&"]
    for target in targets:
        answer = api.get(f"{target}limit={limit}")

        assert answer.status == 422, (target, answer)
        assert list(check_problem(answer)["errors"]) == ["limit"]


@pytest.mark.parametrize("kind", KINDS)
def test_after_and_before_together_are_refused(kind: str, lists: dict[str, str], api: Client) -> None:
    """422; a window has one side."""
    answer = api.get(f"{lists[kind]}?after=1&before=9")

    assert answer.status == 422
    check_problem(answer)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("value", ["abc", "-1", "1.5", "%D9%A1", "9" * 30, "", "%00", "1%20", "%2B1", "0x1"])
@pytest.mark.parametrize("side", ["after", "before"])
def test_a_bad_window_is_refused(side: str, value: str, kind: str, lists: dict[str, str], api: Client) -> None:
    """400 or 422 with a problem, never a page of something else."""
    answer = api.get(f"{lists[kind]}?{side}={value}")

    assert answer.status in {400, 422}, answer
    check_problem(answer)


@pytest.mark.parametrize("query", ["x=1", "limit=2&limit=3", "%ff=%ff", "&&=&", "page=9", "after", "a" * 3_000])
def test_an_odd_query_is_no_error_of_the_server(query: str, lists: dict[str, str], api: Client) -> None:
    """Unknown parameters are ignored; nothing is a 5xx."""
    for target in (APPLICATIONS, *lists.values()):
        assert api.get(f"{target}?{query}").status in {200, 400, 422}


def _walk(api: Client, target: str) -> Iterator[int]:
    while target:
        answer = api.get(target)
        yield from _numbers(answer)
        target = links(answer, target).get("next", "")


def test_a_walk_under_writes_shows_every_number_once(
    api: Client, chat: str, application: Tenant, server_urls: tuple[str, str]
) -> None:
    """Every message there at the start is seen exactly once and in order, while others are being posted."""
    application.post_many(chat, ["x"] * 300)
    over = threading.Event()
    statuses: list[int] = []

    def post() -> None:
        with Client(server_urls[1]) as client:
            while not over.is_set():
                statuses.append(client.json("POST", f"{chat}/messages", {"body": "y"}).status)

    thread = threading.Thread(target=post)
    thread.start()
    try:
        seen = []
        for number in _walk(api, f"{chat}/messages?limit=7"):
            seen.append(number)
            if number > 2_000:
                break
    finally:
        over.set()
        thread.join()

    assert set(statuses) == {201}
    assert seen == list(range(1, len(seen) + 1))
    assert len(seen) >= 300


def test_a_walk_backwards_shows_every_number_once(api: Client, chat: str, application: Tenant) -> None:
    """Following prev from the end meets number 1."""
    application.post_many(chat, ["x"] * 47)
    target, pages = f"{chat}/messages?before=48&limit=10", []
    while target:
        answer = api.get(target)
        pages.append(_numbers(answer))
        target = links(answer, target).get("prev", "")

    assert [number for page in reversed(pages) for number in page] == list(range(1, 48))
