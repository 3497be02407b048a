"""Which product stands in each place: the usual one, or one that the matrix of versions puts there."""

from __future__ import annotations

import os
from typing import Final, NamedTuple

VARIABLE: Final = "PARLEY_TEST_ENGINES"
"""Names products and where they come from, as ``valkey@trixie mysql@sid elasticsearch@7.10.2.0``."""


class Choice(NamedTuple):
    """A product, and the Debian release or the version of jars that it is of; empty: as it is installed."""

    product: str
    edition: str


def chosen(usual: str, *others: str, edition: str = "") -> Choice:
    """Give what the environment names among the products of one place, else the usual one."""
    for word in os.environ.get(VARIABLE, "").split():
        product, _, wanted = word.partition("@")
        if product in {usual, *others}:
            return Choice(product, wanted or edition)
    return Choice(usual, edition)
