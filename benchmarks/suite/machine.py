"""What machine a figure is of."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from pathlib import Path

import apsw

from benchmarks.suite.compiled import describe_build
from benchmarks.suite.disk import mountinfo, refuse_memory, syncs_a_second


def describe_machine(folder: Path) -> dict[str, str]:
    """Describe processor, memory, kernel, the disk below ``folder``, and what is installed."""
    mount = refuse_memory(folder, mountinfo())
    return {
        "processor": _first("/proc/cpuinfo", "model name") or platform.processor() or platform.machine(),
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{int(_first('/proc/meminfo', 'MemTotal').split()[0]) / (1 << 20):.1f} GiB",
        "kernel": f"{platform.system()} {platform.release()}",
        "disk": f"{mount.device}, {mount.kind}",
        "synced writes of 4 KiB": f"{syncs_a_second(folder):,.0f}/s, one after the other",
        **describe_build(),
        "SQLite": apsw.sqlite_lib_version(),
        "Go": _says("go", "version"),
        "wrk": _says("wrk", "--version"),
    }


def _first(file: str, name: str) -> str:
    for line in Path(file).read_text("utf-8").splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return ""


def _says(*command: str) -> str:
    """Give the first line that a program prints, whatever it ends with: wrk tells its version with 1."""
    if shutil.which(command[0]) is None:
        return "not installed"
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return (done.stdout or done.stderr).partition("\n")[0].strip()
