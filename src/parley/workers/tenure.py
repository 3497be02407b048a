"""A lease as its holder has it: who else may have it by now is known without asking anybody."""

from __future__ import annotations

from contextlib import suppress
from typing import Final, NamedTuple

from parley.domain.errors import ConflictError, ParleyError
from parley.storage.sharing import Lease, Leases
from parley.telemetry.clock import Clock

TTL_S: Final = 10.0
"""For how long a lease is held without being renewed: a killed process's work stands still that long."""


class Tenure:
    """A lease that this process holds, until it is lost or the time may be over.

    The time is counted by this process's own clock from before the database was asked, so it is over here before
    anybody else can get the lease there.
    """

    def __init__(self, leases: Leases, lease: Lease, clock: Clock, asked_at: float) -> None:
        """Take a lease that was claimed at ``asked_at`` of the monotonic clock, or later."""
        self.lease = lease
        self._leases = leases
        self._clock = clock
        self._renewed_at = asked_at
        self._lost = False

    @property
    def is_sure(self) -> bool:
        """Whether nobody else can have the lease."""
        return not self._lost and self.age_s < TTL_S

    @property
    def age_s(self) -> float:
        """How long ago it was renewed."""
        return self._clock.monotonic() - self._renewed_at

    async def renew(self) -> bool:
        """Hold it for longer; ``False`` if it is lost."""
        asked_at = self._clock.monotonic()
        if not await self._leases.renew(self.lease, TTL_S):
            self._lost = True
            return False
        self._renewed_at = asked_at
        return True

    async def confirm(self) -> None:
        """Return if the lease is still held.

        Raises:
            ConflictError: another owner has it.
        """
        if not await self.renew():
            raise ConflictError(f"The lease of {self.lease.job} is lost", code="lease_lost")

    async def end(self) -> None:
        """Let go of it, so that the next owner need not wait; with the database away it runs out by itself."""
        self._lost = True
        with suppress(ParleyError):
            await self._leases.release(self.lease)


class Claimant(NamedTuple):
    """A process as one that asks for leases; ``owner`` names it among all that ever do."""

    leases: Leases
    owner: str
    clock: Clock

    async def claim(self, job: str) -> Tenure | None:
        """Take a job's lease; ``None`` if another process holds it."""
        asked_at = self.clock.monotonic()
        lease = await self.leases.claim(job, self.owner, TTL_S)
        return None if lease is None else Tenure(self.leases, lease, self.clock, asked_at)
