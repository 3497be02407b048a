"""The full API's services over a real database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from parley.http.auth import Access
from parley.http.services import Services
from parley.http.v1.schemas import encode_message
from parley.ingest.admission import Admission, DepthBound
from parley.ingest.applications import ApplicationWrites
from parley.ingest.batch import BatchLimits
from parley.ingest.batcher import Batcher
from parley.ingest.chats import ChatWrites
from parley.ingest.messages import MessageWrites
from parley.ingest.parents import Parents
from parley.ingest.writes import Patience, Writes
from parley.log import open_log
from parley.queries.reads import Reads
from parley.queries.search import Search
from parley.queries.tail import Tail
from parley.search import open_search
from parley.storage import open_storage
from parley.storage.port import Opening
from parley.telemetry.clock import SystemClock


async def _page() -> tuple[int, bytes, bytes]:
    return 200, b"application/json", b"{}"


@pytest.fixture
async def services(tmp_path: Path) -> AsyncIterator[Services]:
    """Give use cases over a new database, without workers."""
    clock = SystemClock()
    tokens = iter(f"{n:032x}" for n in range(1, 1_000))
    opened = open_storage(f"sqlite:///{tmp_path}/p.db", Opening(clock, lambda: next(tokens), 1, 86_400, 1, 1_000, 1))
    await opened.start()
    index = open_search(f"sqlite:///{tmp_path}/search.db")
    await index.start()
    log = open_log("sqlite:", inline=opened.inline, clock=clock).log
    tail = Tail(encode_message, 1024 * 1024, lambda: None)
    batcher = Batcher(
        log, BatchLimits(256, 1024 * 1024), clock, lambda entries, results, _: tail.follow(entries, results)
    )
    writes = Writes(
        log, Admission(log, batcher, DepthBound(100, 1_000_000)), Parents(opened.storage), batcher, Patience(5)
    )
    yield Services(
        Access(None),
        Reads(opened.tenants, opened.storage, tail),
        Search(opened.storage, index),
        writes,
        ApplicationWrites(opened.tenants, log, writes.parents, tail.forget),
        ChatWrites(writes, opened.storage),
        MessageWrites(writes, opened.storage),
        {"/health": _page, "/ready": _page, "/metrics": _page},
    )
    await index.close()
    await opened.close()
