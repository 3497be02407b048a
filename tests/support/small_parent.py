"""The real parent over small processes: ``python -m tests.support.small_parent``, with the environment's settings."""

from __future__ import annotations

import sys
from typing import Final

from parley.cli.processes.shared import run_shared
from parley.config import load_settings
from parley.domain.errors import ParleyError

SMALL_SERVICE: Final = (sys.executable, "-m", "tests.support.small_service")


def run() -> int:
    """Run the parent, and print an error as the command line does."""
    try:
        return run_shared(load_settings(), SMALL_SERVICE)
    except ParleyError as error:
        sys.stderr.write(f"{error.detail}\n")
        return 1


if __name__ == "__main__":
    sys.exit(run())
