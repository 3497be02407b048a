"""What a process of Parley is made to do for a fault that no signal makes. Loaded by `PYTHONPATH`; never installed.

``FAULTS_CLOCK``: a file; the number of milliseconds in it is added to the wall clock.
``FAULTS_TWICE``: a folder; every batch that was stored is delivered again at once, and an old one with it. Each leaves
a byte there: in ``taken`` if it is stored, else in ``late`` if it was ten minutes old by the wall clock, or in
``soon``.
``FAULTS_BUILD``: the name of a broken build of `tests/faults/builds`, which the process becomes.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

TEN_MINUTES_MS = 600_000


def jump(file: Path) -> None:
    """Have the wall clock differ by what the file says."""
    from parley.telemetry.clock import SystemClock  # noqa: PLC0415 - before any other module of Parley

    now_ms = SystemClock.now_ms
    SystemClock.now_ms = lambda self: now_ms(self) + int(file.read_text() or "0")  # type: ignore[method-assign]


def be_broken(name: str) -> None:
    """Forget a rule."""
    from tests.faults.builds.table import BUILDS  # noqa: PLC0415

    BUILDS[name].install()


def deliver_twice(folder: Path) -> None:
    """Have every batch come again."""
    from parley.domain.errors import ConflictError  # noqa: PLC0415
    from parley.storage.mysql.applying.persisting import MySqlPersisting  # noqa: PLC0415
    from parley.telemetry.clock import SystemClock  # noqa: PLC0415

    apply, now_ms = MySqlPersisting.apply, SystemClock().now_ms
    old: list[tuple[int, tuple[Any, ...]]] = []

    async def again(self: MySqlPersisting, stored_at: int, batch: tuple[Any, ...]) -> None:
        kind = "late" if now_ms() - stored_at >= TEN_MINUTES_MS else "soon"
        try:
            await apply(self, *batch)
        except ConflictError:
            pass  # as it must be
        else:
            kind = "taken"
        with (folder / f"{kind}-{os.getpid()}").open("ab") as file:
            file.write(b".")

    async def apply_twice(self: MySqlPersisting, *batch: Any) -> Any:  # noqa: ANN401
        applied = await apply(self, *batch)
        old.append((now_ms(), batch))
        del old[:-100]
        await again(self, *old[-1])
        await again(self, *old[len(old) // 2])
        return applied

    MySqlPersisting.apply = apply_twice  # type: ignore[assignment, method-assign]


if "FAULTS_CLOCK" in os.environ:
    jump(Path(os.environ["FAULTS_CLOCK"]))
if "FAULTS_BUILD" in os.environ:
    be_broken(os.environ["FAULTS_BUILD"])
if "FAULTS_TWICE" in os.environ:
    deliver_twice(Path(os.environ["FAULTS_TWICE"]))
