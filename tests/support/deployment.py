"""A running Parley as a client meets it: two addresses, whatever answers there."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Self

from tests.support.fleet import START_TIMEOUT_S, Fleet, Member
from tests.support.polling import wait_for
from tests.support.server import Server, free_ports


class Deployment(Protocol):
    """What the tests of the contract know of either profile."""

    api_url: str
    write_url: str
    durability: str
    """What a write is when it is answered, unless its client waited."""

    def log_text(self) -> str:
        """Give everything that its processes wrote."""
        ...

    def beside(self, folder: Path, env: Mapping[str, str]) -> AbstractContextManager[Deployment]:
        """Give another of the same profile, not started, with these settings."""
        ...


class Spread:
    """The server profile: an API and a write service of two processes, on what a fleet shares."""

    durability = "queued"
    api_url: str
    write_url: str

    def __init__(self, fleet: Fleet, env: Mapping[str, str] | None = None) -> None:
        """Take a fleet with a worker, and settings to add to the environment."""
        self._fleet = fleet
        self._env = env
        self._members: list[Member] = []

    def __enter__(self) -> Self:
        """Start them, and return when all processes are ready."""
        api = self._fleet.start("api", env=self._env)
        binds = ("--api-bind", api.url.removeprefix("http://"), "--admin-bind", f"127.0.0.1:{free_ports(1)[0]}")
        write = self._fleet.start("write", "--processes", "2", *binds, env=self._env)
        wait_for(lambda: "Parley is ready." in write.log_text(), "both write processes are ready", START_TIMEOUT_S)
        self.api_url, self.write_url = api.url, write.url
        self._members = [api, write]
        return self

    def __exit__(self, *exc: object) -> None:
        """Stop them; each must end with 0."""
        assert [member.stop() for member in self._members] == [0] * len(self._members)

    def log_text(self) -> str:
        """Give everything that the fleet wrote, its workers too."""
        return "".join(member.log_text() for member in self._fleet.members)

    def beside(self, folder: Path, env: Mapping[str, str]) -> Spread:
        """Give more processes of the same fleet, not started, with these settings."""
        del folder  # they share what the fleet has
        return Spread(self._fleet, env)


if TYPE_CHECKING:
    _conform: tuple[type[Deployment], ...] = (Server, Spread)
