"""The pub/sub port: fan-out to whoever listens now. What must not be lost is read from the database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractContextManager
from typing import Protocol


class Subscription(Protocol):
    """Payloads of one topic since the subscription began, oldest first, through ``async for``.

    Its buffer is bounded: when it is full, the oldest payload goes and ``lost`` counts it, so a
    subscriber that sees the count rise catches up from the database.
    """

    lost: int

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Iterate until the pub/sub is closed."""


class PubSub(Protocol):
    """Carries payloads between processes.

    *At most once*: no payload is kept, repeated or acknowledged. *Ordered*: payloads of one
    publisher on one topic arrive in their order. *Never waits*: a slow subscriber loses
    payloads and holds nobody up.
    """

    async def publish(self, topic: str, payload: bytes) -> None:
        """Hand the payload to everyone who is subscribed to the topic now."""

    def subscribe(self, topic: str) -> AbstractContextManager[Subscription]:
        """Subscribe while inside the context."""

    async def ping(self) -> None:
        """Return if it can publish, else raise `UnavailableError`."""

    def close(self) -> None:
        """End every subscription."""
