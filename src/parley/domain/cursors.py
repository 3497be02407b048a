"""Where a page lies: keyset cursors by number, opaque ones for applications."""

from __future__ import annotations

import base64
import binascii
from typing import NamedTuple

from parley.domain.errors import MalformedError

PAGE_DEFAULT = 50
PAGE_MAX = 100
NUMBER_MAX = 2**63 - 1


class Window(NamedTuple):
    """A page request: rows above ``after``, or the last rows below ``before``, at most ``limit``."""

    after: int | None = None
    before: int | None = None
    limit: int = PAGE_DEFAULT


def encode_cursor(value: int) -> str:
    """Make an internal order number opaque."""
    return base64.urlsafe_b64encode(b"1:%d" % value).decode().rstrip("=")


def decode_cursor(text: str) -> int:
    """Read back what `encode_cursor` made.

    Raises:
        MalformedError: ``invalid_cursor``, for anything that `encode_cursor` would not print.
    """
    try:
        version, _, digits = base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True).partition(b":")
        value = int(digits)
    except (binascii.Error, ValueError) as error:
        raise MalformedError(_INVALID, code="invalid_cursor") from error
    if version != b"1" or not 0 <= value <= NUMBER_MAX or encode_cursor(value) != text:
        raise MalformedError(_INVALID, code="invalid_cursor")
    return value


_INVALID = "The cursor is not one that this server gave; start again from the first page"
