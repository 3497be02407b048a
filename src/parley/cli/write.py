"""``parley write``: the write service alone, in one process or several on one address."""

from __future__ import annotations

from typing import Annotated, Final

from cyclopts import Parameter

from parley.bootstrap.process import Roles
from parley.cli.processes.inheritance import OPTION
from parley.cli.processes.shared import run_shared
from parley.cli.processes.single import run_alone, run_inherited
from parley.cli.settings import EVERY, takes_settings
from parley.config import Settings, refuse_files

_FOREIGN: Final = frozenset({"jobs"})
"""Settings of other roles; the API's address is named to who asks for more than creates."""

Inherited = Annotated[str | None, Parameter(name=OPTION, show=False)]


@takes_settings(*(name for name in EVERY if name not in _FOREIGN))
def write(settings: Settings, *, inherited: Inherited = None) -> int:
    """Run the write service apart from the rest, on one address in as many processes as --processes says.

    With several, a parent starts them, restarts one that dies, and answers health, readiness and
    metrics of all on --admin-bind; SIGHUP replaces them one by one without a failed request.

    Example: parley write --processes 2 --database-url mysql://parley@db/parley --log-url redis://log
    """
    refuse_files(settings, ["database_url", "log_url", "search_url"])
    if settings.processes > 1 and inherited is None:
        return run_shared(settings)
    roles = Roles(write=True)
    if inherited is None:
        run_alone(settings, roles, "write")
    else:
        run_inherited(settings, roles, inherited)
    return 0
