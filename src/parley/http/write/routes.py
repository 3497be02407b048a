"""Routes of the creates: tried first on both ports, before anything heavier is asked."""

from __future__ import annotations

from collections.abc import Callable

from parley.http.creates import Creates
from parley.http.exchange import Exchange
from parley.http.paths import read_create_path

Application = Callable[[Exchange], None]


class CreateRoutes:
    """Hands ``POST`` on the three create paths to `Creates`, all else to another application."""

    def __init__(self, creates: Creates, otherwise: Application) -> None:
        """Answer creates with ``creates``; ``otherwise`` answers what is no create."""
        self._creates = creates
        self._otherwise = otherwise

    def __call__(self, exchange: Exchange) -> None:
        """Answer one exchange."""
        path = read_create_path(exchange.path) if exchange.method == "POST" else None
        if path is None:
            self._otherwise(exchange)
        else:
            self._creates.create(exchange, path)
