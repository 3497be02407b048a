"""Looks at the servers behind a log's URL: versions, durability, memory, rights and clocks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Final

from redis.asyncio.connection import AbstractConnection
from redis.exceptions import NoPermissionError, RedisError, ResponseError

from parley.domain.errors import ConfigurationError
from parley.log.redis.durability import SETTINGS, check_info, read_info, read_settings, unsynced
from parley.log.redis.names import partition_keys
from parley.log.redis.servers import ask, build_servers, opened
from parley.log.redis.urls import Host, Kind, Target, parse_url
from parley.telemetry.clock import Clock
from parley.telemetry.findings import Finding

_SKEW_MS: Final = 1_000
_FULL: Final = 0.8
_US_IN_MS: Final = 1_000
_NO_REWRITE: Final = "no-appendfsync-on-rewrite no"
_NO_EVICTION: Final = "maxmemory-policy noeviction"
_RELAXED: Final = "accepted with PARLEY_LOG_DURABILITY=relaxed: answers say so"
_HEALTH: Final = {
    "loading": ("0", "it is loading its file", "wait until it has"),
    "aof_last_write_status": ("ok", "its last write to the append-only file failed", "make room on its disk"),
    "aof_last_bgrewrite_status": ("ok", "its last rewrite of the append-only file failed", "see its log"),
}


async def diagnose(url: str, clock: Clock, partitions: int, *, accepts_relaxed: bool) -> list[Finding]:
    """Look at every server that has a partition, changing nothing.

    Raises:
        ConfigurationError: the URL cannot be understood.
    """
    target = parse_url(url)
    servers = build_servers(target)
    findings: list[Finding] = []
    try:
        hosts = {await servers.locate(partition): partition for partition in range(partitions)}
        for host, partition in hosts.items():
            async with opened(servers, partition) as connection:
                look = _Look(connection, host, target, clock, accepts_relaxed=accepts_relaxed)
                findings += [finding async for finding in look.findings(partition)]
    except (RedisError, OSError) as error:
        findings.append(Finding("log", "fail", f"it does not answer: {error}", "start it, or correct PARLEY_LOG_URL"))
    return findings


class _Look:
    """One server, over one connection."""

    def __init__(
        self, connection: AbstractConnection, host: Host, target: Target, clock: Clock, *, accepts_relaxed: bool
    ) -> None:
        self._connection = connection
        self._target = target
        self._clock = clock
        self._accepts_relaxed = accepts_relaxed
        where = f"{host.name}:{host.port}" if host.port else host.name
        self._subject = "log" if target.kind is Kind.SINGLE else f"log {where}"

    async def findings(self, partition: int) -> AsyncIterator[Finding]:
        info = read_info(await ask(self._connection, "INFO"))
        yield self._look_at_server(info)
        for finding in self._look_at_health(info):
            yield finding
        try:
            settings = read_settings(await ask(self._connection, "CONFIG", "GET", *SETTINGS))
        except ResponseError:  # not allowed, or renamed
            settings = None
        for finding in self._look_at_settings(settings):
            yield finding
        for finding in await self._look_at_rights(partition):
            yield finding
        yield await self._look_at_clock()

    def _look_at_server(self, info: Mapping[str, str]) -> Finding:
        product = "Valkey" if info.get("server_name") == "valkey" else "Redis"
        version = info.get("valkey_version") or info.get("redis_version", "?")
        found = f"{product} {version}, {info.get('role')}, up for {int(info.get('uptime_in_seconds', 0)):,} s"
        try:
            check_info(info, self._target.kind)
        except ConfigurationError as error:
            return Finding(self._subject, "fail", found, error.detail)
        return Finding(self._subject, "ok", found)

    def _look_at_health(self, info: Mapping[str, str]) -> Iterator[Finding]:
        for name, (well, trouble, advice) in _HEALTH.items():
            if info.get(name, well) != well:
                yield Finding(self._subject, "fail", f"{trouble} ({name} {info[name]})", advice)
        used, most = int(info.get("used_memory", 0)), int(info.get("maxmemory", 0))
        if most and used > most * _FULL:
            found = f"{used / most:.0%} of maxmemory is used: a full log refuses appends"
            yield Finding(self._subject, "warn", found, "raise maxmemory, or lower PARLEY_DEPTH_MAX_BYTES")

    def _look_at_settings(self, settings: Mapping[str, str] | None) -> Iterator[Finding]:
        subject = f"{self._subject} settings"
        if settings is None:
            advice = f"make sure yourself of appendonly yes, appendfsync always, {_NO_REWRITE}, {_NO_EVICTION}"
            yield Finding(subject, "warn", "this user may not read them (CONFIG GET)", advice)
            return
        told = ", ".join(f"{name} {settings[name]}" for name in SETTINGS if name in settings)
        wrong = False
        if settings.get("maxmemory-policy", "noeviction") != "noeviction":
            wrong = True
            yield Finding(subject, "fail", told, f"write '{_NO_EVICTION}' into its redis.conf: it may evict entries")
        lines = unsynced(settings)
        if lines:
            wrong = True
            wanted = ", ".join(f"'{line}'" for line in lines)
            advice = f"write {wanted} into its redis.conf: it answers before it has synced to disk"
            if self._accepts_relaxed:
                yield Finding(subject, "warn", told, f"{advice}; {_RELAXED}")
            else:
                yield Finding(subject, "fail", told, advice)
        if not wrong:
            yield Finding(subject, "ok", told)

    async def _look_at_rights(self, partition: int) -> list[Finding]:
        """Ask the server what this user may do; where it may not ask, an append will tell."""
        subject, key = f"{self._subject} rights", partition_keys(self._target.prefix, partition).epoch
        wanted = (
            ("EVALSHA", "0" * 40, "1", key), ("SCRIPT", "LOAD", "x"), ("SCRIPT", "EXISTS", "x"), ("INFO",),
            ("XADD", key, "*", "x", "y"), ("XRANGE", key, "-", "+"), ("XTRIM", key, "MAXLEN", "1"), ("UNLINK", key),
            ("HSET", key, "x", "y"), ("XINFO", "STREAM", key), ("TIME",),
        )  # fmt: skip
        try:
            user = bytes(await ask(self._connection, "ACL", "WHOAMI")).decode()
            told = [(one, bytes(await ask(self._connection, "ACL", "DRYRUN", user, *one))) for one in wanted]
        except (NoPermissionError, ResponseError):
            return [Finding(subject, "ok", "this user may not ask what it may do (ACL DRYRUN)")]
        refused = [
            " ".join(one[:2]) if one[0] in {"SCRIPT", "XINFO"} else one[0] for one, said in told if said != b"OK"
        ]
        if not refused:
            return [Finding(subject, "ok", f"{user} may do all that is needed")]
        advice = f"ACL SETUSER {user} ~{{{self._target.prefix}:*}}* +@all -@dangerous +info +config|get"
        return [Finding(subject, "fail", f"{user} may not {', '.join(refused)}", advice)]

    async def _look_at_clock(self) -> Finding:
        before = self._clock.now_ms()
        seconds, micros = await ask(self._connection, "TIME")
        after = self._clock.now_ms()
        return judge_skew(self._subject, int(seconds) * 1_000 + int(micros) // _US_IN_MS - (before + after) // 2)


def judge_skew(subject: str, skew_ms: int) -> Finding:
    """Judge how far a server's clock is ahead of this machine's."""
    found = f"{abs(skew_ms) / 1_000:,.1f} s {'ahead of' if skew_ms > 0 else 'behind'} this machine"
    if abs(skew_ms) <= _SKEW_MS:
        return Finding(f"{subject} clock", "ok", found)
    return Finding(f"{subject} clock", "warn", found, "run an NTP client on both: created_at is the log's own time")
