"""What a log's URL says: which servers, how to reach them, and under which names the log lies there.

==================================================== ==================================================
``redis://[[user]:password@]host[:port][/db]``       one server; ``valkey://`` is the same
``rediss://…``                                       the same over TLS; ``valkeys://`` is the same
``unix://[[user]:password@]/path/to/socket[?db=0]``  one server on this machine
``redis+sentinel://…host[:port],host[:port]/service[/db]``  the primary that the sentinels name
``redis+cluster://…host[:port],host[:port]``         a cluster, found through any of these nodes
==================================================== ==================================================

Every form takes ``?prefix=`` (``parley``), with which all names begin; those over TLS take the paths of files,
``ssl_ca_certs=``, ``ssl_certfile=`` and ``ssl_keyfile=``; those with sentinels take ``sentinel_username=`` and
``sentinel_password=``, which are for the sentinels themselves.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Any, Final, NamedTuple
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from parley.domain.errors import ConfigurationError
from parley.domain.urls import split_url

SETTING: Final = "PARLEY_LOG_URL"
_PORT: Final = 6379
_SENTINEL_PORT: Final = 26379
_PREFIX: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_TLS_OPTIONS: Final = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
_SENTINEL_OPTIONS: Final = ("sentinel_username", "sentinel_password")


class Kind(Enum):
    """How the server that has a partition is found."""

    SINGLE = "single"
    SENTINEL = "sentinel"
    CLUSTER = "cluster"


class Host(NamedTuple):
    """Where a server listens: a name with a port, or a socket's path with port 0."""

    name: str
    port: int


class Target(NamedTuple):
    """What a URL says."""

    kind: Kind
    hosts: tuple[Host, ...]
    prefix: str
    credentials: dict[str, Any]
    """Of the servers that keep the log: user name, password and database."""
    tls: dict[str, Any] | None
    service: str = ""
    sentinel_credentials: dict[str, Any] | None = None


def parse_url(url: str) -> Target:
    """Read a log's URL.

    Raises:
        ConfigurationError: it cannot be understood; the sentence says which part, and repeats no password.
    """
    try:
        parts = split_url(url)
        options = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
        return _READERS[parts.scheme](parts, options)
    except ValueError as error:
        raise ConfigurationError(f"{SETTING} cannot be read: {error}") from None


def _read_server(parts: SplitResult, options: dict[str, str]) -> Target:
    _refuse_unknown(options, *(_TLS_OPTIONS if _is_tls(parts) else ()))
    tls: dict[str, Any] = {name: options[name] for name in _TLS_OPTIONS if name in options}
    (host,) = _hosts(parts, _PORT, 1)
    return Target(
        Kind.SINGLE,
        (host,),
        _prefix(options),
        _credentials(parts, parts.path.strip("/")),
        tls if _is_tls(parts) else None,
    )


def _read_socket(parts: SplitResult, options: dict[str, str]) -> Target:
    _refuse_unknown(options, "db")
    if not parts.path.strip("/"):
        raise ValueError("unix:// needs the path of a socket, as in unix:///run/redis/redis.sock")
    host = Host(unquote(parts.path), 0)
    return Target(Kind.SINGLE, (host,), _prefix(options), _credentials(parts, options.get("db", "")), None)


def _read_sentinel(parts: SplitResult, options: dict[str, str]) -> Target:
    _refuse_unknown(options, *_SENTINEL_OPTIONS)
    service, _, database = parts.path.strip("/").partition("/")
    if not service:
        raise ValueError("redis+sentinel:// needs the service's name, as in redis+sentinel://host:26379/mymaster")
    theirs = {name.removeprefix("sentinel_"): options[name] for name in _SENTINEL_OPTIONS if name in options}
    hosts, credentials = _hosts(parts, _SENTINEL_PORT), _credentials(parts, database)
    return Target(Kind.SENTINEL, hosts, _prefix(options), credentials, None, unquote(service), theirs)


def _read_cluster(parts: SplitResult, options: dict[str, str]) -> Target:
    _refuse_unknown(options)
    if parts.path.strip("/") not in {"", "0"}:
        raise ValueError("a cluster has database 0 alone")
    return Target(Kind.CLUSTER, _hosts(parts, _PORT), _prefix(options), _credentials(parts, ""), None)


_READERS: Final = {
    "redis": _read_server,
    "rediss": _read_server,
    "valkey": _read_server,
    "valkeys": _read_server,
    "unix": _read_socket,
    "redis+sentinel": _read_sentinel,
    "redis+cluster": _read_cluster,
}


def _is_tls(parts: SplitResult) -> bool:
    return parts.scheme in {"rediss", "valkeys"}


def _refuse_unknown(options: dict[str, str], *known: str) -> None:
    unknown = sorted(options.keys() - {"prefix", *known})
    if unknown:
        raise ValueError(f"{unknown[0]!r} is not one of {', '.join(sorted(['prefix', *known]))}")


def _prefix(options: dict[str, str]) -> str:
    prefix = options.get("prefix", "parley")
    if not _PREFIX.fullmatch(prefix):
        raise ValueError("prefix has at most 64 letters, digits, '.', '_' and '-'")
    return prefix


def _credentials(parts: SplitResult, database: str) -> dict[str, Any]:
    if database and not database.isdecimal():
        raise ValueError(f"{database!r} is not the number of a database")
    given: dict[str, Any] = {"db": int(database or 0)}
    user, _, password = parts.netloc.rpartition("@")[0].partition(":")
    if user:
        given["username"] = unquote(user)
    if password:
        given["password"] = unquote(password)
    return given


def _hosts(parts: SplitResult, port: int, most: int = 64) -> tuple[Host, ...]:
    named = parts.netloc.rpartition("@")[2]
    hosts = tuple(_host(text, parts.scheme, port) for text in named.split(",")) if named else ()
    if not 1 <= len(hosts) <= most:
        raise ValueError(f"{parts.scheme}:// needs {'one host' if most == 1 else 'hosts, with commas between'}")
    return hosts


def _host(text: str, scheme: str, port: int) -> Host:
    alone = urlsplit(f"{scheme}://{text}")
    if not alone.hostname:
        raise ValueError(f"{text!r} is not a host")
    return Host(alone.hostname, port if alone.port is None else alone.port)
