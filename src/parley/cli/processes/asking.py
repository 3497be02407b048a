"""One GET on a socket of this machine, for the parent's questions to its processes."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import NamedTuple


class Told(NamedTuple):
    """What was answered."""

    status: int
    body: bytes


async def ask(path: Path, page: str, timeout_s: float) -> Told | None:
    """Get ``page`` from whoever listens on the socket at ``path``; nothing unless it is whole within the time."""
    try:
        async with asyncio.timeout(timeout_s):
            return _read(await _exchange(path, page))
    except (OSError, TimeoutError):
        return None


async def _exchange(path: Path, page: str) -> bytes:
    reader, writer = await asyncio.open_unix_connection(path)
    try:
        writer.write(f"GET {page} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        return await reader.read()
    finally:
        writer.close()


def _read(answer: bytes) -> Told | None:
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *fields = head.split(b"\r\n")
    words = first.split(b" ")
    lengths = [int(value) for name, _, value in (field.partition(b":") for field in fields) if _is_length(name)]
    if len(words) < 2 or not words[1].isdigit() or lengths != [len(body)]:  # noqa: PLR2004 - version and status
        return None
    return Told(int(words[1]), body)


def _is_length(name: bytes) -> bool:
    return name.lower() == b"content-length"
