"""The compiled build: what the image has, and therefore what is measured."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Final

from benchmarks.suite.commit import ROOT
from parley.cli.diagnosis.machine import is_compiled

SOURCE: Final = {"PYTHONPATH": str(ROOT / "src")}
"""With this in its environment the same interpreter runs the source, which is not compiled."""

_MADE: Final = ROOT / ".compiled"


def go_on_compiled() -> None:
    """Make the compiled build, and go on in its environment: whatever is started from there is of it."""
    subprocess.run([str(ROOT / "scripts" / "compiled.sh")], check=True)
    if not _MADE.samefile(sys.prefix):
        python = str(_MADE / "bin" / "python")
        os.execv(python, [python, "-m", "benchmarks", *sys.argv[1:]])  # noqa: S606 - no shell is wanted


def describe_build() -> dict[str, str]:
    """Describe the interpreter, and Parley, as whatever is started from here has them."""
    # A distribution's own is built with profiles and need not say so.
    told = sysconfig.get_config_var("CONFIG_ARGS") or ""
    is_optimised = sys.base_prefix == "/usr" or "--enable-optimizations" in told
    path = Path(sys.executable).resolve()
    return {
        "Python": f"{platform.python_version()}, {path}, {'' if is_optimised else 'not '}optimised by profile",
        "Parley": "compiled" if is_compiled() else "not compiled",
    }
