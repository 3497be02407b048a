"""The pub/sub port's contract, for every adapter through the door that production uses."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from parley.domain.errors import ConfigurationError, UnavailableError
from parley.pubsub import ADAPTERS, open_pubsub
from parley.pubsub.port import PubSub, Subscription

URLS = {"memory": "memory://"}


@pytest.fixture(params=sorted(ADAPTERS))
def pubsub(request: pytest.FixtureRequest) -> Iterator[PubSub]:
    """Open one."""
    opened = open_pubsub(URLS[request.param])
    yield opened
    opened.close()


async def take(subscription: Subscription, count: int) -> list[bytes]:
    """Take the next payloads."""
    taken: list[bytes] = []
    async with asyncio.timeout(5):
        async for payload in subscription:
            taken.append(payload)
            if len(taken) == count:
                break
    return taken


async def test_every_subscriber_of_a_topic_gets_its_payloads_in_order(pubsub: PubSub) -> None:
    """Two subscribers get the same, a third one on another topic gets its own."""
    with pubsub.subscribe("a") as first, pubsub.subscribe("a") as second, pubsub.subscribe("b") as other:
        for payload in (b"1", b"", b"\x00\xff"):
            await pubsub.publish("a", payload)
        await pubsub.publish("b", b"4")

        assert await take(first, 3) == await take(second, 3) == [b"1", b"", b"\x00\xff"]
        assert await take(other, 1) == [b"4"]


async def test_a_subscriber_waits_for_what_comes(pubsub: PubSub) -> None:
    """A payload that is published later wakes the subscriber."""
    with pubsub.subscribe("a") as subscription:
        taking = asyncio.create_task(take(subscription, 1))
        await asyncio.sleep(0)

        await pubsub.publish("a", b"late")

        assert await taking == [b"late"]


async def test_a_subscriber_gets_nothing_from_before_or_after(pubsub: PubSub) -> None:
    """Nothing is kept for who is not there."""
    await pubsub.publish("a", b"before")
    with pubsub.subscribe("a") as gone:
        pass
    with pubsub.subscribe("a") as subscription:
        await pubsub.publish("a", b"now")

        assert await take(subscription, 1) == [b"now"]

    pubsub.close()
    assert await take(gone, 1) == []


async def test_a_slow_subscriber_loses_the_oldest_and_is_told(pubsub: PubSub) -> None:
    """The buffer is bounded; nobody waits; the count tells the subscriber to catch up elsewhere."""
    with pubsub.subscribe("a") as slow:
        for number in range(5_000):
            await pubsub.publish("a", str(number).encode())

        kept = await take(slow, 5_000 - slow.lost)

        assert 0 < slow.lost < 5_000
        assert kept == [str(number).encode() for number in range(slow.lost, 5_000)]


async def test_a_closed_pubsub_ends_its_subscriptions(pubsub: PubSub) -> None:
    """What waits in the buffer is still read, then the iteration ends; publishing is refused."""
    with pubsub.subscribe("a") as subscription:
        await pubsub.publish("a", b"last")
        pubsub.close()

        assert await take(subscription, 9) == [b"last"]
        with pytest.raises(UnavailableError):
            await pubsub.publish("a", b"too late")
        with pytest.raises(UnavailableError):
            await pubsub.ping()
    with pubsub.subscribe("a") as late:
        assert await take(late, 1) == []


async def test_an_open_pubsub_answers_a_ping(pubsub: PubSub) -> None:
    """A ping returns while it can publish."""
    await pubsub.ping()


def test_an_operator_with_an_unknown_scheme_is_told() -> None:
    """The setting is named."""
    with pytest.raises(ConfigurationError, match="PARLEY_PUBSUB_URL"):
        open_pubsub("carrier-pigeon://")
