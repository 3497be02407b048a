"""URLs of settings, taken apart without repeating them: they hold passwords, and errors are printed and logged."""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit


def split_url(url: str) -> SplitResult:
    """Split a URL, whose password may not hold what separates a URL's parts.

    Raises:
        ValueError: it cannot be split; the text repeats nothing of it.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ValueError("a host that is none") from None
    if parts.netloc and "@" not in parts.netloc and "@" in f"{parts.path}?{parts.query}#{parts.fragment}":
        raise ValueError("an @ behind the hosts: write / ? # in a password as %2F %3F %23, and @ elsewhere as %40")
    return parts
