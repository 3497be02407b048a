"""Pub/sub inside one process: the whole of it where one process is all there is."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from parley.domain.errors import UnavailableError
from parley.pubsub.port import PubSub, Subscription

BUFFERED: Final = 1_024
"""Payloads that wait for one subscriber."""


class _Buffered:
    """A bounded buffer between the publishers and one subscriber."""

    def __init__(self) -> None:
        self.lost = 0
        self._payloads: deque[bytes] = deque(maxlen=BUFFERED)
        self._changed = asyncio.Event()
        self._closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            while self._payloads:
                yield self._payloads.popleft()
            if self._closed:
                return
            self._changed.clear()
            await self._changed.wait()

    def put(self, payload: bytes) -> None:
        self.lost += len(self._payloads) == BUFFERED
        self._payloads.append(payload)
        self._changed.set()

    def close(self) -> None:
        self._closed = True
        self._changed.set()


class MemoryPubSub:
    """Topics and their subscribers in a dictionary; all calls from one event loop."""

    def __init__(self) -> None:
        """Begin without subscribers."""
        self._topics: dict[str, set[_Buffered]] = {}
        self._closed = False

    async def publish(self, topic: str, payload: bytes) -> None:
        """Put the payload into every subscriber's buffer."""
        await self.ping()
        for subscriber in self._topics.get(topic, ()):
            subscriber.put(payload)

    @contextmanager
    def subscribe(self, topic: str) -> Iterator[Subscription]:
        """Subscribe while inside the context."""
        subscriber = _Buffered()
        if self._closed:
            subscriber.close()
        self._topics.setdefault(topic, set()).add(subscriber)
        try:
            yield subscriber
        finally:
            subscriber.close()
            subscribers = self._topics[topic]
            subscribers.remove(subscriber)
            if not subscribers:
                del self._topics[topic]

    async def ping(self) -> None:
        """Return unless it is closed."""
        if self._closed:
            raise UnavailableError("The pub/sub is closed", code="pubsub_unavailable")

    def close(self) -> None:
        """End every subscription once its buffer is read."""
        self._closed = True
        for subscribers in self._topics.values():
            for subscriber in subscribers:
                subscriber.close()


def open_(url: str) -> MemoryPubSub:  # noqa: ARG001 - ``memory://`` has no options
    """Make an empty one."""
    return MemoryPubSub()


if TYPE_CHECKING:
    _conforms: type[PubSub] = MemoryPubSub
