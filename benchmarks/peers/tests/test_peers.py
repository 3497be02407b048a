"""Every peer answers what Parley answers, numbers as Parley numbers, and writes what it acknowledges."""

from __future__ import annotations

from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from benchmarks.peers.answer import TEXT
from benchmarks.peers.catalogue import PEERS
from benchmarks.peers.tests.conftest import CHATS, TOKENS, Start

WRITING = [name for name, peer in PEERS.items() if peer.needs_redis]
EMPTY = [name for name, peer in PEERS.items() if not peer.needs_redis]
MESSAGE = {"message": {"body": TEXT}}
WHERE = f"{TOKENS[3]}/chats/2/messages"
THEIRS = {"server"}
"""A header that two servers send although nobody asked."""


@pytest.mark.parametrize("name", PEERS)
def test_a_peer_answers_a_create_as_parley_does(name: str, start: Start, parley: httpx.Client) -> None:
    """Status, header names, JSON members and all but the digits of the body are the same."""
    ours = parley.post("1/messages", json=MESSAGE)

    with start(name) as peer:
        theirs = peer.client.post(WHERE, json=MESSAGE)

    assert theirs.status_code == ours.status_code == 201
    assert set(theirs.headers) - THEIRS == set(ours.headers)
    assert list(theirs.json()) == list(ours.json())
    assert theirs.json()["body"] == TEXT
    assert len(theirs.json()["created_at"]) == len(ours.json()["created_at"])
    assert theirs.headers["Location"].endswith(f"/messages/{theirs.json()['number']}")


@pytest.mark.parametrize("name", WRITING)
def test_a_peer_numbers_every_chat_from_one_and_has_written_what_it_acknowledged(name: str, start: Start) -> None:
    """Twenty-five creates in each of sixteen chats, from eight clients at once."""
    places = [(token, chat) for token in TOKENS for chat in range(1, CHATS + 1)] * 25
    numbers = defaultdict(list)

    with start(name) as peer, ThreadPoolExecutor(8) as clients:
        paths = [f"{token}/chats/{chat}/messages" for token, chat in places]
        answers = clients.map(lambda path: peer.client.post(path, json=MESSAGE), paths)
        for place, answer in zip(places, answers, strict=True):
            assert (answer.status_code, answer.headers["Parley-Durability"]) == (201, "relaxed")
            numbers[place].append(answer.json()["number"])
        written = peer.written(name)

    assert written == len(places)
    assert [sorted(given) for given in numbers.values()] == [list(range(1, 26))] * (len(TOKENS) * CHATS)


@pytest.mark.parametrize("name", WRITING)
def test_a_peer_refuses_a_blank_body_and_what_is_no_json(name: str, start: Start) -> None:
    """That much every service checks."""
    with start(name) as peer:
        blank = peer.client.post(WHERE, json={"message": {"body": ""}})
        broken = peer.client.post(WHERE, content=b'{"message":', headers={"Content-Type": "application/json"})
        written = peer.written(name)

    assert blank.status_code == 422
    assert broken.status_code in {400, 422}
    assert written == 0


@pytest.mark.parametrize("name", WRITING)
def test_a_peer_goes_on_numbering_when_it_starts_again(name: str, start: Start) -> None:
    """Its numbers lie in Redis, so a round does not begin at 1 under the eyes of the load."""
    with start(name) as peer:
        peer.client.post(WHERE, json=MESSAGE)
    with start(name) as peer:
        again = peer.client.post(WHERE, json=MESSAGE)

    assert again.json()["number"] == 2


@pytest.mark.parametrize("name", EMPTY)
def test_an_empty_peer_does_nothing_at_all(name: str, start: Start) -> None:
    """Whatever is sent, the answer is the same."""
    with start(name) as peer:
        first, second = (peer.client.post(WHERE, json={"message": {"body": body}}) for body in ("a", "b"))

    assert first.content == second.content
