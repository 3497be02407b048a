"""An event loop whose time is virtual and whose order is drawn: the same seed gives the same run.

Each process of the simulation (a `Node`) has a queue of its own. Within it the order is that of any event loop; between
processes it is drawn. Time stands still while anybody has something to do, and then jumps to the next timer.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import suppress
from contextvars import Context
from random import Random
from typing import Any, TypeVar, cast

T = TypeVar("T")

_START_S = 1_000.0
_TICK_S = 1e-12
"""Between two looks at a clock: who waits for less than it can show would else wait for ever."""


class StuckError(Exception):
    """Nothing will ever happen again, or not within the time that a schedule has."""


class Turn(asyncio.TimerHandle):
    """A callback in a queue, in no context of its own: nobody here keeps anything in one."""

    __slots__ = ("_live",)

    def __init__(self, callback: Callable[..., object], args: tuple[Any, ...], when: float = 0.0) -> None:
        """Call ``callback(*args)`` once, unless it is cancelled before."""
        self._callback = callback
        self._args = args
        self._when = when
        self._live = True

    def cancel(self) -> None:
        """Let it be."""
        self._live = False

    def cancelled(self) -> bool:
        """Tell whether it was cancelled."""
        return not self._live


class Node:
    """One run of one process: killed, it does nothing more; paused, it does it later."""

    def __init__(self, name: str) -> None:
        """Begin alive, with nothing to do."""
        self.name = name
        self.is_alive = True
        self.is_paused = False
        self.was_paused = False
        self.offset_s = 0.0
        """By how much its wall clock is wrong."""
        self.ready: deque[Turn] = deque()


class VirtualLoop(asyncio.AbstractEventLoop):
    """Runs the handles of all nodes; what a handle schedules is its own node's."""

    def __init__(self, rng: Random) -> None:
        """Draw the order between nodes from ``rng``."""
        self._random = rng.random
        self._now = _START_S
        self._timers: list[tuple[float, int, Node, Turn]] = []
        self._count = 0
        self._runnable: list[Node] = []
        self._tasks: list[asyncio.Task[Any]] = []
        self._is_over = False
        self.outside = Node("outside")
        """Where clients and servers live; it never ends."""
        self.node = self.outside
        """Whose handle runs at present."""
        self.errors: list[str] = []
        """What nobody caught."""

    def run(self, main: Coroutine[Any, Any, T], limit_s: float) -> T:
        """Run until ``main`` is done.

        Raises:
            StuckError: it is not done after ``limit_s`` virtual seconds, or waits for nothing.
        """
        asyncio._set_running_loop(self)  # as any loop does
        try:
            task = self.create_task(main)
            limit = self._now + limit_s
            while not task.done():
                if self._runnable:
                    self._run_some()
                elif not self._timers or self._timers[0][0] > limit:
                    raise StuckError(f"not done after {limit_s} s")
                else:
                    self._advance()
            return cast("T", task.result())
        finally:
            self._end()
            asyncio._set_running_loop(None)

    def on(self, node: Node, delay_s: float, callback: Callable[..., object], *args: Any) -> None:  # noqa: ANN401
        """Call back in a process after a time, whoever it is that asks."""
        self._count += 1
        heapq.heappush(self._timers, (self._now + delay_s, self._count, node, Turn(callback, args)))

    def kill(self, node: Node) -> None:
        """End a process where it stands."""
        node.is_alive = False
        node.ready.clear()

    def pause(self, node: Node, seconds: float) -> None:
        """Stop a process for a time; what is due meanwhile, it does afterwards."""
        node.is_paused = node.was_paused = True
        self.on(self.outside, seconds, self._resume, node)

    def _resume(self, node: Node) -> None:
        node.is_paused = False
        if node.ready:
            self._runnable.append(node)

    def _run_some(self) -> None:
        """Let one of those that have something to do go on until it waits."""
        runnable = self._runnable
        place = int(self._random() * len(runnable)) if len(runnable) > 1 else 0
        node = self.node = runnable[place]
        ready = node.ready
        while ready and not node.is_paused:
            turn = ready.popleft()
            if turn._live:
                try:
                    turn._callback(*turn._args)
                except Exception as error:  # noqa: BLE001 - a callback that fails leaves the others alone
                    self.errors.append(f"failed: a callback failed: {error!r}")
        runnable.remove(node)

    def _advance(self) -> None:
        timers = self._timers
        self._now = now = max(timers[0][0], self._now)
        while timers and timers[0][0] <= now:
            _, _, node, turn = heapq.heappop(timers)
            if node.is_alive and turn._live:
                if not node.ready and not node.is_paused:
                    self._runnable.append(node)
                node.ready.append(turn)

    def _end(self) -> None:
        """Leave no task behind that complains when it goes."""
        self._is_over = True
        for task in self._tasks:
            if not task.done():
                task._log_destroy_pending = False  # type: ignore[attr-defined]  # as gather does for its children
                coroutine = task.get_coro()
                with suppress(BaseException):
                    coroutine.close()
        self._runnable.clear()
        self._timers.clear()
        self._tasks.clear()

    # What asyncio asks of a loop

    def time(self) -> float:
        """Give virtual seconds."""
        self._now += _TICK_S
        return self._now

    def call_soon(self, callback: Any, *args: Any, context: Context | None = None) -> Turn:  # type: ignore[override]  # noqa: ANN401
        """Run a callback at the next turn of the present node's loop."""
        del context
        handle = Turn(callback, args)
        node = self.node
        if node.is_alive and not self._is_over:
            if not node.ready and not node.is_paused and node not in self._runnable:
                self._runnable.append(node)
            node.ready.append(handle)
        return handle

    def call_later(self, delay: float, callback: Any, *args: Any, context: Context | None = None) -> Turn:  # type: ignore[override]  # noqa: ANN401
        """Run a callback after a time, in the present node."""
        return self.call_at(self._now + delay, callback, *args, context=context)

    def call_at(self, when: float, callback: Any, *args: Any, context: Context | None = None) -> Turn:  # type: ignore[override]  # noqa: ANN401
        """Run a callback at a time, in the present node."""
        del context
        handle = Turn(callback, args, when)
        if not self._is_over:
            self._count += 1
            heapq.heappush(self._timers, (when, self._count, self.node, handle))
        return handle

    def create_future(self) -> asyncio.Future[Any]:
        """Make a future."""
        return asyncio.Future(loop=self)

    def create_task(self, coro: Any, *, name: str | None = None, context: Context | None = None) -> asyncio.Task[Any]:  # noqa: ANN401
        """Start a task in the present node."""
        task: asyncio.Task[Any] = asyncio.Task(coro, loop=self, name=name or "task", context=context)
        self._tasks.append(task)
        return task

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Note what nobody caught."""
        if not self._is_over:
            self.errors.append(f"failed: {context.get('message')}: {context.get('exception')!r}")

    def get_debug(self) -> bool:
        """Say no."""
        return False

    def is_running(self) -> bool:
        """Say yes until the end."""
        return not self._is_over

    def is_closed(self) -> bool:
        """Say no: what ends late may still ask."""
        return False
