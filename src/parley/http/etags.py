"""Entity tags: strong, a digest of the body's bytes; and the condition that asks for them."""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import Final

_DIGEST_BYTES: Final = 16
_TAG: Final = re.compile(rb'"[\x21\x23-\x7e\x80-\xff]*"')
_ELEMENT: Final = rb"[ \t]*(?:(?:W/)?%b[ \t]*)?" % _TAG.pattern
_LIST: Final = re.compile(_ELEMENT + rb"(?:," + _ELEMENT + rb")*")


def entity_tag(body: bytes) -> bytes:
    """Give the quoted BLAKE2b-128 of ``body``."""
    return b'"%b"' % blake2b(body, digest_size=_DIGEST_BYTES).hexdigest().encode()


def is_known(tag: bytes, if_none_match: bytes) -> bool:
    """Tell whether ``If-None-Match`` names ``tag``: weak and strong compare alike (RFC 9110 §13.1.2)."""
    if if_none_match.strip() == b"*":
        return True
    return tag in if_none_match and bool(_LIST.fullmatch(if_none_match)) and tag in _TAG.findall(if_none_match)
