"""Where a MySQL or MariaDB database is and how to reach it, as a URL says."""

from __future__ import annotations

import ssl
from typing import Final, NamedTuple
from urllib.parse import SplitResult, parse_qsl, unquote

from parley.domain.errors import ConfigurationError
from parley.domain.urls import split_url

_FORM: Final = "mysql://user:password@host:port/database"
_PORT: Final = 3306
_OPTIONS: Final = {
    "ssl": "off",
    "ssl-ca": "",
    "unix_socket": "",
    "connect-timeout": "5",
    "read-timeout": "10",
    "write-timeout": "30",
}


class Address(NamedTuple):
    """One database on one server; times in seconds. Printed, it shows no password."""

    host: str
    port: int
    user: str
    password: str
    database: str
    unix_socket: str | None
    tls: ssl.SSLContext | None
    connect_timeout_s: float
    read_timeout_s: float
    """How long a statement outside a transaction may take."""
    write_timeout_s: float
    """How long a statement inside a transaction may take."""

    def __repr__(self) -> str:
        """Say where it is."""
        return f"{self.database} at {self.unix_socket or f'{self.host}:{self.port}'}"


def parse_address(url: str) -> Address:
    """Read ``mysql://user:password@host:port/database``; all parts are percent-decoded.

    Options: ``ssl=on`` checks the server's certificate against the system's authorities, ``ssl-ca=/path`` against a
    file, ``ssl=unchecked`` encrypts only; ``unix_socket=/path``; ``connect-timeout``, ``read-timeout`` and
    ``write-timeout`` in seconds.

    Raises:
        ConfigurationError: the URL is not of that form; the text does not repeat it.
    """
    try:
        parts = split_url(url)
    except ValueError as error:
        raise ConfigurationError(f"PARLEY_DATABASE_URL has {error}; the form is {_FORM}") from None
    options = _options(parts)
    database = unquote(parts.path.removeprefix("/"))
    if not parts.username or not database or "/" in database:
        raise ConfigurationError(f"PARLEY_DATABASE_URL is not of the form {_FORM}")
    return Address(
        host=parts.hostname or "localhost",
        port=_port(parts),
        user=unquote(parts.username),
        password=unquote(parts.password or ""),
        database=database,
        unix_socket=options["unix_socket"] or None,
        tls=_tls(options["ssl"], options["ssl-ca"]),
        connect_timeout_s=_seconds(options, "connect-timeout"),
        read_timeout_s=_seconds(options, "read-timeout"),
        write_timeout_s=_seconds(options, "write-timeout"),
    )


def _options(parts: SplitResult) -> dict[str, str]:
    given = dict(parse_qsl(parts.query, keep_blank_values=True))
    unknown = sorted(set(given) - set(_OPTIONS))
    if unknown:
        raise ConfigurationError(
            f"PARLEY_DATABASE_URL has the unknown option {unknown[0]!r}; known are {', '.join(_OPTIONS)}"
        )
    return _OPTIONS | given


def _port(parts: SplitResult) -> int:
    try:
        return parts.port or _PORT
    except ValueError:
        raise ConfigurationError(f"PARLEY_DATABASE_URL has a port that is none; the form is {_FORM}") from None


def _seconds(options: dict[str, str], name: str) -> float:
    try:
        seconds = float(options[name])
    except ValueError:
        seconds = 0
    if not 0 < seconds <= 3_600:  # noqa: PLR2004 - an hour
        raise ConfigurationError(f"PARLEY_DATABASE_URL: {name} must be a number of seconds above 0, at most 3600")
    return seconds


def _tls(wanted: str, authority: str) -> ssl.SSLContext | None:
    if wanted not in {"off", "on", "unchecked"}:
        raise ConfigurationError("PARLEY_DATABASE_URL: ssl must be on, off or unchecked")
    if wanted == "off" and not authority:
        return None
    try:
        context = ssl.create_default_context(cafile=authority or None)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(f"PARLEY_DATABASE_URL: ssl-ca={authority} cannot be used: {error}") from error
    if wanted == "unchecked":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
