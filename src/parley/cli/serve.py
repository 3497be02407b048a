"""``parley serve``: the full API, the write service and the workers in one process."""

from __future__ import annotations

from typing import Final

from parley.bootstrap.process import Roles
from parley.cli.processes.single import run_alone
from parley.cli.settings import EVERY, takes_settings
from parley.config import JOBS, Settings

_APART: Final = frozenset({"admin_bind", "processes", "jobs"})
"""Settings of roles that run apart."""


@takes_settings(*(name for name in EVERY if name not in _APART))
def serve(settings: Settings) -> None:
    """Run the full API, the write service and the workers in one process; Ctrl-C drains and stops.

    Example: parley serve --data-dir ./data --api-bind 127.0.0.1:3000
    """
    run_alone(settings, Roles(api=True, write=True, jobs=JOBS), "api", "write")
