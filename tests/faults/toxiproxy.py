"""Toxiproxy in front of the servers: connections through it can be cut, held up, or lead nowhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar, Final

import httpx

from tests.support.engines.process import HOST, Engine, free_port
from tests.support.missing import lacking

_TOOLS: Final = Path(__file__).parents[2] / ".faults" / "tools"


class Toxiproxy(Engine):
    """One proxy process; each way through it has a name and a port of its own."""

    name: ClassVar[str] = "toxiproxy"

    def __init__(self, folder: Path) -> None:
        """Take a folder."""
        super().__init__(folder)
        self._ways: dict[str, int] = {}

    def port_of(self, name: str) -> int:
        """Give the port at which a way begins."""
        return self._ways[name]

    def add_way(self, name: str, upstream: int) -> int:
        """Make a way to a loopback port, and give the port at which it begins."""
        self._ways[name] = free_port(self.ports)
        way = {"name": name, "listen": f"{HOST}:{self._ways[name]}", "upstream": f"{HOST}:{upstream}"}
        self._ask("POST", "proxies", {**way, "enabled": True})
        return self._ways[name]

    @contextmanager
    def cut(self, name: str) -> Iterator[None]:
        """Have a way closed inside: what is connected is cut, and nobody connects."""
        self._ask("POST", f"proxies/{name}", {"enabled": False})
        try:
            yield
        finally:
            self._ask("POST", f"proxies/{name}", {"enabled": True})

    @contextmanager
    def slow(self, name: str, latency_ms: int) -> Iterator[None]:
        """Have everything that comes back along a way come later."""
        toxic = {"name": "slow", "type": "latency", "stream": "downstream", "attributes": {"latency": latency_ms}}
        with self._poisoned(name, toxic):
            yield

    @contextmanager
    def silent(self, name: str) -> Iterator[None]:
        """Have nothing come back along a way, while its connections stay open."""
        toxic = {"name": "silent", "type": "timeout", "stream": "downstream", "attributes": {"timeout": 0}}
        with self._poisoned(name, toxic):
            yield

    def prepare(self) -> None:
        """Need nothing but the program."""

    def command(self) -> list[str]:
        """Give the command."""
        found = sorted(_TOOLS.glob("toxiproxy-*")) or [lacking("Toxiproxy is not built; scripts/faults-tools.sh does")]
        return [str(found[-1]), "-host", HOST, "-port", str(self.port)]

    def is_ready(self) -> bool:
        """Tell whether it answers."""
        try:
            return httpx.get(f"http://{HOST}:{self.port}/version").is_success
        except httpx.TransportError:
            return False

    @contextmanager
    def _poisoned(self, name: str, toxic: Mapping[str, object]) -> Iterator[None]:
        self._ask("POST", f"proxies/{name}/toxics", {**toxic, "toxicity": 1.0})
        try:
            yield
        finally:
            self._ask("DELETE", f"proxies/{name}/toxics/{toxic['name']}", None)

    def _ask(self, method: str, path: str, body: object) -> None:
        url = f"http://{HOST}:{self.port}/{path}"
        httpx.request(method, url, json=body, headers={"User-Agent": "faults"}, timeout=10).raise_for_status()
