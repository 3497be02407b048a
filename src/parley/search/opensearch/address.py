"""What the URL of a search engine says."""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from typing import Final, NamedTuple
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from parley.domain.errors import ConfigurationError
from parley.domain.urls import split_url

_FORM: Final = "http(s)://user:password@host:port,host:port/prefix?shards=1&replicas=1&refresh=now&ca=/path/to/ca.pem"
_PORTS: Final = {"http": 9200, "https": 443}
_PREFIX: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}")
_OPTIONS: Final = ("shards", "replicas", "refresh", "ca")
_MOST_SHARDS: Final = 1024
_MOST_REPLICAS: Final = 100


class Address(NamedTuple):
    """Where the engine is, as whom it is asked, and what a new index is made like."""

    hosts: tuple[tuple[str, int], ...]
    prefix: str
    """What all names of ours in the engine begin with."""
    user: tuple[str, str] | None
    trust: ssl.SSLContext | None
    """Whose certificates are believed; ``None`` without TLS."""
    shards: int
    replicas: int | None
    """``None``: one where there is a second node."""
    refreshes: bool
    """Whether what a call indexed is searchable when it returns, instead of a second later."""


def parse_address(url: str) -> Address:
    """Take the URL apart.

    Raises:
        ConfigurationError: it is not of the form; the text names the part and repeats no password.
    """
    try:
        parts = split_url(url)
        return _address(parts, _options(parts.query))
    except (ValueError, OSError) as error:
        raise ConfigurationError(f"PARLEY_SEARCH_URL has {error}; it should be of the form {_FORM}") from None


def _address(parts: SplitResult, options: Mapping[str, str]) -> Address:
    userinfo, _, hosts = parts.netloc.rpartition("@")
    name, _, password = userinfo.partition(":")
    prefix = unquote(parts.path.strip("/")) or "parley"
    if not _PREFIX.fullmatch(prefix):
        raise ValueError("a prefix that is not made of a-z, 0-9, _ and -")
    if parts.fragment:
        raise ValueError("a # in it, to be written as %23 in a password")
    return Address(
        hosts=tuple(_host(host, _PORTS[parts.scheme]) for host in hosts.split(",")),
        prefix=prefix,
        user=(unquote(name), unquote(password)) if userinfo else None,
        trust=_trust(options.get("ca")) if parts.scheme == "https" else None,
        shards=_count("shards", options.get("shards", "1"), 1, _MOST_SHARDS),
        replicas=_count("replicas", options["replicas"], 0, _MOST_REPLICAS) if "replicas" in options else None,
        refreshes=_refreshes(options.get("refresh")),
    )


def _options(query: str) -> dict[str, str]:
    options = dict(parse_qsl(query, keep_blank_values=True))
    unknown = sorted(set(options).difference(_OPTIONS))
    if unknown:
        raise ValueError(f"the option {unknown[0]!r}, which is none of {', '.join(_OPTIONS)}")
    return options


def _host(text: str, port: int) -> tuple[str, int]:
    parts = urlsplit(f"//{text}")
    if not parts.hostname:
        raise ValueError("no host")
    try:
        return parts.hostname, parts.port or port
    except ValueError:
        raise ValueError(f"a wrong port for the host {parts.hostname}") from None


def _count(name: str, text: str, least: int, most: int) -> int:
    if not text.isascii() or not text.isdecimal() or not least <= int(text) <= most:
        raise ValueError(f"{name}={text}, which is no number from {least} to {most}")
    return int(text)


def _refreshes(text: str | None) -> bool:
    if text not in (None, "now"):
        raise ValueError(f"refresh={text}; only refresh=now is known")
    return text == "now"


def _trust(authority: str | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=authority)
    except OSError as error:
        raise ValueError(f"ca={authority}, which cannot be read ({error.strerror or error})") from None
