"""The bounds of a connection, the same on both ports."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """What a client may send, how slowly, and how much of it waits here."""

    max_line_bytes: int = 8 * 1024
    """Longest request line, without its end of line; beyond it 414."""
    max_header_bytes: int = 16 * 1024
    """Largest header block after the request line; beyond it 431."""
    max_headers: int = 100
    """Most header fields; beyond it 431."""
    max_body_bytes: int = 1024 * 1024
    """Largest body, also of a connection's unanswered requests together."""
    header_timeout_s: float = 10
    """From a request's first byte, or from the connection, to the end of its headers; beyond it 408."""
    body_timeout_s: float = 30
    """From the end of the headers to the end of the body; beyond it 408."""
    keep_alive_timeout_s: float = 75
    """How long a connection may do nothing after an answer."""
    write_timeout_s: float = 30
    """How long a client may leave its answers unread without taking anything."""
    linger_s: float = 2
    """How long the last answer of a connection has to arrive before the socket goes away."""
    parting_s: float = 0.5
    """When we stop: how long nobody may have left until those go without a word that keep their connection and ask
    nothing; whoever asks is told that it was the last time."""
    max_connections: int = 4096
    """Connections over all ports of the process; beyond it 503."""
    max_pipelined: int = 128
    """Unanswered requests of a connection; beyond it we stop reading."""
    max_held_bytes: int = 128 * 1024 * 1024
    """Half-sent requests of all connections together; beyond it 503."""
    max_unread_bytes: int = 32 * 1024 * 1024
    """Answers that clients do not take, of all connections together; beyond it who has kept most for longest is cut."""

    @property
    def sweep_s(self) -> float:
        """How often connections are looked at: often enough that no time-out is late by a quarter of itself."""
        shortest = min(self.header_timeout_s, self.body_timeout_s, self.keep_alive_timeout_s, self.write_timeout_s)
        return min(0.5, shortest / 4, self.linger_s / 4)
