"""What every good answer to a write says about its durability."""

from __future__ import annotations

from typing import Final

from parley.ingest.writes import STORED

_WAITED: Final = (b"Preference-Applied", b"wait")


def written_headers(durability: str, wait_s: int | None) -> list[tuple[bytes, bytes]]:
    """Give the headers; ``wait_s`` is the client's ``Prefer: wait``, which was met if the write is stored."""
    headers = [(b"Parley-Durability", durability.encode())]
    if wait_s is not None and durability == STORED:
        headers.append(_WAITED)
    return headers
