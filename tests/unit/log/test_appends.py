"""What a batch's shares come to together; `tests/contract/test_redis_log.py` has them appended by an engine."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Any, cast

import pytest
from redis.exceptions import ResponseError

from parley.domain.errors import OutcomeUnknownError, UnavailableError
from parley.domain.grants import Life
from parley.domain.numbering import Reason, Refused
from parley.domain.partitions import partition_of
from parley.log.batch import FixedBatch
from parley.log.redis.appends import AppendTerms, RedisLog
from parley.log.redis.line import Reply
from parley.log.redis.lives import Lives
from parley.log.redis.sampling import Sampling
from parley.log.redis.wire import NotSentError
from parley.log.redis.wires import Call
from tests.unit.ingest.doubles import message
from tests.unit.workers.doubles import StillClock

P = 2
NOT_SENT = NotSentError("nobody is there")
HALF_WAY = ResponseError("ERR the script failed")
ENTRIES = [
    message("x", application=next(token for token in map(str, range(1_000)) if partition_of(token, P) == wanted))
    for wanted in range(P)
]
"""One for each partition."""


class Answering:
    """Connections on which each partition's server always says the same."""

    def __init__(self, replies: Sequence[Reply]) -> None:
        """Say these, by partition."""
        self._replies = replies

    def exchange(self, calls: Sequence[Call]) -> Awaitable[list[Reply]]:
        """Reply."""
        return self._reply(calls)

    async def _reply(self, calls: Sequence[Call]) -> list[Reply]:
        return [self._replies[call.partition] for call in calls]


def log_that_hears(*replies: Reply) -> RedisLog:
    """Give a log to which each partition's server says one thing."""
    wires, clock = cast("Any", Answering(replies)), StillClock()
    lives = Lives("p", "writer")
    lives.adopt(dict.fromkeys(range(P), Life(1, "run")))
    return RedisLog(wires, lives, lambda *_: 0, Sampling(wires, lives), AppendTerms(clock, P, 1_000, 5.0))


@pytest.mark.parametrize("replies", [(NOT_SENT, HALF_WAY), (HALF_WAY, NOT_SENT)])
async def test_an_unknown_outcome_outweighs_one_that_is_known(replies: Sequence[Reply]) -> None:
    """Whoever is told that nothing was written sends again, also without a key: so nobody is told that."""
    with pytest.raises(OutcomeUnknownError):
        await log_that_hears(*replies).append(FixedBatch(ENTRIES))


async def test_what_certainly_was_not_written_is_told_of_all_or_sent_again() -> None:
    """Where no share was taken, that is the batch's error; where some were answered, the others are to be repeated."""
    with pytest.raises(UnavailableError):
        await log_that_hears(NOT_SENT, NOT_SENT).append(FixedBatch(ENTRIES))

    assert await log_that_hears(b"LATE", NOT_SENT).append(FixedBatch(ENTRIES)) == [Refused(Reason.EPOCH)] * P
