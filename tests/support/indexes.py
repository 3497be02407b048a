"""A place of its own in a shared search engine, for one test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import httpx

from tests.support.engines.opensearch import OpenSearchServer

AT_ONCE = "?refresh=now"
"""What was indexed is found at once: a test waits for no second."""


class Place:
    """A prefix that nobody else uses."""

    def __init__(self, server: OpenSearchServer) -> None:
        """Draw it."""
        self.server = server
        self.prefix = f"t{uuid4().hex}"

    @property
    def url(self) -> str:
        """Give the address of an index here, without options."""
        return f"{self.server.url}/{self.prefix}"

    def ask(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - as answered
        """Send a request behind the adapter's back and give its answer."""
        answer = httpx.request(method, f"{self.server.url}/{path}", json=body, timeout=60)
        assert answer.is_success, answer.text
        return answer.json()

    def indexes(self) -> list[str]:
        """Name the indexes here, without the prefix."""
        return sorted(name.removeprefix(f"{self.prefix}-") for name in self.ask("GET", f"{self.prefix}-*"))

    def aliases(self) -> dict[str, list[str]]:
        """Give each index's aliases, all without the prefix."""
        return {
            name.removeprefix(f"{self.prefix}-"): sorted(
                alias.removeprefix(f"{self.prefix}-") for alias in facts["aliases"]
            )
            for name, facts in self.ask("GET", f"{self.prefix}-*/_alias").items()
        }


@contextmanager
def own_place(server: OpenSearchServer) -> Iterator[Place]:
    """Give a place whose indexes are deleted at the end."""
    place = Place(server)
    try:
        yield place
    finally:
        place.ask("DELETE", f"{place.prefix}-*")
