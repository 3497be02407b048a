"""The sockets of a process, taken before anything else is touched."""

from __future__ import annotations

import socket
from typing import NamedTuple, Self

from parley.config import Settings, refuse_public_bind
from parley.domain.binds import parse_bind
from parley.http.wire.listener import bind


class Sockets(NamedTuple):
    """Where a process listens, ``None`` where it does not; ``admin`` answers health, readiness and metrics alone."""

    api: socket.socket | None = None
    write: socket.socket | None = None
    admin: socket.socket | None = None

    @classmethod
    def take(cls, settings: Settings, *names: str) -> Self:
        """Take the ports that are named ``api``, ``write`` or ``admin``.

        Raises:
            ConfigurationError: one is in use, or must not be listened on like this.
        """
        refuse_public_bind(settings, [f"{name}_bind" for name in names])
        taken: dict[str, socket.socket] = {}
        try:
            for name in names:
                taken[name] = bind(*parse_bind(getattr(settings, f"{name}_bind")))
        except BaseException:
            for each in taken.values():
                each.close()
            raise
        return cls(**taken)

    def close(self) -> None:
        """Give all back."""
        for each in self:
            if each is not None:
                each.close()
