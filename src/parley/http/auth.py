"""Who may list and create applications; below an application its token in the path is the credential."""

from __future__ import annotations

import hmac
import re
from hashlib import blake2b
from typing import Final

from parley.domain.errors import ForbiddenError, UnauthorizedError
from parley.http.exchange import Exchange

_LOOPBACK: Final = re.compile(rb"(?:localhost|127(?:\.[0-9]{1,3}){3}|\[::1\])(?::[0-9]{1,5})?", re.IGNORECASE)
_BEARER: Final = b"bearer "


class Access:
    """The admin token where there is one; else whoever calls this machine by a loopback name.

    Without a token the bind is a loopback address (start is refused otherwise), and the Host must
    be one too: a page whose name was rebound to 127.0.0.1 still sends its own name.
    """

    def __init__(self, admin_token: str | None) -> None:
        """Require ``admin_token`` if it is given."""
        self._expected = None if admin_token is None else _digest(admin_token.encode())

    def check(self, exchange: Exchange) -> None:
        """Return if the caller may list and create applications.

        Raises:
            UnauthorizedError: the admin token is missing or wrong.
            ForbiddenError: ``host_not_allowed``.
        """
        if self._expected is not None:
            given = exchange.headers.get(b"authorization", b"")
            scheme, token = given[: len(_BEARER)], given[len(_BEARER) :].strip()
            if scheme.lower() != _BEARER or not hmac.compare_digest(_digest(token), self._expected):
                raise UnauthorizedError("The admin token is missing or wrong")
        elif not _LOOPBACK.fullmatch(exchange.headers.get(b"host", b"")):
            raise ForbiddenError("Only hosts on the loopback interface may do this", code="host_not_allowed")


def _digest(token: bytes) -> bytes:
    """Make tokens equally long: a comparison in constant time still tells lengths apart."""
    return blake2b(token).digest()
