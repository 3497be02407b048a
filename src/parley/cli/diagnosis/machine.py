"""Looks at what Parley runs on: Python, SQLite, open files, ports."""

from __future__ import annotations

import platform
import resource
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from inspect import isbuiltin
from typing import Final

import httpx
import msgspec

from parley.config import Settings, flag_of, refuse_public_bind, variable_of
from parley.database.engine import examine_engine
from parley.domain.binds import Bind, parse_bind
from parley.domain.errors import ConfigurationError
from parley.http.wire.listener import bind
from parley.telemetry.findings import Finding

_PYTHON_MIN: Final = (3, 11)
_SPARE_FILES: Final = 512
"""Open files besides connections: the database's own, sockets, log."""

_ANSWER_TIMEOUT_S: Final = 3.0
_ANY_HOST: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - looked for, not bound


def is_compiled() -> bool:
    """Tell which of the two builds this is: of a compiled module Python sees no source."""
    return isbuiltin(bind)


def look_at_versions() -> Iterator[Finding]:
    """Look at Python and the libraries that matter."""
    python = platform.python_version()
    libraries = ", ".join(f"{name} {version(name)}" for name in ("parley", "uvloop", "httptools", "apsw"))
    build = "compiled" if is_compiled() else "not compiled"
    is_old = tuple(map(int, platform.python_version_tuple()[:2])) < _PYTHON_MIN
    told = f"Python {python}, {libraries}; Parley is {build}"
    yield Finding("versions", "fail" if is_old else "ok", told, "install Python 3.11" if is_old else "")
    engine = examine_engine()
    yield Finding(
        "SQLite",
        "ok" if engine.has_trigram else "fail",
        f"{engine.version}, trigram search {'works' if engine.has_trigram else 'does not work'}",
        "" if engine.has_trigram else "install the apsw wheel from the package index: it brings a current SQLite",
    )


def look_at_open_files(settings: Settings) -> Iterator[Finding]:
    """Look at how many files may be open, of which each connection is one; a start raises the soft limit."""
    _, limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = settings.max_connections + _SPARE_FILES
    if limit == resource.RLIM_INFINITY or limit >= needed:
        yield Finding("open files", "ok", f"limit {limit}, {needed} needed for {settings.max_connections} connections")
        return
    advice = f"raise the hard limit (LimitNOFILE={needed} in systemd), or lower PARLEY_MAX_CONNECTIONS"
    yield Finding("open files", "warn", f"limit {limit}, {needed} needed", advice)


def look_at_binds(settings: Settings, names: Sequence[str], *, is_served: bool) -> Iterator[Finding]:
    """Look at the addresses: safe, and free or ours, which can only be where something is served."""
    try:
        refuse_public_bind(settings, names)
    except ConfigurationError as error:
        yield Finding("binds", "fail", error.detail, "set PARLEY_ADMIN_TOKEN, or change the bind")
    for name in names:
        yield _look_at_port(name, parse_bind(getattr(settings, name)), is_served=is_served)


def _look_at_port(name: str, address: Bind, *, is_served: bool) -> Finding:
    subject = variable_of(name)
    try:
        bind(*address).close()
    except ConfigurationError as error:
        return _look_at_listener(subject, address, error.detail, flag_of(name), is_served=is_served)
    return Finding(subject, "ok", f"{address} is free")


def _look_at_listener(subject: str, address: Bind, why: str, flag: str, *, is_served: bool) -> Finding:
    """Find out whether the port is taken by our own server."""
    target = Bind(_ANY_HOST.get(address.host, address.host), address.port)
    try:
        answer = httpx.get(f"http://{target}/health", timeout=_ANSWER_TIMEOUT_S, trust_env=False)
        status = str(msgspec.json.decode(answer.content)["status"])
    except (httpx.HTTPError, msgspec.MsgspecError, UnicodeDecodeError, KeyError, TypeError):
        return Finding(subject, "fail", why, f"stop the program that listens there, or choose another with {flag}")
    told = f"{address} is served by Parley, which says: {status}"
    if not is_served:
        advice = f"it serves another data folder: stop it, or choose another address with {flag}"
        return Finding(subject, "fail", told, advice)
    if status == "healthy":
        return Finding(subject, "ok", told)
    return Finding(subject, "warn", told, f"http://{target}/health says what is away")
