"""What every good answer to a write says about its durability."""

from __future__ import annotations

from typing import Final

from parley.ingest.writes import STORED

Header = tuple[bytes, bytes]

_DURABILITY: Final[dict[str, Header]] = {
    durability: (b"Parley-Durability", durability.encode()) for durability in (STORED, "queued", "relaxed")
}
_WAITED: Final = (b"Preference-Applied", b"wait")


def written_headers(durability: str, wait_s: int | None) -> tuple[Header, ...]:
    """Give the headers; ``wait_s`` is the client's ``Prefer: wait``, which was met if the write is stored."""
    if wait_s is not None and durability == STORED:
        return _DURABILITY[durability], _WAITED
    return (_DURABILITY[durability],)
