"""What a run was asked to do, and where."""

from __future__ import annotations

from ssl import SSLContext
from typing import Final, NamedTuple

import httpx
import msgspec

from parley.domain.binds import Bind

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


class Plan(msgspec.Struct, frozen=True):
    """The command line, judged; the report repeats it."""

    url: httpx.URL
    write_url: httpx.URL
    connections: int
    seconds: int
    rate: int | None
    reads: int
    keys: int
    size: int
    chats: int


class Origin(NamedTuple):
    """Where a service is reached, and what its requests begin with."""

    host: str
    port: int
    tls: SSLContext | None
    authority: str
    prefix: str


def origin_of(url: httpx.URL) -> Origin:
    """Take an address apart; certificates are checked as every client command does."""
    return Origin(
        url.host,
        url.port or _DEFAULT_PORTS[url.scheme],
        httpx.create_ssl_context() if url.scheme == "https" else None,
        url.netloc.decode("ascii"),
        url.raw_path.decode("ascii").rstrip("/"),
    )


class Services(NamedTuple):
    """Where reads and writes go: one and the same object where that is one place."""

    read: Origin
    write: Origin


def services_of(plan: Plan) -> Services:
    """Take the plan's addresses apart."""
    read = origin_of(plan.url)
    return Services(read, read if plan.write_url == plan.url else origin_of(plan.write_url))


def strangers(plan: Plan) -> list[str]:
    """Name the hosts that are not this machine, as far as their names say."""
    return sorted({url.host for url in (plan.url, plan.write_url) if not Bind(url.host, 0).is_loopback})
