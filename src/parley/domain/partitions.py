"""Which partition an application belongs to."""

from __future__ import annotations

from hashlib import blake2b


def partition_of(token: str, partitions: int) -> int:
    """Give the partition of an application: a hash of its token, the same for ever."""
    return int.from_bytes(blake2b(token.encode(), digest_size=8).digest(), "big") % partitions
