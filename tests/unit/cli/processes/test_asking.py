"""What the parent takes for an answer."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from parley.cli.processes.asking import Told, ask


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        (b"HTTP/1.1 503 Service Unavailable\r\nX: y\r\ncontent-length: 2\r\n\r\n{}", Told(503, b"{}")),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}", None),
        (b"HTTP/1.1 200 OK\r\n\r\n{}", None),
        (b"HTTP/1.1", None),
        (b"", None),
    ],
)
async def test_only_a_whole_answer_counts(sent: bytes, told: Told | None, tmp_path: Path) -> None:
    """A process that dies in the middle of one has given none."""
    asked = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(sent)
        writer.close()

    async with await asyncio.start_unix_server(answer, tmp_path / "s"):
        assert await ask(tmp_path / "s", "/ready", 5) == told

    assert asked[0].startswith(b"GET /ready HTTP/1.1\r\n")


async def test_nobody_there_or_nobody_awake_is_no_answer(tmp_path: Path) -> None:
    """Neither a socket that is gone, nor one that accepts and says nothing."""
    left = asyncio.Event()

    async def keep_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        left.set()

    assert await ask(tmp_path / "s", "/ready", 5) is None
    async with await asyncio.start_unix_server(keep_silent, tmp_path / "s"):
        assert await ask(tmp_path / "s", "/ready", 0.05) is None
        await left.wait()
