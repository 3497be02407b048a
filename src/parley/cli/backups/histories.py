"""Which epoch a database goes on in after it was put back: above all that its log has ever had."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Final

from parley.bootstrap.ports import build_log
from parley.config import Settings, mask, variable_of
from parley.domain.errors import ConfigurationError, UnavailableError
from parley.domain.grants import Life
from parley.storage.archive import Place
from parley.telemetry.clock import Clock
from parley.telemetry.files import file_behind

_LEAP: Final = 1_000
"""More epochs than the lost history has begun since the backup: what its index knows must not seem to be of ours."""


def next_epochs(
    settings: Settings, places: Sequence[Place], clock: Clock, *, log_is_new: bool
) -> tuple[Mapping[int, int], list[int]]:
    """Give an epoch for each partition, and those whose log is of a history that ends here.

    Raises:
        UnavailableError: the log does not answer, and nobody said that it is new.
        ConfigurationError: there is no log of its own where one is needed.
    """
    present = {place.id: place.epoch for place in places}
    if file_behind(settings.database_url) is not None:
        return {id_: epoch + 1 for id_, epoch in present.items()}, []
    seen = dict.fromkeys(present, 0) if log_is_new else asyncio.run(_highest(settings, present, clock))
    epochs = {id_: max(epoch, seen[id_]) + _LEAP for id_, epoch in present.items()}
    return epochs, [id_ for id_ in present if seen[id_]]


async def _highest(settings: Settings, present: Mapping[int, int], clock: Clock) -> dict[int, int]:
    """Give the highest epoch of each partition that the log has been in; 0 if it was in none."""
    async with AsyncExitStack() as stack:
        log = build_log(settings, clock, len(present), accepts_relaxed=True)
        stack.push_async_callback(log.close)
        if log.apart is None:
            raise ConfigurationError(f"{variable_of('log_url')} is {mask(settings.log_url)}, not a log of its own")
        try:
            await log.start()
            keeper = log.apart.keeper
            seen = {id_: await keeper.examine(id_, Life(epoch, "")) for id_, epoch in present.items()}
        except (ConfigurationError, UnavailableError) as error:
            raise UnavailableError(
                f"{error.detail.rstrip('.')}; start it, so that its epochs are known, or say --log-is-new if it will "
                "be an empty one"
            ) from error
        return {id_: max(vitals.epoch or 0, vitals.ended) for id_, vitals in seen.items()}
