"""The checks: each is one pass over the index, linear or n log n, and gives findings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from parley.verify.checks.counts import COUNTS, find_wrong_counts
from parley.verify.checks.denied import OWN, find_denied, find_needless_marks
from parley.verify.checks.duplicates import DUPLICATE, find_duplicates
from parley.verify.checks.edits import EDITS, find_stale_edits
from parley.verify.checks.gaps import GAPS, find_gaps
from parley.verify.checks.lost import LOST, find_lost
from parley.verify.checks.order import ORDER, find_disorder
from parley.verify.checks.phantoms import PHANTOM, find_phantoms
from parley.verify.checks.reused import REUSED, find_reused
from parley.verify.checks.searches import SEARCH, find_wrong_hits
from parley.verify.checks.tenants import TENANT, find_foreign
from parley.verify.checks.walks import PREFIX, WALK, watch_reads
from parley.verify.findings import Finding
from parley.verify.index import Index

CHECKS: Final = {
    LOST: "what was acknowledged is in every final reading, and these agree",
    DUPLICATE: "a value, a key and a retry have one number",
    REUSED: "a number means one message, byte for byte",
    PHANTOM: "nothing is there that was not written there, or is deleted; a bulk is whole",
    ORDER: "what began after an acknowledgement has the higher number",
    GAPS: "every number is a row, a tombstone, a dead letter or in the gap ledger",
    PREFIX: "what a client has seen stays",
    OWN: "what was acknowledged is read at once, and nobody is told that it is not there",
    WALK: "a walk rises, repeats nothing and misses nothing",
    EDITS: "a message reads as an edit that can be its last",
    COUNTS: "counts are right within their lag, and exact at the end",
    SEARCH: "a search finds what it looks for, and again; the index is as the rows",
    TENANT: "no application sees what another one wrote",
}
"""A sentence by name, in the order in which they are shown."""

Pass = Callable[[Index], Iterator[Finding]]

PASSES: Final[tuple[tuple[tuple[str, ...], Pass], ...]] = (
    ((LOST,), find_lost),
    ((DUPLICATE,), find_duplicates),
    ((REUSED,), find_reused),
    ((PHANTOM,), find_phantoms),
    ((ORDER,), find_disorder),
    ((GAPS,), find_gaps),
    ((PREFIX, OWN, WALK), watch_reads),
    ((OWN,), find_denied),
    ((OWN, ORDER), find_needless_marks),
    ((EDITS,), find_stale_edits),
    ((COUNTS,), find_wrong_counts),
    ((SEARCH,), find_wrong_hits),
    ((TENANT,), find_foreign),
)
"""Which checks a pass makes."""
