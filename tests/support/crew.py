"""A fleet at work with clients that write to it, for tests that harm a part of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tests.support.client import Client
from tests.support.engines.mariadb import MariaDbServer
from tests.support.engines.redis import RedisServer
from tests.support.fleet import Fleet, Member
from tests.support.tenant import Tenant
from tests.support.workload import CreateLoad, Progress


@dataclass(frozen=True)
class Crew:
    """Two workers, an API and two write processes over a Redis of their own, and their clients."""

    fleet: Fleet
    redis: RedisServer
    mariadb: MariaDbServer
    workers: list[Member]
    api: Client
    tenant: Tenant
    load: CreateLoad
    progress: Progress
    clients: int

    @asynccontextmanager
    async def loaded(self) -> AsyncIterator[None]:
        """Let the clients write inside, from the first hundred messages on."""
        async with self.load.running(self.clients):
            await self.acknowledged(100)
            yield

    async def acknowledged(self, more: int) -> None:
        """Wait until so many more messages are acknowledged."""
        goal = len(self.load.acknowledged) + more
        await self.progress.reach(lambda: len(self.load.acknowledged) >= goal)

    def rows(self, statement: str) -> list[list[str]]:
        """Ask the database behind the product's back."""
        return self.mariadb.run(statement, self.fleet.database)
