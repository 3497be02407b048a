"""A peer as a child process on a loopback port, with its CPU at hand."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar, NamedTuple
from urllib.error import URLError
from urllib.request import urlopen

from benchmarks.peers.catalogue import Peer
from tests.support.engines.process import HOST, Engine
from tests.support.engines.redis import RedisServer


class Surroundings(NamedTuple):
    """What a peer is told: the Redis that is its own, the applications' tokens, how many chats each has."""

    redis: RedisServer | None = None
    tokens: Sequence[str] = ()
    chats: int = 1
    durability: str = "queued"


class PeerServer(Engine):
    """One peer; its Redis, if it needs one, is its own and already runs."""

    name: ClassVar[str] = "peer"

    def __init__(self, folder: Path, peer: Peer, told: Surroundings, options: Sequence[str] = ()) -> None:
        """Take a folder and what the peer is told; ``options`` are flags that replace its settings."""
        super().__init__(folder, options)
        self.peer = peer
        self._told = told
        self._program: list[str] = []

    @property
    def url(self) -> str:
        """Give its address."""
        return f"http://{HOST}:{self.port}"

    def prepare(self) -> None:
        """Build it, and write down the tokens."""
        (self.folder / "tokens").write_text("\n".join(self._told.tokens), "utf-8")
        self._program = self.peer.build(self.folder)

    def command(self) -> list[str]:
        """Give the command, settings before options: of a flag that stands twice the last one counts."""
        told = self._told
        redis = [] if told.redis is None else ["--redis", f"{HOST}:{told.redis.port}"]
        settings = [word for name, value in self.peer.settings.items() for word in (f"--{name}", value)]
        return [
            *self._program, "--port", str(self.port), *redis, "--tokens", str(self.folder / "tokens"),
            "--chats", str(told.chats), "--durability", told.durability, *settings, *self.options,
        ]  # fmt: skip

    def is_ready(self) -> bool:
        """Tell whether it answers."""
        try:
            with urlopen(f"{self.url}/health", timeout=1) as answer:  # noqa: S310 - a loopback address of ours
                return bool(answer.status == 200)
        except (URLError, ConnectionError, TimeoutError):
            return False

    def cpu_s(self) -> float:
        """Give the CPU seconds that its processes have used."""
        if self.process is None:
            raise RuntimeError("not started")
        return sum(map(cpu_s, processes(self.process.pid)))


def processes(pid: int) -> Iterator[int]:
    """Give a process and all below it."""
    yield pid
    for thread in Path(f"/proc/{pid}/task").iterdir():
        for child in (thread / "children").read_text("ascii").split():
            yield from processes(int(child))


def cpu_s(pid: int) -> float:
    """Give the CPU seconds that a process has used."""
    spent = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(spent[11]) + int(spent[12])) / os.sysconf("SC_CLK_TCK")
