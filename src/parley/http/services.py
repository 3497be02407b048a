"""What the full API answers with: use cases and policies, wired by bootstrap."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

from parley.http.auth import Access
from parley.ingest.applications import ApplicationWrites
from parley.ingest.chats import ChatWrites
from parley.ingest.messages import MessageWrites
from parley.ingest.writes import Writes
from parley.queries.reads import Reads
from parley.queries.search import Search

Probe = Callable[[], Awaitable[tuple[int, bytes, bytes]]]
"""Gives the status, content type and body of a health, readiness or metrics page."""


class Services(NamedTuple):
    """Everything that a route may call."""

    access: Access
    reads: Reads
    search: Search
    writes: Writes
    applications: ApplicationWrites
    chats: ChatWrites
    messages: MessageWrites
    probes: Mapping[str, Probe]
    """Health, readiness and metrics by path."""
