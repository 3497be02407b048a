"""One partition's share of a batch on its way: what a reply, or its absence, says of it for certain.

Nothing is sent twice but under the same writer and sequence, in the same epoch: there the script knows its first reply.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from redis.exceptions import AskError

from parley.domain.errors import OutcomeUnknownError, UnavailableError
from parley.domain.events import Position
from parley.domain.numbering import Outcome, Reason, Refused
from parley.log.redis.errors import away, is_other_life, is_refusal
from parley.log.redis.line import LostReplyError, Reply
from parley.log.redis.lives import Bound, Lives
from parley.log.redis.packing import Packed, last_position, read_outcomes
from parley.log.redis.wire import NotSentError
from parley.log.redis.wires import Call

OTHER_LIFE: Final = Refused(Reason.EPOCH)
_LATE: Final = b"LATE"

Settled = Sequence[Outcome] | UnavailableError | OutcomeUnknownError


class Share:
    """One partition's entries of a batch; ``result`` is set when it is known."""

    def __init__(self, packed: Packed, bound: Bound | None, arguments: tuple[bytes | str | int, ...]) -> None:
        """Take the packed entries, the life in which they are to be appended, and the script's arguments."""
        self.packed = packed
        self.result: Settled | None = None
        self._bound = bound
        self._arguments = arguments
        self._may_be_written = False
        self._is_out = False
        self._has_moved = False
        if bound is None:
            self.result = self._refused()

    def call(self) -> Call:
        """Give the command that appends it, in the life that it was bound to last."""
        if self._bound is None:
            raise ValueError("a partition without a life has no log to call")
        self._is_out = True
        return Call(self._bound.partition, self._bound.append_head + self._arguments)

    def take(self, reply: Reply, lives: Lives) -> None:
        """Judge a reply."""
        self._is_out = False
        if is_other_life(reply):
            self.result = self._rebind(lives) if self._may_be_written else self._refused()
        elif isinstance(reply, LostReplyError):
            self._may_be_written = True
        elif isinstance(reply, AskError) and not self._has_moved:
            self._has_moved = True  # nothing was written; the next call finds the partition where it is now
        elif isinstance(reply, NotSentError) or (isinstance(reply, Exception) and is_refusal(reply)):
            self.result = None if self._may_be_written else away(reply)
        elif isinstance(reply, Exception):  # a script that failed half-way: it should not, and nobody knows how far
            self.result = unknown(reply)
        else:
            self.result = self._read(reply)

    def give_up(self) -> None:
        """Settle without a reply."""
        if self.result is None:
            why = "it was not settled in time"
            self.result = unknown(why) if self._may_be_written or self._is_out else away(why)

    def outcomes(self) -> Sequence[Outcome]:
        """Give what became of each entry of a share that is not unknown: what was not written is refused."""
        return self._refused() if self.result is None or isinstance(self.result, Exception) else self.result

    def last_position(self) -> tuple[int, Position | None]:
        """Give the partition, and the highest position in it that was given."""
        if self._bound is None or self.result is None or isinstance(self.result, Exception):
            return -1, None
        return self._bound.partition, last_position(self.result)

    def _read(self, reply: bytes) -> Settled:
        if reply == _LATE or self._bound is None:  # it was not written, and under its sequence never will be
            return self._refused()
        return read_outcomes(self._bound.life.epoch, reply)

    def _rebind(self, lives: Lives) -> Settled | None:
        """Take up another run of the same epoch; what may have been written in another epoch stays unknown."""
        present = lives.get(self._bound.partition) if self._bound else None
        if present is None or self._bound is None:
            return unknown("its life is over")
        if present.life.epoch != self._bound.life.epoch:
            return unknown("another epoch has begun")
        self._bound = present
        return None

    def _refused(self) -> list[Outcome]:
        return [OTHER_LIFE] * len(self.packed.places)


def unknown(why: object) -> OutcomeUnknownError:
    """Say that nobody can tell whether an append was written."""
    return OutcomeUnknownError(f"The write has no outcome: {why}; retry with the same key")
