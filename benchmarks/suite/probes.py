"""Clients beside a load that tell when what they created is stored, and when it is found."""

from __future__ import annotations

import asyncio
import secrets
import time
from typing import Final

import httpx

from benchmarks.suite.cell import VoidError

_WAIT: Final = {"Prefer": "wait=30"}
_STORED_EVERY_S: Final = 0.03
_FOUND_EVERY_S: Final = 0.1


class Probes:
    """Creates in one chat; the lists hold seconds."""

    def __init__(self, write: str, api: str, chat: str) -> None:
        """Create at ``write`` and search at ``api``."""
        self._created = f"{write}{chat}/messages"
        self._searched = f"{api}{chat}/messages/search"
        self.sent = 0
        self.stored: list[float] = []
        self.found: list[float] = []

    async def store(self) -> None:
        """Create messages and note when each was stored, until cancelled."""
        async with httpx.AsyncClient(timeout=60) as client:
            while True:
                began = time.perf_counter()
                self.sent += 1
                answer = await client.post(self._created, json={"body": "is it stored?"}, headers=_WAIT)
                if answer.headers.get("Parley-Durability") != "stored":
                    raise VoidError(f"a create that waits was not stored within 30 s: {answer.status_code}")
                self.stored.append(time.perf_counter() - began)
                await asyncio.sleep(_STORED_EVERY_S)

    async def find(self) -> None:
        """Create messages and note when each is found, until cancelled."""
        async with httpx.AsyncClient(timeout=60) as client:
            while True:
                self.found.append(await self._find_one(client))

    async def _find_one(self, client: httpx.AsyncClient) -> float:
        """Create a message and give the seconds from its answer until it is found."""
        word = secrets.token_hex(8)
        self.sent += 1
        (await client.post(self._created, json={"body": f"where is {word}"})).raise_for_status()
        began = time.perf_counter()
        while not await self._finds(client, word):  # noqa: ASYNC110 - it is another process that finds
            await asyncio.sleep(_FOUND_EVERY_S)
        return time.perf_counter() - began

    async def _finds(self, client: httpx.AsyncClient, word: str) -> bool:
        answer = await client.get(self._searched, params={"q": word})
        return answer.status_code == httpx.codes.OK and bool(answer.json())
