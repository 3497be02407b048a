"""How many numbers a scope's log gets next, and what becomes of those that an earlier life did not give."""

from __future__ import annotations

from typing import Final, NamedTuple

from parley.domain.events import NUMBER_LIMIT
from parley.domain.grants import FIRST_GRANT, Known, Need

_LARGEST: Final = 500_000
_QUICK_MS: Final = 60_000
"""A grant that is used up within this time is followed by one of twice the size."""


class Standing(NamedTuple):
    """Where a scope's numbers stand, in the order of its row's columns from ``granted_until`` on."""

    application: int
    id: int
    is_gone: bool
    granted_until: int
    granted_at: int
    grant_size: int
    log_epoch: int
    log_first: int
    log_until: int
    last_number: int
    burnt: int = 0


class Granted(NamedTuple):
    """A scope's new standing, what the log is told, and the range that is void from now on."""

    standing: Standing
    known: Known
    void: tuple[int, int] | None = None


def grant(standing: Standing, need: Need, now: int, burn: int = 0) -> Granted:
    """Give the log's present grant if it goes beyond what the asker has, else the next numbers.

    With an earlier epoch's grant, the numbers above the last that is known are void, and so are as many beyond the
    grant as restores have burnt (``burn``) since the scope was granted any.
    """
    is_present = standing.log_epoch == need.epoch
    if is_present and need.until > standing.granted_until:  # this database is an older one that was put back
        standing = standing._replace(granted_until=need.until, log_until=need.until)
    if standing.is_gone:
        return Granted(standing, _empty(standing, need, standing.last_number, closed=True))
    if is_present and (standing.log_until > need.until or not need.wanted):
        return Granted(standing, _known(standing, need))
    floor = standing.granted_until if is_present else _floor(standing, burn)
    if not need.wanted or floor >= NUMBER_LIMIT:
        last = standing.log_until if is_present else floor
        return Granted(standing, _empty(standing, need, last, closed=False))
    first = floor + 1
    size = _next_size(standing, now)
    until = min(floor + max(size, need.wanted), NUMBER_LIMIT)
    follows = is_present and standing.log_until == floor
    unused = standing.last_number + 1, floor
    moved = standing._replace(
        granted_until=until,
        granted_at=now,
        grant_size=size,
        log_epoch=need.epoch,
        log_first=standing.log_first if follows else first,
        log_until=until,
        last_number=standing.last_number if is_present else floor,
        burnt=max(burn, standing.burnt),
    )
    is_void = not is_present and unused[0] <= unused[1]
    return Granted(moved, _known(moved, need), unused if is_void else None)


class Taken(NamedTuple):
    """A scope's standing when the standby begins to number in it, and the range that no log may give any more."""

    standing: Standing
    void: tuple[int, int] | None


def take(standing: Standing, epoch: int, burn: int = 0) -> Taken:
    """Take a scope over for the standby of ``epoch``: what a log was granted, and restores have burnt, stays below.

    The log may have given some of that, and bring them when it returns. Until then they are explained as lost.
    """
    if standing.log_epoch == epoch:
        return Taken(standing, None)
    unheard, until = standing.last_number + 1, _floor(standing, burn)
    mine = standing._replace(
        granted_until=until,
        log_epoch=epoch,
        log_first=until + 1,
        log_until=until,
        last_number=until,
        burnt=max(burn, standing.burnt),
    )
    return Taken(mine, (unheard, until) if unheard <= until else None)


def _floor(standing: Standing, burn: int) -> int:
    """Give the number above which a scope goes on in a new epoch."""
    return min(standing.granted_until + max(0, burn - standing.burnt), NUMBER_LIMIT)


def _next_size(standing: Standing, now: int) -> int:
    if not standing.grant_size or now - standing.granted_at > _QUICK_MS:
        return FIRST_GRANT
    return min(standing.grant_size * 2, _LARGEST)


def _known(standing: Standing, need: Need) -> Known:
    """Name the part of the grant that the asker lacks; one who has nothing gets all of it."""
    first = max(standing.log_first, need.until + 1 if need.until <= standing.log_until else standing.log_first)
    return Known(need.name, closed=False, last=standing.last_number, first=first, until=standing.log_until)


def _empty(standing: Standing, need: Need, last: int, *, closed: bool) -> Known:
    """Give nothing beyond ``last``, and void nothing: the next grant does."""
    return Known(need.name, closed=closed, last=max(last, standing.last_number), first=last + 1, until=last)
