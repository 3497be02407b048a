"""Links to the neighbouring pages (RFC 8288): relative references, so that no Host is trusted."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

from parley.http.exchange import Exchange

Parameters = Sequence[tuple[str, str | int]]


def link_header(exchange: Exchange, kept: Parameters, **neighbours: Parameters | None) -> list[tuple[bytes, bytes]]:
    """Give the ``Link`` header for ``next=`` and ``prev=``, each with its own parameters after the ``kept`` ones.

    The path is the one that was asked, so its spelling stays. A neighbour that is ``None`` is not
    there; without any there is no header.
    """
    links = [
        f'<{exchange.path}?{urlencode([*parameters, *kept])}>; rel="{relation}"'
        for relation, parameters in neighbours.items()
        if parameters is not None
    ]
    return [(b"Link", ", ".join(links).encode("ascii"))] if links else []
