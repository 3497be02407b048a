"""What is smaller or shorter here than in the product, so that a short schedule meets all of it; and what is silent."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Final

import structlog

from parley.database.mysql import pool, transactions
from parley.ingest import lives as writer_lives
from parley.ingest import recovery, storing
from parley.log import switch
from parley.log.redis import appends, lives, scripts
from parley.storage.mysql import grants
from parley.storage.mysql.applying import effects
from parley.workers import granting, persist, shares, tenure
from parley.workers import lives as worker_lives
from tests.simulation.database import connect

FIRST_GRANT: Final = 12
"""Numbers: so grants are used up and extended many times."""
TTL_S: Final = 1.3
BEAT_S: Final = 0.5
"""A lease's time and a worker's beat, in the product's proportion."""
FLAG_S: Final = 0.4
"""How long writers have to say what they miss."""
AWAY_S: Final = 0.4
"""How long the log is away until the database stands by."""
SAMPLE_S: Final = 0.12
SELDOM_S: Final = 1.0
"""Between two looks of a writer at the log's depth: often only where it must notice within `FLAG_S` what is missing."""
ASK_S: Final = 0.15
"""Between two questions whether the log is there; as seldom as `SELDOM_S` where it is not away for long."""

_PLACES: Final[list[tuple[Any, str, Any]]] = [
    (granting, "FIRST_GRANT", FIRST_GRANT),
    (grants, "FIRST_GRANT", FIRST_GRANT),
    (effects, "FIRST_GRANT", FIRST_GRANT),
    (tenure, "TTL_S", TTL_S),
    (shares, "TTL_S", TTL_S),
    (shares, "BEAT_S", BEAT_S),
    (worker_lives, "EXAMINE_EVERY_S", 0.4),
    (worker_lives, "FLAG_S", FLAG_S),
    (writer_lives, "LOOK_EVERY_S", 1.0),
    (storing, "_LOOK_S", 0.2),
    (recovery, "_WORKER_S", 0.25),
    (appends, "_AGAIN_S", 0.2),
    (persist, "POLL_S", 0.2),
    (persist, "AWAY_S", AWAY_S),
    (switch, "HEARD_S", 0.3),
    (pool, "connect", connect),
    (transactions, "connect", connect),
    (lives, "life_script", lru_cache(4_096)(scripts.life_script)),
]


def _drop(_: object, __: str, ___: structlog.typing.EventDict) -> structlog.typing.EventDict:
    raise structlog.DropEvent


@contextmanager
def scaled() -> Iterator[None]:
    """Run what is inside at the scale of a simulation, without log lines and without the collector in between."""
    before = [(place, name, getattr(place, name)) for place, name, _ in _PLACES]
    logging = structlog.get_config()
    for place, name, value in _PLACES:
        setattr(place, name, value)
    structlog.configure(processors=[_drop])
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()
        structlog.configure(**logging)
        for place, name, value in before:
            setattr(place, name, value)
