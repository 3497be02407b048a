"""``parley work``: workers alone."""

from __future__ import annotations

from typing import Final

from parley.bootstrap.process import Roles
from parley.cli.processes.single import run_alone
from parley.cli.settings import EVERY, takes_settings
from parley.config import Settings, refuse_files

_FOREIGN: Final = frozenset({"api_bind", "write_bind", "cors_origins", "processes"})
"""Settings of other roles."""


@takes_settings(*(name for name in EVERY if name not in _FOREIGN))
def work(settings: Settings) -> None:
    """Run workers: those of --jobs, all by default; start more processes and they share the partitions.

    Health, readiness and metrics are on --admin-bind.

    Example: parley work --jobs persist,index --database-url mysql://parley@db/parley --log-url redis://log
    """
    jobs = tuple(settings.jobs.split(","))
    refuse_files(settings, ["database_url", "log_url", "search_url"])
    run_alone(settings, Roles(jobs=jobs), "admin")
