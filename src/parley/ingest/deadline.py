"""The time that a request has, until it is answered or has begun to write."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Awaitable
from contextvars import ContextVar
from types import TracebackType
from typing import Final, TypeVar

from parley.domain.errors import OutcomeUnknownError, UnavailableError

T = TypeVar("T")

_AGAIN_S: Final = 0.25
"""Until it is ended once more: `asyncio.wait_for` of Python 3.11 drops a cancellation that comes with its result."""


class Deadline:
    """``with Deadline(5):`` ends what the task does inside after 5 s, unless it has begun to write by then.

    A write gets what is left as its own time: who makes it knows whether nothing was written.

    Raises (at the end of the block):
        UnavailableError: the time is over, and nothing was written.
    """

    def __init__(self, limit_s: float) -> None:
        """Begin later, with ``with``."""
        self._limit_s = limit_s
        self._until = 0.0
        self._task: weakref.ref[asyncio.Task[object]] | None = None  # the task's context refers to us
        self._cancelling = 0
        self._timer: asyncio.Handle | None = None
        self._ended = 0  # times
        self.is_writing = False
        """Whether from now on only its own time ends it."""

    def __enter__(self) -> None:
        """Begin."""
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        if task is None:
            raise RuntimeError("only a task has a deadline")
        self._task, self._cancelling = weakref.ref(task), task.cancelling()
        self._until = loop.time() + self._limit_s
        self._timer = loop.call_at(self._until, self._end, task)
        _present.set(self)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Tell what the time has ended."""
        self._stop()
        task = asyncio.current_task()
        if task is not None and self._ended:
            is_ours = min(task.uncancel() for _ in range(self._ended)) <= self._cancelling
            if is_ours and kind is not None and issubclass(kind, asyncio.CancelledError):
                raise UnavailableError("The answer took too long; nothing was written") from error

    def is_of(self, task: asyncio.Task[object] | None) -> bool:
        """Tell whether it is this task's: callbacks inherit the context of whoever asked for them."""
        return task is not None and self._task is not None and task is self._task()

    def lift(self) -> float:
        """Let the write begin, and give the seconds that it has."""
        self.is_writing = True
        self._stop()
        return max(0.0, self._until - asyncio.get_running_loop().time())

    def _end(self, task: asyncio.Task[object]) -> None:
        self._ended += 1
        task.cancel()
        self._timer = asyncio.get_running_loop().call_later(_AGAIN_S, self._end, task)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


_present: ContextVar[Deadline | None] = ContextVar("deadline", default=None)


def time_to_write(default_s: float) -> float:
    """Begin to write: give the seconds that the present task's request has left, ``default_s`` without one."""
    deadline = _of_this_task()
    return default_s if deadline is None else deadline.lift()


async def written(write: Awaitable[T]) -> T:
    """Make a write that knows no time of its own, in what its request has left.

    Raises:
        OutcomeUnknownError: it took longer.
    """
    deadline = _of_this_task()
    timeout = asyncio.timeout(None if deadline is None else deadline.lift())
    try:
        async with timeout:
            return await write
    except TimeoutError as error:
        if not timeout.expired():
            raise
        raise OutcomeUnknownError("The write has no outcome yet; it may still be done") from error


def _of_this_task() -> Deadline | None:
    deadline = _present.get()
    return deadline if deadline is not None and deadline.is_of(asyncio.current_task()) else None
