"""Looks at the server behind a database's URL: version, durability, rights, session and clock."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Final

from parley.database.mysql.address import Address, parse_address
from parley.database.mysql.errors import DeniedError, FailedError
from parley.database.mysql.server import Server, examine_server, refusal
from parley.database.mysql.session import Session, connect
from parley.domain.errors import ConfigurationError
from parley.storage.mysql import queries
from parley.telemetry.clock import Clock
from parley.telemetry.findings import Finding

_SKEW_MS: Final = 1_000
_FULL: Final = 0.8
_NO_SUCH_TABLE: Final = 1146
_PROBES: Final = ("probe_insert", "probe_update", "probe_delete")
_DURABLE: Final = "set innodb_flush_log_at_trx_commit = 1, and sync_binlog = 1 if it has a binary log"


async def diagnose(url: str, clock: Clock, *, accepts_relaxed: bool) -> list[Finding]:
    """Look at the server over one connection, changing nothing.

    Raises:
        ConfigurationError: the URL is not one.
    """
    address = parse_address(url)
    findings: list[Finding] = []
    try:
        session = await connect(address, queries())
        try:
            async for finding in _findings(session, address, clock, accepts_relaxed=accepts_relaxed):
                findings.append(finding)  # noqa: PERF401 - kept up to the failure
        finally:
            await session.close()
    except (FailedError, ConfigurationError) as error:
        why = error if isinstance(error, ConfigurationError) else refusal(error, address)
        findings.append(Finding("database", "fail", why.detail, "correct it; then look again"))
    return findings


async def _findings(
    session: Session, address: Address, clock: Clock, *, accepts_relaxed: bool
) -> AsyncIterator[Finding]:
    server = await examine_server(session)
    yield _look_at_server(server, address)
    yield _look_at_durability(server, accepts_relaxed=accepts_relaxed)
    settings = {str(name).lower(): str(value) for name, value in await session.rows("session_settings")}
    for finding in _look_at_session(settings):
        yield finding
    yield _look_at_connections(int((await session.rows("connections"))[0][1]), int(settings["max_connections"]))
    yield await _look_at_rights(session, address)
    yield await _look_at_clock(session, clock)


def _look_at_server(server: Server, address: Address) -> Finding:
    packet = int(server.variables["max_allowed_packet"])
    found = (
        f"{server.product} {server.variables['version']}, database {address.database} in {server.collation}, "
        f"max_allowed_packet {packet:,}"
    )
    try:
        server.check(address.database)
    except ConfigurationError as error:
        return Finding("database", "fail", found, error.detail)
    return Finding("database", "ok", found)


def _look_at_durability(server: Server, *, accepts_relaxed: bool) -> Finding:
    names = ("innodb_flush_log_at_trx_commit", "log_bin", "sync_binlog")
    found = ", ".join(f"{name} {server.variables.get(name, '?')}" for name in names)
    if server.is_synced:
        return Finding("database durability", "ok", found)
    advice = f"{_DURABLE}: it answers before the disk has the write"
    if accepts_relaxed:
        return Finding("database durability", "warn", found, f"{advice}; accepted with PARLEY_LOG_DURABILITY=relaxed")
    return Finding("database durability", "fail", found, advice)


def _look_at_session(settings: Mapping[str, str]) -> Iterator[Finding]:
    """Look at what a proxy between may have changed, and at whether this is the server to write to."""
    isolation = settings.get("transaction_isolation") or settings.get("tx_isolation", "?")
    mode = settings.get("sql_mode", "")
    found = f"isolation {isolation}, sql_mode {mode or 'empty'}"
    if isolation.upper() != "READ-COMMITTED" or "STRICT_ALL_TABLES" not in mode.upper():
        advice = "a proxy between does not keep what a session sets: connect to the server itself"
        yield Finding("database session", "fail", found, advice)
    else:
        yield Finding("database session", "ok", found)
    if "ON" in {settings.get("read_only", "").upper(), settings.get("super_read_only", "").upper()}:
        yield Finding("database role", "fail", "the server is read-only, as a replica is", "name the primary")


def _look_at_connections(used: int, most: int) -> Finding:
    found = f"{used:,} of {most:,} connections are in use"
    if used > most * _FULL:
        advice = "raise max_connections: each process of Parley takes up to PARLEY_READERS + 3, and one a lease"
        return Finding("database connections", "warn", found, advice)
    return Finding("database connections", "ok", found)


async def _look_at_rights(session: Session, address: Address) -> Finding:
    try:
        for probe in _PROBES:
            await session.run(probe)
    except DeniedError as error:
        advice = f"GRANT ALL ON `{address.database}`.* TO '{address.user}'"
        return Finding("database rights", "fail", error.text, advice)
    except FailedError as error:
        if error.code != _NO_SUCH_TABLE:
            raise
        return Finding("database rights", "ok", "the schema is not there yet; migrate will tell")
    return Finding("database rights", "ok", f"{address.user} may insert, update and delete")


async def _look_at_clock(session: Session, clock: Clock) -> Finding:
    before = clock.now_ms()
    told = int((await session.rows("server_time"))[0][0])
    skew_ms = told - (before + clock.now_ms()) // 2
    found = f"{abs(skew_ms) / 1_000:,.1f} s {'ahead of' if skew_ms > 0 else 'behind'} this machine"
    if abs(skew_ms) <= _SKEW_MS:
        return Finding("database clock", "ok", found)
    return Finding("database clock", "warn", found, "run an NTP client on both: keys expire and times are compared")
