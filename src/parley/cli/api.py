"""``parley api``: the full API alone."""

from __future__ import annotations

from typing import Final

from parley.bootstrap.process import Roles
from parley.cli.processes.single import run_alone
from parley.cli.settings import EVERY, takes_settings
from parley.config import Settings, refuse_files

_FOREIGN: Final = frozenset({"write_bind", "admin_bind", "processes", "jobs"})
"""Settings of other roles."""


@takes_settings(*(name for name in EVERY if name not in _FOREIGN))
def api(settings: Settings) -> None:
    """Run the full API in a process of its own; write processes and workers run beside it.

    Example: parley api --database-url mysql://parley@db/parley --log-url redis://log --search-url http://search:9200
    """
    refuse_files(settings, ["database_url", "log_url", "search_url"])
    run_alone(settings, Roles(api=True), "api")
