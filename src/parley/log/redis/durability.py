"""Whether the engine syncs an entry to its disk before it answers, and keeps all of them: read at start, and judged."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from redis.exceptions import RedisError, ResponseError

from parley.domain.errors import ConfigurationError
from parley.log.redis.servers import Servers, ask, opened
from parley.log.redis.urls import SETTING, Kind

SETTINGS: Final = ("appendonly", "appendfsync", "no-appendfsync-on-rewrite", "maxmemory-policy")
_SYNCED: Final = {"appendonly": "yes", "appendfsync": "always", "no-appendfsync-on-rewrite": "no"}
_OLDEST: Final = (7, 0)
_PATIENCE_S: Final = 10.0
_OTHERWISE: Final = "or accept the loss of acknowledged writes with PARLEY_LOG_DURABILITY=relaxed"


async def check_durability(servers: Servers, partitions: int, kind: Kind, *, accepts_relaxed: bool) -> str:
    """Ask every partition's server how it is set up, and say what an answer may claim: ``queued`` or ``relaxed``.

    Where the settings cannot be read, they are as the operator says.

    Raises:
        ConfigurationError: a server is away, too old, a replica, evicts keys, or loses acknowledged writes that the
            operator has not given up; the sentence says what to change.
    """
    if kind is not Kind.SINGLE and not accepts_relaxed:
        raise ConfigurationError(
            f"{SETTING} names a {kind.value}, which may promote a replica that lacks acknowledged writes; "
            f"use one server, {_OTHERWISE}"
        )
    hosts = {await _locate(servers, partition): partition for partition in range(partitions)}
    claims = {await _check_server(servers, partition, kind, accepts_relaxed) for partition in hosts.values()}
    return "relaxed" if "relaxed" in claims or kind is not Kind.SINGLE else "queued"


def read_info(text: bytes) -> dict[str, str]:
    """Read what INFO answers."""
    lines = (line.partition(":") for line in text.decode("utf-8", "replace").splitlines())
    return {name: value for name, colon, value in lines if colon}


def read_settings(reply: object) -> Mapping[str, str] | None:
    """Read what CONFIG GET answers; ``None`` where it is not allowed."""
    if not isinstance(reply, Sequence) or not reply:
        return None
    texts = [bytes(each).decode("utf-8", "replace") for each in reply]
    return dict(zip(texts[::2], texts[1::2], strict=True))


def keeps_all(info: Mapping[str, str], settings: Mapping[str, str] | None) -> bool:
    """Tell whether this server had, since it runs, all that was ever answered, and syncs before it answers.

    One that was promoted may lack what the primary before it answered; one whose settings are unknown may lose some.
    """
    was_promoted = info.get("master_replid2", "").strip("0") != ""
    is_primary = info.get("role") == "master" and not was_promoted
    return is_primary and settings is not None and not unsynced(settings)


async def _locate(servers: Servers, partition: int) -> Any:  # noqa: ANN401 - a host, used as a key alone
    try:
        return await servers.locate(partition)
    except (RedisError, OSError) as error:
        raise ConfigurationError(f"{SETTING}: {error}") from error


async def _check_server(servers: Servers, partition: int, kind: Kind, accepts_relaxed: bool) -> str:  # noqa: FBT001
    try:
        async with asyncio.timeout(_PATIENCE_S), opened(servers, partition) as connection:
            info = read_info(await ask(connection, "INFO"))
            try:
                settings = read_settings(await ask(connection, "CONFIG", "GET", *SETTINGS))
            except ResponseError:  # not allowed, or renamed
                settings = None
    except (RedisError, OSError) as error:
        raise ConfigurationError(f"{SETTING}: the log does not answer: {str(error) or 'nothing came'}") from error
    check_info(info, kind)
    if settings is None:
        return "relaxed" if accepts_relaxed else "queued"
    return _check_settings(settings, accepts_relaxed=accepts_relaxed)


def check_info(info: Mapping[str, str], kind: Kind) -> None:
    """Look at what a server says of itself.

    Raises:
        ConfigurationError: it is too old, a replica, or of another kind than the URL says.
    """
    version = info.get("redis_version", "")
    if tuple(map(int, re.findall(r"\d+", version)[:2])) < _OLDEST:
        raise ConfigurationError(f"{SETTING} names a Redis {version}; use 7.0 or later, or Valkey")
    if info.get("role") != "master":
        raise ConfigurationError(f"{SETTING} names a replica of {info.get('master_host')}; name the primary itself")
    is_cluster = info.get("cluster_enabled") == "1"
    if is_cluster != (kind is Kind.CLUSTER):
        form = "redis+cluster://" if is_cluster else "redis://"
        raise ConfigurationError(
            f"{SETTING} names a {'node of a cluster' if is_cluster else 'single server'}; use {form}"
        )


def _check_settings(settings: Mapping[str, str], *, accepts_relaxed: bool) -> str:
    policy = settings.get("maxmemory-policy", "noeviction")
    if policy != "noeviction":
        raise ConfigurationError(
            f"The log's Redis may evict what is not stored yet (maxmemory-policy {policy}); "
            "write 'maxmemory-policy noeviction' into its redis.conf"
        )
    lines = unsynced(settings)
    if lines and not accepts_relaxed:
        wanted = ", ".join(f"'{line}'" for line in lines)
        raise ConfigurationError(
            f"The log's Redis answers before it has synced to disk; write {wanted} into its redis.conf, {_OTHERWISE}"
        )
    return "relaxed" if lines else "queued"


def unsynced(settings: Mapping[str, str]) -> list[str]:
    """Give the lines of redis.conf without which an answer comes before the sync."""
    return [f"{name} {value}" for name, value in _SYNCED.items() if settings.get(name, value) != value]
