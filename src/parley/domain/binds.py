"""Where a service listens: ``host:port``, with an IPv6 host in brackets."""

from __future__ import annotations

import re
from ipaddress import IPv6Address, ip_address
from typing import Final, NamedTuple

PORT_MAX: Final = 65_535

_BIND: Final = re.compile(r"(?:\[(?P<ipv6>[0-9A-Fa-f:.%\w]+)\]|(?P<name>[A-Za-z0-9._-]+)):(?P<port>[0-9]{1,5})")


class Bind(NamedTuple):
    """A host, without brackets, and a port; port 0 asks the system for a free one."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Tell whether only this machine reaches it; a name other than ``localhost`` is not trusted to."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host.lower() == "localhost"

    def __str__(self) -> str:
        """Write it as it was read."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_bind(text: str) -> Bind:
    """Read ``127.0.0.1:3000``, ``localhost:3000`` or ``[::1]:3000``.

    Raises:
        ValueError: the text is none of these; the message says what is allowed.
    """
    matched = _BIND.fullmatch(text.strip())
    if matched is None or int(matched["port"]) > PORT_MAX or not _is_ipv6(matched["ipv6"]):
        raise ValueError(f"host:port with a port from 0 to {PORT_MAX}, such as 127.0.0.1:3000 or [::1]:3000")
    return Bind(matched["ipv6"] or matched["name"], int(matched["port"]))


def _is_ipv6(host: str | None) -> bool:
    if host is None:
        return True
    try:
        IPv6Address(host)
    except ValueError:
        return False
    return True
