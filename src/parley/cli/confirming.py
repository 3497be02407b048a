"""Asks before something that cannot be undone."""

from __future__ import annotations

import sys
from typing import Annotated

from cyclopts import Parameter

from parley.domain.errors import ConfigurationError

Yes = Annotated[bool, Parameter(name="--yes", negative="", help="Do it without asking.")]


def confirm(question: str, *, yes: bool) -> bool:
    """Ask on stderr, for stdout is the result's; only ``y`` or ``yes`` is one.

    Raises:
        ConfigurationError: there is nobody to ask, and ``yes`` was not given.
    """
    if yes:
        return True
    if not sys.stdin.isatty():
        raise ConfigurationError("nobody can be asked here: say --yes to do it")
    sys.stdout.flush()  # what leads to the question
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() in {"y", "yes"}:
        return True
    sys.stderr.write("nothing was changed\n")
    return False
